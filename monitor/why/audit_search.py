"""Find a row in packages: what their audit decided, and where it was sent.

A file without an audit has only its own rows: what it says of a row is the row.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monitor.why.csv_search import Record, find
from monitor.why.search import Match
from monitor.why.subjects import Subject
from store.cells import formatted, read_lines
from store.dialect import RFC_4180
from store.ledger import Ledger
from store.outbox import packages
from store.package import Package


def packages_about(
    outbox: Path, ledger: Ledger, subject: Subject, feed: str | None
) -> dict[str, list[Package]]:
    """Return the packages of each file that is about a subject, newest first.

    Only the newest manifest of a file that can be read is read here: a year has many.
    Of the others use those that `is_about`.

    Args:
        outbox: the folder of packages.
        ledger: adds its records.
        subject: what the audit, or the file without one, is about.
        feed: only the packages of this feed or file.
    """
    files: dict[str, list[Package]] = {}
    for package in reversed(packages(outbox, ledger)):
        if feed in (None, package.file, package.feed) and not _is_pruned(package):
            files.setdefault(package.file, []).append(package)
    about = {}
    for file, having in files.items():
        columns = (_readable_columns(package) for package in having)
        if {*subject.file_key} <= next(filter(None, columns), set()):
            about[file] = having
    return about


def is_about(package: Package, subject: Subject) -> bool:
    """Return whether an audit, or a file without one, has the subject's key."""
    return {*subject.file_key} <= _readable_columns(package)


def _is_pruned(package: Package) -> bool:
    """Whether there is no table any more; the manifest is not read for that."""
    folder = package.folder
    return (folder / "pruned.json").is_file() and not (folder / "audit.csv").is_file()


def _readable_columns(package: Package) -> set[str]:
    """Return the columns of `_columns`; none if they cannot be read."""
    try:
        return _columns(package)
    except (OSError, ValueError):
        return set()


def _columns(package: Package) -> set[str]:
    """Return the columns of a package's audit, or of its file if it has no audit."""
    table = package.table("audit")
    if not table:
        return {*package.fields}
    return {each["name"] for each in table["schema"]["fields"]}


def extract_runs(package: Package) -> Mapping[str, str]:
    """Return the extract run of each source that the file was made from."""
    return {each["source"]: each["run_id"] for each in package.run.get("inputs", ())}


def may_have(package: Package, match: Match) -> bool:
    """Whether the file can have a row: a split file has only rows of one value."""
    split = package.run.get("split")
    return split is None or split in map(str, match.row.values())


def read_decision(package: Package, match: Match) -> dict[str, str | None]:
    """Return the row of audit.csv, or of a file without one; empty if it has none."""
    subject, row = match.subject, match.row
    if not package.table("audit"):
        for record in _sent(package, match):
            return {name: value or None for name, value in record.values.items()}
        return {}
    names = (subject.id, *subject.place)
    if subject.id not in _columns(package):
        names = subject.file_key[::-1]
    audit = package.folder / "audit.csv"
    for record in find(audit, RFC_4180, names[0], _text(row[names[0]])):
        if all(record.values[name] == _text(row[name]) for name in names):
            return {name: value or None for name, value in record.values.items()}
    return {}


def read_sent(package: Package, match: Match) -> dict[str, Any]:
    """Return the file and the lines of it that have a row; empty if none has."""
    records = _sent(package, match)
    if not records:
        return {}
    path = package.folder / package.resource["path"]
    outcome = package.last_outcome or {}
    operation = (package.run.get("delta") or {}).get("column")
    return {
        "file": package.file,
        "run_id": package.run_id,
        "name": path.name,
        "path": str(path),
        "first_line": records[0].first_line,
        "last_line": records[-1].last_line,
        "fate": package.outcome,
        "destination": outcome.get("destination"),
        "at": outcome.get("at"),
        **({"operation": records[0].values[operation]} if operation else {}),
    }


def _sent(package: Package, match: Match) -> list[Record]:
    """Return the records of the file that have the key of a row."""
    fields = package.fields
    key = {
        name: formatted(fields.get(name, {}), _text(match.row[name]))
        for name in match.subject.file_key
    }
    # The last column has the most values.
    *_, (column, value) = key.items()
    if not value or not may_have(package, match):
        return []
    path = package.folder / package.resource["path"]
    some = _find(package, path, column, value)
    return [record for record in some if key.items() <= record.values.items()]


def _find(package: Package, path: Path, column: str, value: str) -> Iterator[Record]:
    """Yield the records of the file that have a value in a column."""
    dialect, fields = package.dialect, package.fields
    if dialect.format == "delimited":
        yield from find(path, dialect, column, value, tuple(fields))
    elif path.is_file():
        for line, values in read_lines(path, dialect, fields):
            if values.get(column) == value:
                yield Record(values, line, line)


def _text(value: object) -> str:
    return "" if value is None else str(value)
