"""Names in the audit the characters of a row that the encoding of its file lacks."""

import duckdb

from publish.render import is_text, rows
from runtime.duck import name, names, text
from store.dialect import Dialect, lacking
from store.feeds import Column, Feed

NAME = "unencodable"
_DONE = {
    "refuse": "they hold the file",
    "replace": "each is written as ?",
    "transliterate": "like letters are written in their place",
}


def column(dialect: Dialect) -> Column:
    """Return the column of the audit."""
    return Column(
        NAME,
        "varchar",
        f"Characters that {dialect.encoding} lacks, by column of the file, such as "
        f"brand: L (U+004C); {_DONE[dialect.unencodable]}.",
    )


def by_key(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    split: str | None,
    key: tuple[str, ...],
) -> str | None:
    """Return a FROM clause item: the key of each row with such characters, and them.

    Args:
        connection: from `runtime.duck`.
        feed: the file.
        split: its split value.
        key: the columns of its key that the audit has.

    Returns:
        None if the encoding has all characters, or nothing names a row.
    """
    texts = [each for each in feed.columns if is_text(each)]
    lacks = lacking(feed.dialect.encoding)
    if lacks is None or not texts or not key:
        return None
    cells = ", ".join(
        f"({place}, {text(each.name)}, t.{name(each.name)})"
        for place, each in enumerate(texts)
    )
    keys = ", ".join(f"cast(t.{each} as varchar) as {each}" for each in map(name, key))
    shown = (
        "list_transform(list_sort(list_distinct(regexp_extract_all(cell, "
        f"{text(lacks)}))), lambda one: one || ' (U+' || "
        "lpad(to_hex(unicode(one)), 4, '0') || ')')"
    )
    connection.execute(
        f"create or replace temp table {NAME} as select {names(key)}, "
        f"string_agg(words, '|' order by place, words) as {NAME} from (select {keys}, "
        f"place, c.name || ': ' || array_to_string({shown}, ' ') as words "
        f"from {rows(feed, split)} as t, lateral (values {cells}) as "
        f"c(place, name, cell) where regexp_matches(cell, {text(lacks)})) "
        "group by all"
    )
    return NAME


def added_to(audit: str, named: str, key: tuple[str, ...], has_output: bool) -> str:
    """Return a FROM clause item: an audit with the characters of rows that are sent.

    Args:
        audit: a FROM clause item.
        named: of `by_key`.
        key: its columns.
        has_output: whether the audit says which rows are sent.
    """
    same = " and ".join(
        f"cast(audit.{each} as varchar) is not distinct from named.{each}"
        for each in map(name, key)
    )
    sent = " and audit.output = 'PUBLISH'" if has_output else ""
    return (
        f"(select audit.*, named.{NAME} from {audit} as audit "
        f"left join {named} as named on {same}{sent})"
    )
