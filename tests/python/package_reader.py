"""A partner's own reader, written from the documents and not from our code.

It reads delimited text character by character, so that a missing value differs from an
empty text, and applies changes.csv to rows.
"""

import json
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from commands import ROOT

Row = tuple[str | None, ...]


def records(text: str, dialect: dict[str, Any]) -> Iterator[Row]:
    """Yield the records of a text in a manifest's dialect, the header included."""
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


DIALECT = {
    "delimiter": ",",
    "quoteChar": '"',
    "doubleQuote": True,
    "lineTerminator": "\n",
    "nullSequence": "",
}


def sides(changes: Path) -> list[tuple[str, Row | None, Row | None]]:
    """Return each change as (kind, old row, new row)."""
    header, *lines = records(changes.read_bytes().decode(), DIALECT)
    assert header[:3] == ("_change", "_columns", "_before")
    changes: list[tuple[str, Row | None, Row | None]] = []
    for kind, columns, before, *cells in lines:
        row = tuple(cells)
        if kind == "added":
            changes.append((kind, None, row))
        elif kind == "removed":
            changes.append((kind, row, None))
        else:
            assert kind == "changed"
            assert before is not None and columns is not None
            earlier = json.loads(before)
            assert columns.split("|") == list(earlier)
            old = [earlier.get(n, c) for n, c in zip(header[3:], row, strict=True)]
            changes.append((kind, tuple(old), row))
    return changes


def applied(old: list[Row], changes: Path) -> Counter[Row]:
    """Apply changes.csv to rows; every removed row must be among them."""
    held = Counter(old)
    for _, before, after in sides(changes):
        if before is not None:
            assert held[before] > 0, before
            held[before] -= 1
        if after is not None:
            held[after] += 1
    return +held


def described(package: Path) -> list[Any]:
    """Validate the tables of a package by frictionless, keys included.

    It runs in a child process, because its import raises deprecation warnings.

    Returns:
        Whether they are valid, each error as [type, message], the rows of each table.
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
    report: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def packages_of_before(folder: Path) -> None:
    """Extract packages and ledgers that an earlier version made, a folder a feed."""
    with tarfile.open(ROOT / "tests/fixtures/packages_of_before.tar.gz") as archive:
        # Python 3.11.4 brought filters; that of Debian 12 is older.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
