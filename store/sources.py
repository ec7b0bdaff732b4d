"""What `extract` landed: which runs, with what counts and which bytes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime import formats
from runtime.files import read_json


@dataclass(frozen=True, slots=True)
class Source:
    """One source in `landing/current`; `landed` is its extract.json."""

    name: str
    landed: Mapping[str, Any]


def read(landing: Path, names: Iterable[str]) -> list[Source]:
    """Read extract.json of each source; one that cannot be read is an empty mapping.

    Raises:
        Refused: a newer version of the product wrote one.
    """
    sources = []
    for name in names:
        path = landing / "current" / name / "extract.json"
        try:
            landed = read_json(path)
            formats.check("extract", landed, path)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            landed = {}
        sources.append(Source(name, landed))
    return sources


def absent(landing: Path, names: Iterable[str]) -> list[str]:
    """Name the sources of which nothing was ever landed."""
    paths = {name: landing / "current" / name for name in names}
    return [
        n for n, path in paths.items() if not path.exists() and not path.is_symlink()
    ]
