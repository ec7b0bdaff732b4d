"""The versions of the formats that last, and the refusal of one that is newer.

A file without a version has version 1: that of the first release. CONTRIBUTING says
how a format changes.

| format | version is in | it covers |
|---|---|---|
| ledger | ledger.head | the ledger, and the partner states and files that it names |
| package | `run.format` of a manifest | all files of a package |
| extract | extract.json, run.json of an unfinished run | the files beside it |
| alerts | alerts/state.json | that file |
| backup | backup.json | that file |
| checks | checks/<destination>.json | that file |
| profiles | each file of profiles/ | that file |
| trust | trust/<destination>.json | that file |
| build | spark/builds/<build>/part-* | the tables that it lists |
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime import shapes
from runtime.exits import Refused
from runtime.files import read_json, write_json

VERSIONS = {
    "ledger": 1, "package": 1, "extract": 1, "alerts": 1, "backup": 1, "checks": 1,
    "profiles": 1, "trust": 1, "build": 1,
}  # fmt: skip
_SHAPES: Mapping[str, Any] = {
    "extract": shapes.Extract,
    "alerts": shapes.Alerts,
    "backup": shapes.Backup,
    "checks": shapes.Checks,
    "profiles": shapes.Profile,
}


def read(name: str, path: Path, shape: Any = None) -> dict[str, Any]:
    """Read a JSON file whose version is its field `format`.

    Args:
        name: of the format.
        path: the file.
        shape: a class of `shapes`, if it is not the usual one of the format.

    Raises:
        OSError: there is no such file.
        DamagedError: it is not a JSON object, or lacks a field; names file and field.
        Refused: a newer version of the product wrote it.
    """
    content = read_json(path)
    check(name, content, path)
    if shape := shape or _SHAPES.get(name):
        shapes.check(content, shape, path)
    return content


def write(name: str, path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file with the version of its format, whole or not at all."""
    write_json(path, {"format": VERSIONS[name], **content})


def check(name: str, content: Mapping[str, Any], path: Path) -> None:
    """Check that this version of the product can read a file.

    Args:
        name: of the format.
        content: what has its version, as `format`.
        path: the file; for the message.

    Raises:
        Refused: a newer version of the product wrote it.
    """
    version = content.get("format", 1)
    if version != VERSIONS[name] and not (
        isinstance(version, int) and 1 <= version < VERSIONS[name]
    ):
        raise Refused(
            f"{path}: expected the {name} format {VERSIONS[name]} or older, found "
            f"{version!r}. A newer version of this product wrote it; nothing was "
            "changed. Use that version, or a copy of the data directory from before."
        )
