"""The last result of `publish check` for each folder: `<data>/checks/<DEST>.json`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime import formats


def folder(data: Path) -> Path:
    """Return where results are kept in a data directory."""
    return data / "checks"


def read(data: Path, destination: str) -> dict[str, dict[str, Any]]:
    """Return the last result of every folder of a destination.

    Returns:
        Results by folder, with `at`, `verdict`, `message` and `facts`; see
        `publish.check.report`. Empty if nothing was checked.

    Raises:
        OSError, ValueError: the file cannot be read.
        Refused: a newer version wrote it.
    """
    file = folder(data) / f"{destination}.json"
    results: dict[str, dict[str, Any]]
    results = formats.read("checks", file).get("checks", {}) if file.exists() else {}
    return results


def keep(data: Path, destination: str, where: str, result: Mapping[str, Any]) -> None:
    """Replace the result of one folder."""
    try:
        earlier = read(data, destination)
    except ValueError:  # damaged: the new result is worth more
        earlier = {}
    file = folder(data) / f"{destination}.json"
    formats.write("checks", file, {"checks": {**earlier, where: dict(result)}})
