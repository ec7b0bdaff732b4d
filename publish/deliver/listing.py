"""Size and time of files, out of what FTP servers list."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from publish.deliver import Entry

# ls -l, as most servers list: rights, links, owner, group, bytes, three words of time.
_UNIX = re.compile(r"-\S{9}\S*\s+\d+\s+\S+\s+\S+\s+(\d+)\s+\S+\s+\S+\s+\S+ (.+)")
# IIS: 01-15-26  06:00AM  1234 name
_DOS = re.compile(r"\d\d-\d\d-\d{2,4}\s+\d\d:\d\d(?:AM|PM)?\s+(\d+) (.+)")


def facts_of(line: str) -> Entry | None:
    """Read a line of MLSD or MLST: `type=file;size=12;modify=20260115060000; name`.

    Returns:
        None for what is not a file.
    """
    written, _, name = line.strip().partition(" ")
    facts = dict(
        pair.lower().split("=", 1) for pair in written.split(";") if "=" in pair
    )
    if facts.get("type", "file") != "file":
        return None
    size = facts.get("size", "")
    return Entry(
        name.rpartition("/")[2],
        int(size) if size.isdecimal() else None,
        time_of(facts.get("modify", "")),
    )


def time_of(text: str) -> datetime | None:
    """Read a time as MDTM and MLST write it, in UTC: `20260115060000.123`."""
    found = re.match(r"\d{14}", text)
    if not found:
        return None
    try:
        return datetime.strptime(found[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def size_in(lines: Iterable[str], name: str) -> int | None:
    """Find a file's size in what LIST wrote; None if it is not there.

    Raises:
        LookupError: a line may be about the file, but has no form that is known.
    """
    for line in lines:
        found = _UNIX.fullmatch(line.rstrip()) or _DOS.fullmatch(line.rstrip())
        if found is None and line.endswith(f" {name}") and line[0] not in "dl":
            raise LookupError(line)
        if found is not None and found[2] == name:
            return int(found[1])
    return None
