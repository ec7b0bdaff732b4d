"""What a partner is promised of the bytes: columns and dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract: `type` in DuckDB's words, lower case."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table becomes bytes; the fields are those of feed.schema.json."""

    encoding: str
    delimiter: str
    quote: str
    quoting: str
    escape: str
    null_text: str
    newline: str
    header: bool
    timestamp_format: str
    date_format: str

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> "Dialect":
        """Read a declared dialect; there line ends have names: dbt drops a bare one."""
        newline = {"lf": "\n", "crlf": "\r\n"}[declared["newline"]]
        return cls(**{**declared, "newline": newline})
