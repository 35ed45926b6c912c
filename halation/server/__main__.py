"""``python -m halation.server`` prints the OpenAPI document."""

import json

from halation.server.app import describe

print(json.dumps(describe(), indent=1, ensure_ascii=False))
