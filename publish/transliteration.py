"""Letters that an encoding lacks become those that it has: Ł becomes L, “ becomes ".

anyascii (ISC licence) has the replacement of each character.
"""

import unicodedata
from types import ModuleType

import duckdb

from runtime.duck import text
from runtime.exits import Misuse
from store.dialect import Dialect, lacking

_FUNCTION = "transliterated"


def sql(cell: str, encoding: str) -> str:
    """Return SQL of a text in an encoding; needs `prepare`."""
    return f"{_FUNCTION}({cell}, {text(encoding)})"


def prepare(connection: duckdb.DuckDBPyConnection, dialect: Dialect) -> None:
    """Make the function of `sql` known to a connection, if the dialect needs it.

    Raises:
        Misuse: the package of the extra is missing.
    """
    if dialect.unencodable != "transliterate" or not lacking(dialect.encoding):
        return
    _library()
    known = "select 1 from duckdb_functions() where function_name = ?"
    if not connection.execute(known, [_FUNCTION]).fetchone():
        connection.create_function(
            _FUNCTION, transliterated, ["VARCHAR", "VARCHAR"], "VARCHAR"
        )


def transliterated(value: str, encoding: str) -> str:
    """Return a text with like letters for those that `encoding` lacks.

    A letter and its accent become one character where Unicode has it (NFC). A
    character without a like one becomes ?.
    """
    composed = unicodedata.normalize("NFC", value)
    return "".join(_fitting(character, encoding) for character in composed)


def _fitting(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        like: str = _library().anyascii(character)
        return like or ("" if unicodedata.combining(character) else "?")
    return character


def _library() -> ModuleType:
    try:
        import anyascii
    except ImportError:
        raise Misuse(
            "dialect.unencodable: expected the package anyascii for transliterate, "
            "found none. Install partner-feeds[transliterate]."
        ) from None
    return anyascii
