"""How a table becomes a CSV file, and how each of our readers reads it back."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from runtime.duck import path_text, text

Encoding = Literal[
    "utf-8", "utf-16le", "utf-16be", "windows-1252", "iso-8859-1", "iso-8859-15",
    "us-ascii",
]  # fmt: skip

# A description says to a person what a pattern allows.
_LINE = Meta(pattern="^[^\\r\\n]+$", description="text on one line")
Line = Annotated[str, _LINE]
RecordText = Annotated[str, _LINE, Meta(max_length=2000)]
Delimiter = Annotated[
    str, Meta(pattern='^[^"\\\\\\r\\n]$', description="one character, such as a comma")
]
Quote = Annotated[str, Meta(pattern="^[\"']$", description="one quote: \" or '")]
Escape = Annotated[
    str, Meta(pattern="^[\"'\\\\]$", description="one quote, or one backslash")
]
NullText = Annotated[
    str,
    Meta(
        pattern="^[^\"'\\\\,;\\r\\n]*$",
        description="text on one line without quotes, backslash, comma or semicolon",
    ),
]
GroupMark = Annotated[
    str,
    Meta(
        pattern="^[., '\u00a0\u2019\u202f]$",
        description="a point, a comma, a blank or an apostrophe",
    ),
]

_DELIMITED = ("delimiter", "quote", "quoting", "escape", "null_text", "header")
_EVERY = ("encoding", "newline", "timestamp_format", "date_format")
# Fields of a dialect that each format needs, and that it does not have.
REQUIRED = {"delimited": (*_EVERY, *_DELIMITED), "fixed": _EVERY, "jsonl": _EVERY}
UNUSED = {
    "delimited": (),
    "fixed": _DELIMITED,
    "jsonl": (
        *_DELIMITED, "byte_order_mark", "unencodable", "decimal_char",
        "header_records", "trailer_records",
    ),
}  # fmt: skip


class Dialect(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The form of a file; an exposure declares these fields.

    Attributes:
        format: delimited: CSV. fixed: each column has a width, in characters. jsonl:
            each line is a JSON object. Default delimited.
        encoding: Character encoding, by its name at IANA. utf-16le and utf-16be differ
            in the order of the two bytes of a unit.
        byte_order_mark: Whether the file begins with the mark U+FEFF, by which Excel
            and others know UTF-8 and the order of bytes of UTF-16. Default false.
        unencodable: What becomes of a character that the encoding lacks. refuse: the
            file is held (RUN_ENCODING). replace: it becomes ?. transliterate: it
            becomes like letters, such as L for \u0141. Default refuse.
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
        decimal_char: What is between the whole and the decimal places of a number: a
            point or a comma. Default a point.
        header_records: Lines before the rows and the header line: text with fields,
            such as H|{time:%Y%m%d}. docs/dialects.md has the fields.
        trailer_records: Lines after the rows, such as T|{rows}|{sum(price):0>12}.
    """

    format: Literal["delimited", "fixed", "jsonl"] = "delimited"
    encoding: Encoding
    delimiter: Delimiter = ","
    quote: Quote = '"'
    quoting: Literal["minimal", "portable", "all"] = "minimal"
    escape: Escape = '"'
    null_text: NullText = ""
    newline: Literal["lf", "crlf"]
    header: bool = True
    timestamp_format: Annotated[str, Meta(min_length=2)]
    date_format: Annotated[str, Meta(min_length=2)]
    line_breaks: Literal["keep", "lf", "blank"] = "keep"
    byte_order_mark: bool = False
    unencodable: Literal["refuse", "replace", "transliterate"] = "refuse"
    decimal_char: Literal[".", ","] = "."
    header_records: tuple[RecordText, ...] = ()
    trailer_records: tuple[RecordText, ...] = ()

    @classmethod
    def of_table(cls, table: Mapping[str, Any]) -> "Dialect":
        """Read the dialect of a table in a package's manifest (Table Dialect 2.0).

        The standard has no field for our `quoting`. `all` is assumed, so that a null
        text in quotes is a missing value too.
        """
        dialect = table["dialect"]
        quote = dialect.get("quoteChar", '"')
        codec: Any = table.get("encoding", "utf-8")
        format_: Any = "fixed" if dialect.get("fixedWidth") else "delimited"
        return cls(
            format="jsonl" if table.get("format") == "jsonl" else format_,
            encoding=_MARKED.get(codec, codec),
            byte_order_mark=codec in _MARKED,
            delimiter=dialect.get("delimiter", ","),
            quote=quote,
            quoting="all",
            escape=dialect.get("escapeChar", quote),
            null_text=dialect.get("nullSequence", ""),
            newline="crlf" if dialect.get("lineTerminator") == "\r\n" else "lf",
            header=dialect.get("header", True),
            timestamp_format=RFC_4180.timestamp_format,
            date_format=RFC_4180.date_format,
            # Only how many there are is in the dialect of a manifest.
            header_records=("-",) * len(dialect.get("commentRows", ())),
            trailer_records=("-",) * dialect.get("trailerRows", 0),
        )

    @property
    def earlier(self) -> "Dialect":
        """The form in which versions before `portable` wrote the same file."""
        quoting = "all" if self.quoting == "all" else "minimal"
        return structs.replace(self, quoting=quoting, line_breaks="keep")

    @property
    def is_plain(self) -> bool:
        """Whether DuckDB reads the file as it is."""
        return self.format == "delimited" and self.is_bare

    @property
    def is_bare(self) -> bool:
        """Whether the file is its rows in UTF-8, with a header line or without."""
        is_utf8 = self.encoding == "utf-8" and not self.byte_order_mark
        return is_utf8 and not self.records

    @property
    def has_header(self) -> bool:
        """Whether a line has the names of the columns."""
        return self.header and self.format == "delimited"

    @property
    def records(self) -> tuple[str, ...]:
        """The lines that are no rows."""
        return self.header_records + self.trailer_records

    @property
    def is_searchable(self) -> bool:
        """Whether a mark of the dialect is one byte, which is in no other character."""
        return not self.encoding.startswith("utf-16")

    @property
    def codec(self) -> str:
        """Python's name of the encoding; it reads the mark, if there is one."""
        if not self.byte_order_mark:
            return self.encoding
        return "utf-8-sig" if self.encoding == "utf-8" else "utf-16"

    def declared(self) -> dict[str, Any]:
        """Return its fields, without those of newer versions that have their default.

        A digest of them stays the same when a version adds a field.
        """
        always = (*REQUIRED[self.format], "line_breaks")
        return {name: getattr(self, name) for name in always} | _not_default(self)

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


class ColumnFormat(Struct, frozen=True, forbid_unknown_fields=True):
    """How one column is written, where the dialect does not say it.

    Attributes:
        header: Name of the column in the file. Default its name in the mart.
        decimal_char: What is between the whole and the decimal places of a number: a
            point, a comma, or nothing (the point is implied). Default that of the
            dialect.
        group_char: What is between groups of three digits of a number. Default
            nothing.
        places: Decimal places of a number, at least those of its type. Default those.
        format: strftime format of a date or timestamp; of a boolean, the words for
            true and false, such as Y|N. Default that of the dialect, and true|false.
        width: Characters of the column in a file of fixed widths.
        start: Its first character in the line, from 1. Default behind the column before
            it; a greater one leaves blanks between them.
        align: On which side the value is. Default right for numbers, left for others.
        pad: What fills the other side: a blank, or 0 in front, after the sign of a
            number. Default a blank. A text with zeros in front keeps them when it is
            read.
    """

    header: Line | None = None
    decimal_char: Literal[".", ",", ""] | None = None
    group_char: GroupMark | None = None
    places: Annotated[int, Meta(ge=0, le=18)] | None = None
    format: Annotated[str, Meta(min_length=2)] | None = None
    width: Annotated[int, Meta(ge=1, le=32_000)] | None = None
    start: Annotated[int, Meta(ge=1)] | None = None
    align: Literal["left", "right"] | None = None
    pad: Literal[" ", "0"] = " "

    def declared(self) -> dict[str, Any]:
        """Return the fields that are declared."""
        return _not_default(self)

    @property
    def words(self) -> tuple[str, str] | None:
        """The words for true and false, if `format` has them."""
        true, _, false = (self.format or "").partition("|")
        return (true, false) if false else None

    def number(self, cell: str, scale: int, dialect: Dialect) -> str:
        """Return SQL of the text of a number.

        Args:
            cell: SQL of the number.
            scale: decimal places of its type.
            dialect: of the file.
        """
        places = scale if self.places is None else self.places
        if places != scale:
            cell = f"cast({cell} as decimal(38, {places}))"
        cell = f"cast({cell} as varchar)"
        if self.group_char:
            digits = f"reverse(regexp_extract({cell}, '[0-9]+'))"
            grouped = (
                f"rtrim(regexp_replace({digits}, '([0-9]{{3}})', "
                f"{text(chr(92) + '1' + self.group_char)}, 'g'), "
                f"{text(self.group_char)})"
            )
            mark = (
                f"replace(regexp_extract({cell}, '[.].*'), '.', {self._point(dialect)})"
            )
            sign = f"case when starts_with({cell}, '-') then '-' else '' end"
            return (
                f"case when {cell} is not null then "
                f"{sign} || reverse({grouped}) || {mark} end"
            )
        if self._mark(dialect) == ".":
            return cell
        return f"replace({cell}, '.', {self._point(dialect)})"

    def unformatted(self, cell: str, scale: int, dialect: Dialect) -> str:
        """Return SQL of a number's text as SQL writes it, from that of the file."""
        mark = self._mark(dialect)
        if self.group_char:
            cell = f"replace({cell}, {text(self.group_char)}, '')"
        if mark == ",":
            return f"replace({cell}, ',', '.')"
        places = scale if self.places is None else self.places
        if mark == "" and places:
            pattern = f"'^(-?[0-9]*)([0-9]{{{places}}})$'"
            return f"regexp_replace({cell}, {pattern}, '\\1.\\2')"
        return cell

    def marks(self, dialect: Dialect) -> str:
        """Return the characters in its numbers beside digits and the sign."""
        return (self.group_char or "") + self._mark(dialect)

    def _mark(self, dialect: Dialect) -> str:
        return dialect.decimal_char if self.decimal_char is None else self.decimal_char

    def _point(self, dialect: Dialect) -> str:
        return text(self._mark(dialect))


class Position(Struct, frozen=True):
    """Where a column is in a line of fixed widths, in characters from 1."""

    start: int
    width: int
    align: str

    @classmethod
    def of_field(cls, field: Mapping[str, Any]) -> "Position":
        """Read it from a field of a manifest."""
        return cls(field["start"], field["width"], field["align"])


def _not_default(struct: Struct) -> dict[str, Any]:
    """Return the fields of a struct that have another value than their default."""
    fields = ((each, getattr(struct, each.name)) for each in structs.fields(struct))
    return {each.name: value for each, value in fields if value != each.default}


PLAIN = ColumnFormat()

# What a manifest names files with a mark. To read them no byte order is needed.
_MARKED: dict[str, Encoding] = {"utf-8-sig": "utf-8", "utf-16": "utf-16le"}

# Of audit.csv and every other file of ours: a missing value is nothing, an empty text
# is "".
RFC_4180 = Dialect(
    encoding="utf-8", delimiter=",", quote='"', quoting="minimal", escape='"',
    null_text="", newline="lf", header=True,
    timestamp_format="%Y-%m-%dT%H:%M:%SZ", date_format="%Y-%m-%d",
)  # fmt: skip


@cache
def lacking(encoding: str) -> str | None:
    """Return a regular expression (RE2) of the characters that an encoding lacks.

    Returns:
        None if it has all of Unicode.
    """
    if encoding.startswith("utf-"):
        return None
    codes = sorted(map(ord, bytes(range(256)).decode(encoding, "ignore")))
    starts = [code for code in codes if code - 1 not in codes]
    ends = [code for code in codes if code + 1 not in codes]
    ranges = (f"\\x{{{a:x}}}-\\x{{{b:x}}}" for a, b in zip(starts, ends, strict=True))
    return f"[^{''.join(ranges)}]"


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
