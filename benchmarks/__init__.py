"""Speed and sound of whole songs; ``make bench`` and ``make soak``."""
