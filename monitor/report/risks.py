"""Which values of a file many programs misread, and which programs those are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from store.package import Package

# Of this product, not of the project that is published.
READING = Path(__file__).parents[2] / "docs" / "reading.md"
_READERS = READING.parent / "reading" / "readers.yml"


def known() -> dict[str, Any]:
    """Return what docs/reading/readers.yml knows of each kind; {} without the file."""
    try:
        kinds: dict[str, Any] = yaml.safe_load(_READERS.read_text("utf-8"))["misread"]
    except OSError:
        return {}
    return kinds


def of_file(
    package: Package, kinds: Mapping[str, Any], page: str
) -> list[dict[str, Any]] | None:
    """Return the risky values of the file, by kind; None if an older version made it.

    Args:
        package: whose manifest has them.
        kinds: from `known`.
        page: the link to docs/reading.md.

    Returns:
        Words for the kind, the number of values, key and column of the first row, the
        programs that misread the kind without options, and where to read on.
    """
    risks = package.resource.get("risks")
    if risks is None:
        return None
    sample = "orders" if "escapeChar" in package.resource["dialect"] else "inventory"
    rows = []
    for name, risk in risks.items():
        kind = kinds.get(name, {})
        key = risk["first"]["key"]
        rows.append(
            {
                "words": kind.get("words", name),
                "values": risk["values"],
                "first": " / ".join(
                    key[each] for each in _key(package) if key.get(each)
                ),
                "column": risk["first"]["column"],
                "readers": [*kind.get(sample, ()), *kind.get("not_run", ())],
                "href": page,
            }
        )
    return rows


def _key(package: Package) -> list[str]:
    return list(package.resource.get("key", ()))
