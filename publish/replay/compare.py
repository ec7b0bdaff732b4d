"""Two packages, file by file: the same bytes, or the first line that is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from publish.package import SUMS
from publish.replay.recorded import Recorded
from runtime.files import sha256_of

_BEFORE, _AFTER = 40, 120


@dataclass(frozen=True, slots=True)
class Difference:
    """One file of both packages.

    Attributes:
        name: of the file.
        identical: whether every byte is the same.
        expected: SHA-256 in the run's package; None if it is not there.
        found: SHA-256 in the package made again; None if it is not there.
        line: the first line that differs, counted from 1; None if none does.
        was: that line in the run's package, around the first difference.
        is_: that line in the package made again.
    """

    name: str
    identical: bool
    expected: str | None
    found: str | None
    line: int | None = None
    was: str | None = None
    is_: str | None = None


def packages(run: Path, again: Path) -> Iterator[Difference]:
    """Compare what SHA256SUMS covers; the signature and the receipt are beside it."""
    ours, theirs = _listed(run), _listed(again)
    for name in sorted(ours | theirs, key=lambda name: (_rank(name), name)):
        expected, found = ours.get(name), theirs.get(name)
        if expected == found:
            yield Difference(name, True, expected, found)
            continue
        line, was, is_ = (
            _first(run / name, again / name) if expected and found else (None,) * 3
        )
        yield Difference(name, False, expected, found, line, was, is_)


def digest(package: Path) -> str:
    """Return the digest of a package."""
    return sha256_of(package / SUMS)


def reasons(run: Recorded, again: Recorded) -> Iterator[str]:
    """Say what the two were made of that is not the same."""
    was, is_ = run.run, again.run
    for field, words in (
        ("contract_sha256", "the contract: columns, types, key, order or dialect"),
        ("suite_sha256", "the suite of expectations"),
        ("guards", "the guards of the exposure"),
        ("lock_sha256", "requirements.lock, hence perhaps the versions of packages"),
    ):
        if was.get(field) != is_.get(field):
            yield f"{words} ({field})"
    for then, now, words in (
        (run.built_from, again.built_from, "what dbt built from"),
        (was["thresholds"], is_["thresholds"], "variables of dbt (thresholds)"),
    ):
        changed = sorted(
            name for name in {*then, *now} if then.get(name) != now.get(name)
        )
        if changed:
            yield f"{words}: {', '.join(changed)}"
    if was["dbt"]["version"] != is_["dbt"]["version"]:
        yield f"dbt: {was['dbt']['version']} then, {is_['dbt']['version']} now"


def _listed(package: Path) -> dict[str, str]:
    lines = (package / SUMS).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("  ") for line in lines)
    return {name: digest for digest, _, name in pairs}


def _rank(name: str) -> int:
    """The feed first, then the tables beside it, then what tells of them."""
    if name in ("audit.csv", "changes.csv"):
        return 1
    return 0 if name.endswith(".csv") else 2


def _first(run: Path, again: Path) -> tuple[int | None, str | None, str | None]:
    with run.open("rb") as ours, again.open("rb") as theirs:
        for number, (was, is_) in enumerate(zip_longest(ours, theirs), 1):
            if was != is_:
                place = _place(was or b"", is_ or b"")
                return number, _around(was, place), _around(is_, place)
    return None, None, None


def _place(was: bytes, is_: bytes) -> int:
    pairs = enumerate(zip(was, is_, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(was), len(is_)))


def _around(line: bytes | None, place: int) -> str:
    if line is None:
        return "(no such line)"
    text = line.rstrip(b"\r\n")[max(0, place - _BEFORE) : place + _AFTER]
    return text.decode("utf-8", "replace")
