"""Sizes, times, modes and names of files on FTP servers, each in several ways."""

import ftplib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from publish.transport.connection import Entry
from publish.transport.digests import ALGORITHMS, Digest
from publish.transport.ftp_session import Session

_FORBIDDEN = re.compile(r"permi|denied|allowed|forbidden", re.IGNORECASE)


class Files:
    """Asks about the files of the folder that a session is in.

    Every method raises the errors of ftplib.
    """

    def __init__(self, session: Session, features: Mapping[str, str]) -> None:
        """Ask over `session`, by what FEAT lists."""
        self._session = session
        self._features = features

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such file.

        Raises:
            LookupError: no way gives it; has the line that was not understood.
        """
        for way in (self._size, self._mlst_size):
            with _or_another_way():
                return way(name)
        entry = find_in_list(self._session.lines("LIST"), name)
        return entry.bytes if entry else None

    def modified(self, name: str) -> datetime | None:
        """Return when a file was last changed; None if the server does not say."""
        if "MDTM" in self._features:
            reply = self._or_none(f"MDTM {name}")
            return time_of(reply[3:].strip()) if reply else None
        with suppress(LookupError):
            entry = self._mlst(name) if "MLST" in self._features else None
            return entry.modified if entry else None
        return None

    def mode(self, name: str) -> str | None:
        """Return a file's permissions in octal; None if the server does not say."""
        with suppress(ftplib.error_perm, LookupError):
            entry = self._mlst(name) if "MLST" in self._features else None
            if entry is None or entry.mode is None:
                entry = find_in_list(self._session.lines("LIST"), name)
            return entry.mode if entry else None
        return None

    def entries(self) -> Sequence[Entry]:
        """Return the files by name: by MLSD, else names alone by NLST, else by LIST."""
        files = {entry.name: entry for entry in self._entries()}
        return [files[name] for name in sorted(files)]

    def _entries(self) -> Sequence[Entry]:
        if self._may_know("MLST"):
            with suppress(ftplib.error_perm):
                entries = [facts_of(line) for line in self._session.lines("MLSD")]
                return [entry for entry in entries if entry is not None]
        try:
            return [Entry(name) for name in self._names()]
        except ftplib.error_perm as error:
            with suppress(ftplib.error_perm):
                return read_list(self._session.lines("LIST"))
            raise error from None

    def _may_know(self, command: str) -> bool:
        """Say whether FEAT lists a command, or lists nothing at all."""
        return not self._features or command in self._features

    def _or_none(self, command: str) -> str | None:
        """Send a command about a file; None if the server knows no such file."""
        try:
            return self._session.sendcmd(command)
        except ftplib.error_perm as error:
            if _absent(error):
                return None
            raise

    def _size(self, name: str) -> int | None:
        """Ask by SIZE.

        Raises:
            LookupError: the server gives no size this way.
        """
        if not self._may_know("SIZE"):
            raise LookupError
        reply = self._or_none(f"SIZE {name}")
        if reply is None:
            return None
        match = re.match(r"213\s+(\d+)\s*$", reply)
        if not match:
            raise LookupError
        return int(match[1])

    def _mlst_size(self, name: str) -> int | None:
        if not self._may_know("MLST"):
            raise LookupError
        entry = self._mlst(name)
        if entry is not None and entry.bytes is None:
            raise LookupError
        return entry.bytes if entry else None

    def _mlst(self, name: str) -> Entry | None:
        """Ask by MLST; None if the server knows no such file.

        Raises:
            LookupError: the answer holds no facts.
        """
        reply = self._or_none(f"MLST {name}")
        if reply is None:
            return None
        lines = reply.splitlines()
        if len(lines) < 3:
            raise LookupError
        return facts_of(lines[1])

    def _names(self) -> Sequence[str]:
        try:
            # Some servers answer with paths, some list the folder itself.
            lines = [line.rpartition("/")[2] for line in self._session.lines("NLST")]
        except ftplib.error_perm as error:
            if _absent(error):
                return []
            raise
        return [name for name in lines if name not in ("", ".", "..")]


@contextmanager
def _or_another_way() -> Iterator[None]:
    """Go on after an answer by which a file's size is not known.

    A listed command may be forbidden, or unknown nevertheless. 450 is temporary, but
    one program (ftpd for Node.js) answers so for every missing file.
    """
    try:
        yield
    except (ftplib.error_perm, LookupError):
        pass
    except ftplib.error_temp as error:
        if not str(error).startswith("450"):
            raise


def _absent(error: ftplib.error_perm) -> bool:
    """Say whether 550 means "no such file", not "you may not"."""
    return str(error).startswith("550") and not _FORBIDDEN.search(str(error))


# ls -l, as most servers list: rights, links, owner, group, bytes, three words of time.
_UNIX = re.compile(
    r"-(?P<mode>\S{9})\S*\s+\d+\s+\S+\s+\S+\s+(?P<bytes>\d+)\s+\S+\s+\S+\s+\S+ "
    r"(?P<name>.+)"
)
# IIS: 01-15-26  06:00AM  1234 name
_DOS = re.compile(
    r"\d\d-\d\d-\d{2,4}\s+\d\d:\d\d(?:AM|PM)?\s+(?P<bytes>\d+) (?P<name>.+)"
)
# Folders, links and the number of blocks.
_NO_FILE = re.compile(r"[dl][-rwxsStT]{9}|total |\S+\s+\S+\s+<DIR>")


def facts_of(line: str) -> Entry | None:
    """Read a line of MLSD or MLST: `type=file;size=12;modify=20260115060000; name`.

    Returns:
        None for what is not a file.
    """
    pairs, _, name = line.strip().partition(" ")
    facts = dict(pair.lower().split("=", 1) for pair in pairs.split(";") if "=" in pair)
    if facts.get("type", "file") != "file":
        return None
    size, mode = facts.get("size", ""), facts.get("unix.mode", "")
    return Entry(
        name.rpartition("/")[2],
        int(size) if size.isdecimal() else None,
        time_of(facts.get("modify", "")),
        mode.zfill(4) if re.fullmatch("[0-7]{3,4}", mode) else None,
    )


def time_of(text: str) -> datetime | None:
    """Read a time as MDTM and MLST write it, in UTC: `20260115060000.123`."""
    match = re.match(r"\d{14}", text)
    if not match:
        return None
    try:
        return datetime.strptime(match[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def find_in_list(lines: Iterable[str], name: str) -> Entry | None:
    """Find a file in what LIST wrote; None if it is not there.

    Raises:
        LookupError: a line may be about the file, but its form is unknown.
    """
    for line in lines:
        entry = _read_line(line)
        if entry is None and line.endswith(f" {name}") and line[0] not in "dl":
            raise LookupError(line)
        if entry is not None and entry.name == name:
            return entry
    return None


def read_list(lines: Iterable[str]) -> Sequence[Entry]:
    """Read all files in what LIST wrote.

    Raises:
        LookupError: a line may be about a file, but its form is unknown.
    """
    entries = []
    for line in filter(str.strip, lines):
        entry = _read_line(line)
        if entry is not None:
            entries.append(entry)
        elif not _NO_FILE.match(line):
            raise LookupError(line)
    return entries


def _read_line(line: str) -> Entry | None:
    match = _UNIX.fullmatch(line.rstrip()) or _DOS.fullmatch(line.rstrip())
    if match is None:
        return None
    rights = match.groupdict().get("mode")
    mode = _octal(rights) if rights else None
    return Entry(match["name"], int(match["bytes"]), mode=mode)


def _octal(rights: str) -> str:
    """Return nine letters such as rw-r--r-- as octal digits."""
    bits = "".join("0" if letter in "-ST" else "1" for letter in rights)
    return f"{int(bits, 2):04o}"


# Commands of older servers, by algorithm; HASH (a draft) is preferred.
_COMMANDS = {
    "SHA-256": "XSHA256",
    "SHA-512": "XSHA512",
    "SHA-1": "XSHA1",
    "MD5": "XMD5",
    "CRC32": "XCRC",
}
_DIGITS = {"SHA-256": 64, "SHA-512": 128, "SHA-1": 40, "MD5": 32, "CRC32": 8}


def hash_offered(features: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the strongest algorithm that FEAT offers, and its command."""
    # HASH SHA-1*;SHA-256;MD5 (the star marks the default)
    listed = features.get("HASH", "").upper().replace("*", "").split(";")
    for algorithm in ALGORITHMS:
        if algorithm in (word.strip() for word in listed):
            return algorithm, "HASH"
        if _COMMANDS[algorithm] in features:
            return algorithm, _COMMANDS[algorithm]
    return None, ""


def digest_in_reply(reply: str, algorithm: str, name: str) -> Digest | None:
    """Find the hash in a reply; servers put other text before and after it."""
    digits = _DIGITS[algorithm]
    # A file's name may look like a hash; a CRC may have lost its leading zeros.
    text = re.sub(r"(?m)^\d{3}[ -]", "", reply).replace(name, " ")
    form = r"[0-9A-F]{1,8}" if algorithm == "CRC32" else rf"[0-9A-F]{{{digits}}}"
    hashes = [word for word in text.split() if re.fullmatch(form, word, re.IGNORECASE)]
    return Digest.parse(algorithm, hashes[-1]) if hashes else None
