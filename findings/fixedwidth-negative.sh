#!/usr/bin/env bash
# Guess: FixedWidth reads the lines that it writes ("easy two-way conversion"). A negative number
#   that is filled up with zeros has the sign in front: -0003. A date that may be absent is blank.
# Fact: FixedWidth 1.3 puts the zeros before the sign: -3 is 00-3, and -2.75 is 000-2.75. Its own
#   reader refuses both, and also the blanks that it wrote for an absent date. Positive numbers and
#   given dates come back. No error when the file is written: the partner finds it.
# Source: FixedWidth's page at PyPI; fixedwidth/fixedwidth.py, _build_line and _string_to_dict.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check FixedWidth==1.3
"$folder/env/bin/python" - <<'PY'
import datetime
import sys
from decimal import Decimal
from importlib.metadata import version

from fixedwidth.fixedwidth import FixedWidth

print("FixedWidth", version("FixedWidth"))
NUMBER = {"alignment": "right", "padding": "0", "required": True}
DATE = {"alignment": "left", "padding": " ", "required": False, "format": "%Y%m%d"}
FIELDS = {
    "quantity": {"type": "integer", "start_pos": 1, "end_pos": 5, **NUMBER},
    "price": {"type": "decimal", "precision": 2, "start_pos": 6, "end_pos": 13, **NUMBER},
    "due": {"type": "date", "start_pos": 14, "end_pos": 21, **DATE},
}
due = datetime.datetime(2026, 1, 31)
rows = {
    "all positive": {"quantity": 3, "price": Decimal("2.75"), "due": due},
    "negative quantity": {"quantity": -3, "price": Decimal("2.75"), "due": due},
    "negative price": {"quantity": 3, "price": Decimal("-2.75"), "due": due},
    "no date": {"quantity": 3, "price": Decimal("2.75")},
}
seen = {}
for name, row in rows.items():
    writer, reader = FixedWidth(FIELDS), FixedWidth(FIELDS)
    writer.update(**row)
    line = writer.line
    try:
        reader.line = line
        answer = "read back" if reader.data == row else "read back as another row"
    except (ValueError, ArithmeticError) as error:
        answer = type(error).__name__
    seen[name] = line.rstrip("\r\n"), answer
    print(f"{name}: {seen[name][0]!r}, {answer}")
surprise = seen == {
    "all positive": ("0000300002.7520260131", "read back"),
    "negative quantity": ("000-300002.7520260131", "ValueError"),
    "negative price": ("00003000-2.7520260131", "InvalidOperation"),
    "no date": ("0000300002.75        ", "ValueError"),
}
sys.exit(None if surprise else "the behaviour has changed")
PY
