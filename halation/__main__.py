"""``python -m halation``."""

from halation.cli import main

main()
