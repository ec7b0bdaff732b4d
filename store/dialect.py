"""How a table becomes a CSV file, and how each of our readers reads it back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.duck import text


@dataclass(frozen=True, slots=True)
class Dialect:
    """The form of a CSV file; an exposure declares these fields.

    The defaults are the form of audit.csv and of every other file of ours: RFC 4180,
    UTF-8, LF; a missing value is nothing, an empty text is "".
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    quoting: str = "minimal"
    escape: str = '"'
    null_text: str = ""
    newline: str = "\n"
    header: bool = True
    timestamp_format: str = "%Y-%m-%dT%H:%M:%SZ"
    date_format: str = "%Y-%m-%d"

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> "Dialect":
        """Read a declared dialect, where line ends have names: dbt drops a bare one."""
        newline = {"lf": "\n", "crlf": "\r\n"}[declared["newline"]]
        return cls(**{**declared, "newline": newline})

    @classmethod
    def of_table(cls, table: Mapping[str, Any]) -> "Dialect":
        """Read the dialect of a table in a package's manifest (Table Dialect 2.0).

        The standard has no field for our `quoting`. `all` is assumed: a null text in
        quotes is a missing value too.
        """
        dialect = table["dialect"]
        quote = dialect.get("quoteChar", '"')
        return cls(
            encoding=table.get("encoding", "utf-8"),
            delimiter=dialect["delimiter"],
            quote=quote,
            quoting="all",
            escape=dialect.get("escapeChar", quote),
            null_text=dialect.get("nullSequence", ""),
            newline=dialect.get("lineTerminator", "\n"),
            header=dialect.get("header", True),
        )

    @property
    def for_csv(self) -> dict[str, Any]:
        """The arguments of Python's `csv.reader`."""
        doubled = self.escape == self.quote
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quote,
            "doublequote": doubled,
            "escapechar": None if doubled else self.escape,
        }


def read_csv(path: Path, columns: Iterable[str], dialect: Dialect) -> str:
    """Return a FROM clause item of a file; every column is VARCHAR, nothing is guessed.

    `new_line` is left out: with it and strict_mode, DuckDB 1.5.6 reads no row of a file
    with CRLF, and reports nothing. Without it DuckDB understands both line ends.
    """
    types = ", ".join(f"{text(column)}: 'varchar'" for column in columns)
    options = (
        f"columns = {{{types}}}",
        "auto_detect = false",
        "strict_mode = true",
        f"header = {str(dialect.header).lower()}",
        f"delim = {text(dialect.delimiter)}",
        f"quote = {text(dialect.quote)}",
        f"escape = {text(dialect.escape)}",
        f"nullstr = {text(dialect.null_text)}",
        # Under minimal quoting "" is an empty text and nothing is a missing value.
        f"allow_quoted_nulls = {str(dialect.quoting == 'all').lower()}",
    )
    return f"read_csv({text(str(path))}, {', '.join(options)})"
