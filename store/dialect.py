"""How a table becomes a CSV file, and how each of our readers reads it back."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from runtime.duck import path_text, text


class Dialect(Struct, frozen=True, forbid_unknown_fields=True):
    """The form of a CSV file; an exposure declares these fields.

    Attributes:
        encoding: Character encoding, without byte order mark.
        delimiter: One character between fields.
        quote: One character around a field.
        quoting: minimal: a field is quoted only where it must be. portable: the header
            is quoted too, and a field that begins or ends with a blank. all: every
            field is quoted, the header and the null text too.
        escape: What precedes a quote inside a field: the quote itself (RFC 4180), or a
            backslash, which needs quoting: all.
        null_text: How a missing value is written: in quotes under all, else
            without.
        newline: End of every line, of the last one too: lf (Unix) or crlf. It has a
            name because dbt's Jinja drops a trailing newline.
        line_breaks: How a line break inside a text is written, be it LF, CR LF or CR.
            keep: as it is. lf: as LF. blank: as one blank, for readers that split a
            file at every LF. Default keep.
        header: Whether the first line has the names of the columns.
        timestamp_format: strftime format of timestamps, which are in UTC.
        date_format: strftime format of dates.
    """

    encoding: Literal["utf-8"]
    delimiter: Annotated[str, Meta(pattern='^[^"\\\\\\r\\n]$')]
    quote: Annotated[str, Meta(pattern="^[\"']$")]
    quoting: Literal["minimal", "portable", "all"]
    escape: Annotated[str, Meta(pattern="^[\"'\\\\]$")]
    null_text: Annotated[str, Meta(pattern="^[^\"'\\\\,;\\r\\n]*$")]
    newline: Literal["lf", "crlf"]
    header: bool
    timestamp_format: Annotated[str, Meta(min_length=2)]
    date_format: Annotated[str, Meta(min_length=2)]
    line_breaks: Literal["keep", "lf", "blank"] = "keep"

    @classmethod
    def of_table(cls, table: Mapping[str, Any]) -> "Dialect":
        """Read the dialect of a table in a package's manifest (Table Dialect 2.0).

        The standard has no field for our `quoting`. `all` is assumed, so that a null
        text in quotes is a missing value too.
        """
        dialect = table["dialect"]
        quote = dialect.get("quoteChar", '"')
        return cls(
            encoding="utf-8",
            delimiter=dialect["delimiter"],
            quote=quote,
            quoting="all",
            escape=dialect.get("escapeChar", quote),
            null_text=dialect.get("nullSequence", ""),
            newline="crlf" if dialect.get("lineTerminator") == "\r\n" else "lf",
            header=dialect.get("header", True),
            timestamp_format=RFC_4180.timestamp_format,
            date_format=RFC_4180.date_format,
        )

    @property
    def earlier(self) -> "Dialect":
        """The form in which versions before `portable` wrote the same file."""
        quoting = "all" if self.quoting == "all" else "minimal"
        return structs.replace(self, quoting=quoting, line_breaks="keep")

    @property
    def line_end(self) -> str:
        """The characters that end a line."""
        return {"lf": "\n", "crlf": "\r\n"}[self.newline]

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


# Of audit.csv and every other file of ours: a missing value is nothing, an empty text
# is "".
RFC_4180 = Dialect(
    encoding="utf-8", delimiter=",", quote='"', quoting="minimal", escape='"',
    null_text="", newline="lf", header=True,
    timestamp_format="%Y-%m-%dT%H:%M:%SZ", date_format="%Y-%m-%d",
)  # fmt: skip


def read_csv(path: Path, columns: Iterable[str], dialect: Dialect) -> str:
    """Return a FROM clause item of a file; every column is VARCHAR, nothing is guessed.

    `new_line` is left out: with it and strict_mode, DuckDB 1.5.6 reads no row of a file
    with CRLF, and reports nothing. Without it DuckDB understands both line ends.
    """
    types = ", ".join(f"{text(column)}: 'varchar'" for column in columns)
    options = (
        f"columns = {{{types}}}",
        "auto_detect = false",
        # Else DuckDB unpacks what has a name like x.csv.gz.
        "compression = 'none'",
        # Else a folder named a=b would become a column.
        "hive_partitioning = false",
        "strict_mode = true",
        f"header = {str(dialect.header).lower()}",
        f"delim = {text(dialect.delimiter)}",
        f"quote = {text(dialect.quote)}",
        f"escape = {text(dialect.escape)}",
        f"nullstr = {text(dialect.null_text)}",
        # Under minimal quoting "" is an empty text and nothing is a missing value.
        f"allow_quoted_nulls = {str(dialect.quoting == 'all').lower()}",
    )
    return f"read_csv({path_text(path)}, {', '.join(options)})"
