"""`python -m store.feeds`: print the JSON Schema of an exposure's `config.meta`."""

import json
import sys

from store.feeds.declaration import schema

sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
