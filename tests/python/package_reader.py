"""A partner's own tools, written from the documents and not from our code.

Reads delimited text character by character, so that a missing value and an empty text
stay apart, and applies changes.csv to rows.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = tuple[str | None, ...]


def records(text: str, dialect: dict[str, Any]) -> Iterator[Row]:
    """Yield the records of a file in a dialect of a manifest, the header too."""
    delimiter, quote = dialect["delimiter"], dialect["quoteChar"]
    escape = quote if dialect["doubleQuote"] else dialect["escapeChar"]
    end, null = dialect["lineTerminator"], dialect["nullSequence"]
    every = dialect.get("allQuoted", False)
    row: list[str | None] = []
    place = 0
    while place < len(text):
        quoted = text[place] == quote
        cell = ""
        if quoted:
            place += 1
            while True:
                here = text[place]
                if here == escape and text[place + 1] in (quote, escape):
                    cell += text[place + 1]
                    place += 2
                elif here == quote:
                    place += 1
                    break
                else:
                    cell += here
                    place += 1
        else:
            while text[place] != delimiter and not text.startswith(end, place):
                cell += text[place]
                place += 1
        row.append(None if cell == null and (every or not quoted) else cell)
        if text.startswith(end, place):
            yield tuple(row)
            row = []
            place += len(end)
        else:
            assert text[place] == delimiter, text[place - 20 : place + 20]
            place += 1
    assert not row


def rows(path: Path, dialect: dict[str, Any]) -> list[Row]:
    """Return the rows of a file without its header."""
    return list(records(path.read_bytes().decode(), dialect))[1:]


HOUSE = {
    "delimiter": ",",
    "quoteChar": '"',
    "doubleQuote": True,
    "lineTerminator": "\n",
    "nullSequence": "",
}


def sides(changes: Path) -> list[tuple[str, Row | None, Row | None]]:
    """Return each change as (kind, old row, new row)."""
    header, *lines = records(changes.read_bytes().decode(), HOUSE)
    assert header[:3] == ("_change", "_columns", "_before")
    found: list[tuple[str, Row | None, Row | None]] = []
    for kind, columns, before, *cells in lines:
        row = tuple(cells)
        if kind == "added":
            found.append((kind, None, row))
        elif kind == "removed":
            found.append((kind, row, None))
        else:
            assert kind == "changed"
            assert before is not None and columns is not None
            earlier = json.loads(before)
            assert columns.split("|") == list(earlier)
            old = [earlier.get(n, c) for n, c in zip(header[3:], row, strict=True)]
            found.append((kind, tuple(old), row))
    return found


def applied(old: list[Row], changes: Path) -> Counter[Row]:
    """Apply changes.csv to rows; every row that goes must be there."""
    held = Counter(old)
    for _, before, after in sides(changes):
        if before is not None:
            assert held[before] > 0, before
            held[before] -= 1
        if after is not None:
            held[after] += 1
    return +held


def described(package: Path) -> list[Any]:
    """Ask frictionless whether the tables are as the manifest says, keys included.

    It runs in a child process: its import is deprecated here and there.

    Returns:
        Whether they are, each fault as [type, message], the rows of each table.
    """
    (path,) = package.glob("*.manifest.json")
    script = (
        "import frictionless, json, sys\n"
        f"report = frictionless.validate({path.name!r}, type='package')\n"
        "print(json.dumps([report.valid, report.flatten(['type', 'message']),"
        " [task.stats.get('rows') for task in report.tasks]]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=package, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found
