"""`publish new`: the files of a new feed, like a sample of the partner's or a feed."""

import codecs
import csv
import io
import json
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import duckdb
import msgspec
import yaml

from runtime.command import report
from runtime.environment import Environment
from runtime.exits import Misuse, Refused
from runtime.files import write_bytes
from runtime.log import start_logging
from store.feeds import artifacts
from store.feeds.artifacts import meta_of
from store.feeds.declaration import DeltaFile
from store.feeds.validate import nearest

_NAME = re.compile("[a-z][a-z0-9_]*")
_SHOWN = 5  # rows of a sample that become rows of the model
_DELIMITERS = (",", ";", "\t", "|")
_READ = 1 << 20  # bytes of a sample
_SCHEMA = "# yaml-language-server: $schema=../../docs/exposures.schema.json\n"
_MARKS = {
    codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16le",
    codecs.BOM_UTF16_BE: "utf-16be",
}  # fmt: skip
# Form of a column's values, and its type. The first that all values have is taken.
_TYPES = (
    (re.compile(r"-?(0|[1-9][0-9]{0,8})"), "integer", ""),
    (re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,6}"), "decimal(18,{places})", "."),
    (re.compile(r"-?(0|[1-9][0-9]{0,14}),[0-9]{1,6}"), "decimal(18,{places})", ","),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "date", "%Y-%m-%d"),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What is written for a new feed.

    Attributes:
        columns: name, data type and description of each column, in order.
        query: the SQL of the model.
        test: `given` and `expect` of its first unit test.
        key: the columns that name a row.
        depends_on: what the exposure depends on, besides the model.
        meta: fields of the exposure's config.meta besides those that all have.
        unique: the columns that no two rows may share, none of `key` missing; () if
            nothing is known of that.
    """

    columns: Sequence[Mapping[str, Any]]
    query: str
    test: Mapping[str, Any]
    key: Sequence[str]
    meta: Mapping[str, Any]
    depends_on: Sequence[str] = field(default=())
    unique: Sequence[str] = field(default=())


@click.command("new")
@click.argument("name")
@click.option(
    "--like", required=True, metavar="FILE_OR_FEED",
    help="A sample file of the partner, or a feed of this project.",
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="No log lines but warnings.")
def command(name: str, like: str, quiet: bool) -> None:
    """Write the model, exposure, suite and first unit test of a new feed NAME.

    They build and make a file at once: with the rows of the sample, or those of the
    other feed. A file that exists is not changed.
    """
    start_logging("", quiet)
    variables, root = Environment.read(), Path()
    if not _NAME.fullmatch(name):
        raise Misuse(
            "expected a name of small letters, digits and _, such as parts_feed, "
            f"found {name!r}"
        )
    if Path(like).is_file():
        draft = _like_file(name, Path(like))
    else:
        draft = _like_feed(root, variables, name, like)
    files = _files(name, draft)
    for path, content in files.items():
        # One that a killed command left is the same.
        if (root / path).exists() and (root / path).read_bytes() != content.encode():
            raise Refused(f"expected no file {path}, found one. Choose another name.")
    for path, content in files.items():
        write_bytes(root / path, content.encode())
    steps = (
        "Read them, and correct what only you know: descriptions, key, cadence, "
        f"guards, destination. Then:\n  publish lint {name}\n  publish build {name}\n"
        f"  publish {name} --dry-run"
    )
    report({}, "\n".join([*map(str, files), steps]), as_json=False)
    sys.exit(0)


def _files(name: str, draft: Draft) -> dict[Path, str]:
    """Return the content of each file, by its path in the project."""
    marts = Path("models", "marts")
    model: dict[str, Any] = {
        "name": name,
        "description": "What a row is, for the partner.",
    }
    columns = [dict(each) for each in draft.columns]
    if draft.unique:
        arguments = {"columns": [*draft.unique]}
        model["data_tests"] = [{"unique_combination": {"arguments": arguments}}]
        for column in columns:
            if column["name"] in draft.key:
                column["data_tests"] = ["not_null"]
    model["columns"] = columns
    test = {"name": f"{name}_has_its_first_rows", "model": name, **draft.test}
    exposure = {
        "name": name,
        "type": "application",
        "owner": {"name": "Partner feeds", "email": "partner-feeds@example.com"},
        "description": "Who receives the file, and what for.",
        "depends_on": [f"ref('{name}')", *draft.depends_on],
        "config": {
            "meta": {
                "model": name,
                "sort": [*draft.key],
                "key": [*draft.key],
                "suite": name,
                "state": name,
                "destination": name,
                "folder": "/",
                **draft.meta,
            }
        },
    }
    content = {"models": [model], "unit_tests": [test], "exposures": [exposure]}
    suite = {
        "name": name,
        "expectations": [
            {
                "type": "expect_table_columns_to_match_ordered_list",
                "kwargs": {"column_list": _written(draft)},
                "meta": {
                    "id": "columns-exact",
                    "why": "The partner's loader knows these columns, in this order.",
                    "hard": True,
                },
            }
        ],
    }
    dumped = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=88)
    return {
        marts / f"{name}.sql": draft.query,
        marts / f"_{name}.yml": _SCHEMA + dumped,
        Path("tests", "expectations", f"{name}.json"): json.dumps(suite, indent=2)
        + "\n",
    }


def _written(draft: Draft) -> list[str]:
    """Return the columns of the file, in order."""
    names = [each["name"] for each in draft.columns]
    names = [each for each in names if each not in draft.meta.get("omit", ())]
    if "delta" in draft.meta:
        delta = msgspec.convert(draft.meta["delta"], DeltaFile)
        names.insert(len(names) if delta.place == "last" else 0, delta.column)
    return names


def _like_feed(root: Path, variables: Environment, name: str, like: str) -> Draft:
    """Draft a feed with the rows and the form of another one."""
    manifest = artifacts.read(root, variables)
    exposures = {
        each["name"]: each
        for each in manifest.manifest["exposures"].values()
        if "model" in meta_of(each)
    }
    if like not in exposures:
        known = nearest(like, exposures) or f"the feeds are {', '.join(exposures)}"
        raise Misuse(f"--like: expected a file or a feed, found {like!r}; {known}")
    meta = {**meta_of(exposures[like])}
    model = meta["model"]
    id_, node = next(
        (id_, node)
        for id_, node in manifest.manifest["nodes"].items()
        if node["resource_type"] == "model" and model in (node["name"], node["alias"])
    )
    columns = [
        {
            "name": each["name"],
            "data_type": each["data_type"],
            "description": " ".join((each.get("description") or "").split()),
        }
        for each in node["columns"].values()
    ]
    names = [each["name"] for each in columns]
    ref = _ref(node["name"], node.get("version"))
    listed = ",\n".join(f"    {each}" for each in names)
    query = f"-- The rows of {model}.\nselect\n{listed}\nfrom {{{{ {ref} }}}}\n"
    row = {each: None for each in names}
    test = {
        "given": [{"input": ref, "rows": [row]}],
        "expect": {"rows": [row]},
    }
    for unlike in (
        *("model", "suite", "state", "destination", "folder", "sort", "key"),
        # These are about what the other partner has, or rejects.
        *("audit", "audit_omit", "audit_key", "confirm", "vanished", "replaces_by"),
        *("feedback", "encrypt", "guards", "open", "final_full_on_close"),
        *("also", "sequence_from"),
    ):
        meta.pop(unlike, None)
    key = meta_of(exposures[like])["key"]
    unique: Sequence[str] = ()
    if artifacts.primary_key(manifest, id_, meta_of(exposures[like])):
        split_by = [meta["split_by"]] if "split_by" in meta else []
        unique = [*dict.fromkeys((*key, *split_by))]
    meta["guards"] = {"min_rows": 1}
    # Its tests read these, so they are built for the file too.
    refs = [
        _ref(each["name"], each.get("version"))
        for each in exposures[like].get("refs", ())
    ]
    return Draft(columns, query, test, key, meta, refs, unique)


def _ref(model: str, version: object) -> str:
    return f"ref('{model}', v={version})" if version else f"ref('{model}')"


def _like_file(name: str, path: Path) -> Draft:
    """Draft a feed with the columns, the form and the first rows of a sample."""
    with path.open("rb") as file:
        content = file.read(_READ)
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    encoding = _MARKS.get(mark) or _encoding(content)
    text = content.removeprefix(mark).decode(encoding, "ignore")
    newline = "crlf" if "\r\n" in text else "lf"
    lines = text.splitlines(keepends=True)
    if len(content) == _READ:
        lines = lines[:-1]
    if not lines:
        raise Misuse(f"{path}: expected a header and rows, found an empty file")
    delimiter, (header, *rows) = _read(path, lines)
    if not rows or len({*header}) < len(header):
        raise Misuse(
            f"{path}: expected a header with each name once, and rows, found the "
            f"header {', '.join(header)[:60]} and {len(rows)} rows"
        )
    names = column_names(header)
    cells = [*zip(*rows, strict=True)]
    kinds = [_kind(each) for each in cells]
    formats: dict[str, dict[str, Any]] = {}
    for column, title, (_, format_) in zip(names, header, kinds, strict=True):
        given = {"header": title} if title != column else {}
        if format_ == ",":
            given["decimal_char"] = ","
        if given:
            formats[column] = given
    is_quoted = all(
        line.startswith('"') and line.rstrip("\r\n").endswith('"')
        for line in lines[:_SHOWN]
    )
    meta = {
        "file": f"{name}_{{timestamp}}.csv",
        "dialect": {
            "encoding": encoding,
            **({"byte_order_mark": True} if mark else {}),
            "delimiter": delimiter,
            "quote": '"',
            "quoting": "all" if is_quoted else "minimal",
            "escape": '"',
            "null_text": "",
            "newline": newline,
            "header": True,
            "timestamp_format": "%Y-%m-%dT%H:%M:%SZ",
            "date_format": "%Y-%m-%d",
        },
        **({"columns": formats} if formats else {}),
        "cadence": "0 6 * * *",
        "when_empty": "refuse",
        "guards": {"min_rows": 1},
        "manifest": "keep",
    }
    columns = [
        {"name": column, "data_type": kind, "description": f"{title}."}
        for column, title, (kind, _) in zip(names, header, kinds, strict=True)
    ]
    shown = [
        dict(zip(names, map(_value, row, kinds), strict=True)) for row in rows[:_SHOWN]
    ]
    test = {"given": [], "expect": {"rows": shown}}
    key = next(
        ([column] for column, each in zip(names, cells, strict=True)
         if len({*each}) == len(each) and all(each)),
        names,
    )  # fmt: skip
    return Draft(columns, _query(path, columns, shown), test, key, meta)


def _read(path: Path, lines: Sequence[str]) -> tuple[str, list[list[str]]]:
    """Return the delimiter that makes the most columns, and the rows as it has them.

    Raises:
        Misuse: with none of them all rows have the same number of columns, at least 2.
    """
    widths: dict[int, tuple[str, list[list[str]]]] = {}
    for delimiter in _DELIMITERS:
        text = io.StringIO("".join(lines), newline="")
        rows = [row for row in csv.reader(text, delimiter=delimiter) if row]
        if len({len(row) for row in rows}) == 1:
            widths.setdefault(len(rows[0]), (delimiter, rows))
    width = max(widths, default=1)
    if width == 1:
        raise Misuse(
            f"{path}: expected rows with the same number of columns, and one of , ; | "
            f"or a tab between the values, found {lines[0].strip()[:60]!r}"
        )
    return widths[width]


def _query(
    path: Path, columns: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> str:
    """Return a model that has the rows of a sample."""
    cast = ",\n".join(
        f"    cast({each['name']} as {each['data_type']}) as {each['name']}"
        for each in columns
    )
    values = ",\n".join(
        f"        ({', '.join(map(_literal, row.values()))})" for row in rows
    )
    names = ", ".join(each["name"] for each in columns)
    return (
        f"-- The first rows of {path.name}, until a model of yours takes their place.\n"
        f"select\n{cast}\nfrom (\n    values\n{values}\n) as sample ({names})\n"
    )


def _literal(value: object) -> str:
    return "null" if value is None else "{{ text_literal(" + json.dumps(value) + ") }}"


def _encoding(content: bytes) -> str:
    """Return utf-8 if the sample is, else windows-1252, which has a letter a byte."""
    try:
        # A character may be cut at the end.
        codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def column_names(header: Sequence[str]) -> list[str]:
    """Return a name for each title; two that would be the same get a number."""
    reserved = duckdb.sql(
        "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
    ).fetchall()
    existing = {word for (word,) in reserved}
    names: list[str] = []
    for number, title in enumerate(header, 1):
        name = _column(title, number)
        names.append(f"{name}_{number}" if name in existing else name)
        existing.add(names[-1])
    return names


def _column(title: str, number: int) -> str:
    """Return a name for SQL: small letters, digits and _."""
    words = re.sub("([a-z0-9])([A-Z])", r"\1_\2", title)
    # A letter without its mark: u for \u00fc.
    words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    plain = re.sub("[^a-z0-9]+", "_", words.lower()).strip("_")
    return plain if re.match("[a-z]", plain) else f"column_{number}_{plain}".strip("_")


def _kind(values: Sequence[str]) -> tuple[str, str]:
    """Return the type of a column, and its decimal mark or the format of its dates."""
    present = [each for each in values if each]
    for form, type_, mark in _TYPES:
        if present and all(form.fullmatch(each) for each in present):
            places = max(len(each.partition(mark or ".")[2]) for each in present)
            return type_.format(places=places), mark
    return "string", ""


def _value(cell: str, kind: tuple[str, str]) -> str | None:
    """Return a cell as SQL writes it; None for an empty one."""
    return (cell.replace(",", ".") if kind[1] == "," else cell) or None
