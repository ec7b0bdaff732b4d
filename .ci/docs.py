"""Write the generated parts of docs/: findings, reason codes, readers and servers.

    python .ci/docs.py [--check]

With --check nothing is written, and the exit code is 1 if a document is out of date.
"""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import yaml

from extract.declared import declaration as sources
from monitor.catalogue import CATALOGUE
from publish import render
from runtime.duck import name, text
from store.dialect import Dialect
from store.feeds import Column, declaration

ROOT = Path(__file__).parent.parent
HEALTH, REASONS = ROOT / "docs/health.md", ROOT / "docs/reason-codes.md"
PARTNERS, SERVERS = ROOT / "docs/partner-server.md", ROOT / "docs/servers.yml"
OVERVIEW = ROOT / "models/overview.md"
EXPOSURES = ROOT / "docs/exposures.schema.json"
SOURCES = ROOT / "docs/sources.schema.json"
READING, READERS = ROOT / "docs/reading.md", ROOT / "docs/reading"
_INTRO = """\
# Reason codes

`make docs` writes this page from the seeds. Each source row has a status:

- `ELIGIBLE`: the row goes into the file.
- `FILTERED`: the row is left out on purpose.
- `REVIEW`: the row waits for a person.

The rules run in the order of the tables. If several rules fire for a row, the first
one decides. `audit.csv` lists all of them, and `monitor why KEY` explains one row. A
warning does not change the status of a row.
"""
_SAMPLES = ("orders", "inventory")
_SEEDS = (("Parts", ""), ("Orders", "order_"))


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    heads = list(heads)
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"


def health() -> str:
    """Return docs/health.md. The table of all findings is its end."""
    rows = (
        (f"`{id_}`", kind.severity, kind.meaning, kind.remedy.replace("{about}", "..."))
        for id_, kind in CATALOGUE.items()
    )
    lines = table(("id", "severity", "what is wrong", "what to do"), rows)
    text = HEALTH.read_text("utf-8").partition("| id | severity |")[0]
    return text + "\n".join(lines) + "\n"


def reason_codes() -> str:
    """Return docs/reason-codes.md."""
    lines = [_INTRO]
    for title, prefix in _SEEDS:
        reasons = _seed(f"{prefix}reason_codes")
        rows = (
            (f"`{row['reason_code']}`", row["step"], row["status"], row["meaning"],
             row["remedy"])
            for row in sorted(reasons, key=lambda row: int(row["position"]))
        )  # fmt: skip
        lines += [f"## {title}", "", f"From `seeds/{prefix}reason_codes.csv`.", ""]
        lines += table(("code", "step", "status", "meaning", "what to do"), rows)
        warnings = _seed(f"{prefix}warning_codes")
        rows = ((f"`{row['warning_code']}`", row["meaning"]) for row in warnings)
        lines += ["", f"Warnings, from `seeds/{prefix}warning_codes.csv`:", ""]
        lines += [*table(("code", "meaning"), rows), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def sample(file: str, dialect: Dialect) -> str:
    """Return docs/reading/FILE.csv: the cells of FILE.json, written as feeds are."""
    meant = json.loads((READERS / f"{file}.json").read_text("utf-8"))
    columns = tuple(Column(*pair, "") for pair in meant["columns"].items())
    rows = ", ".join(
        f"({', '.join('null' if cell is None else text(cell) for cell in row)})"
        for row in meant["rows"]
    )
    typed = ", ".join(
        f"cast({name(column.name)} as {column.type}) as {name(column.name)}"
        for column in columns
    )
    names = ", ".join(name(column.name) for column in columns)
    source = f"(select {typed} from (values {rows}) as t({names}))"
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "sample.csv"
        key = (columns[0].name,)
        render.table(connection, source, columns, key, dialect, path)
        return path.read_bytes().decode()


def dialect(exposures: str) -> Dialect:
    """Return the dialect that the first exposure of a file in models/marts declares."""
    path = ROOT / f"models/marts/{exposures}__exposures.yml"
    declared = yaml.safe_load(path.read_text("utf-8"))["exposures"][0]
    return msgspec.convert(declared["config"]["meta"]["dialect"], Dialect)


def reading() -> str:
    """Return docs/reading.md. Its end, from the table on, is from readers.yml."""
    known = yaml.safe_load((READERS / "readers.yml").read_text("utf-8"))
    readers = known["readers"]
    rows = (
        (each["name"], each["seen"], *(cell for file in _SAMPLES for cell in (
            _result(file, each[file]["defaults"]), _right(each[file]["right"]))))
        for each in readers
    )  # fmt: skip
    heads = ("reader", "version", "orders: without options", "orders: right call",
             "inventory: without options", "inventory: right call")  # fmt: skip
    lines = [*table(heads, rows), "", *_misread(known["misread"]), "## The calls", ""]
    for each in readers:
        lines += [f"### {each['name']}", ""]
        for file in _SAMPLES:
            call = each[file]["right"]
            lines += [f"{file.capitalize()}:", "", "```", call["call"].rstrip(), "```"]
            lines += ["", *([call["note"], ""] if "note" in call else [])]
    lines += [*_forms(known["forms"])]
    lines += [
        "## Other readers",
        "",
        "Our tests do not run these. We ran all but Excel by hand.",
    ]
    lines += [""]
    columns = ("name", "seen", "orders", "right", "inventory")
    lines += table(
        ("reader", "version", "orders: without options", "orders: right call",
         "inventory"),
        ([each[column] for column in columns] for each in known["not_run"]),
    )  # fmt: skip
    head = READING.read_text("utf-8").partition("| reader | version |")[0]
    block = re.compile(r"(?<=<!-- rewrite -->\n```sh\n).*?(?=```\n)", re.DOTALL)
    head = block.sub(lambda _: known["rewrite"], head)
    return head + "\n".join(lines) + "\n"


def partner_servers() -> str:
    """Return docs/partner-server.md. Its end, the table, is from servers.yml."""
    known = yaml.safe_load(SERVERS.read_text("utf-8"))
    rows = [
        (
            each["name"],
            each["version"],
            each["protocol"],
            each["verdict"],
            each.get("mode", "")
            + (", fixed" if not each.get("sets_mode", True) else ""),
            each.get("note", ""),
        )
        for each in known["servers"]
    ] + [
        (each["name"], "", "", "not run", "", each["why"]) for each in known["not_run"]
    ]
    heads = ("server", "version", "protocol", "verdict", "mode", "note")
    head = PARTNERS.read_text("utf-8").partition("| server | version |")[0]
    return head + "\n".join(table(heads, rows)) + "\n"


def _forms(forms: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the section on other forms of a file."""
    yield from (
        "## Other forms",
        "",
        "An exposure can declare other forms ([dialects](dialects.md),",
        "[destinations](destinations.md)). Here is the inventory in each of them. Each",
        "call is a test of ours, cell by cell. As above, a missing value may be an",
        "empty text.",
        "",
    )
    rows = (
        (each["name"], each["files"], ", ".join(
            name + (" (null is empty)" if call["missing"] == "empty" else "")
            for name, call in each["calls"].items()))
        for each in forms
    )  # fmt: skip
    yield from (*table(("form", "files", "readers"), rows), "")
    for form in forms:
        yield from (f"### {form['name'][0].upper()}{form['name'][1:]}", "")
        for reader, call in form["calls"].items():
            yield from (f"{reader}:", "", "```", call["call"].rstrip(), "```", "")
            yield from ([call["note"], ""] if "note" in call else [])


def _misread(kinds: dict[str, Any]) -> Iterator[str]:
    """Yield the section on values that many programs misread."""
    yield from ("## Values that many programs misread", "")
    yield from (
        "`risks` in the manifest, and our page of the run, say how many values of each",
        "kind a file has, and the first row. Without options they are misread by:", "",
    )  # fmt: skip
    rows = (
        (f"`{name}`", kind["words"], *(", ".join(kind[file]) for file in _SAMPLES),
         ", ".join(kind["not_run"]))
        for name, kind in kinds.items()
    )  # fmt: skip
    yield from table(
        ("kind", "values", "orders", "inventory", "seen by hand, both files"), rows
    )
    yield ""


def _result(file: str, outcome: dict[str, Any]) -> str:
    """Return in words what a reader does without options."""
    if "error" in outcome:
        return "error"
    count = len(json.loads((READERS / f"{file}.json").read_text("utf-8"))["rows"])
    if outcome["wrong"]:
        cells = _cells(outcome["wrong"])
        return f"**silently wrong**: {cells}, {outcome['rows']} rows for {count}"
    if outcome["rows"] != count:
        return f"right, but {outcome['rows']} rows for {count}"
    return "right"


def _right(call: dict[str, Any]) -> str:
    """Return in words what the right call gives."""
    words = ["right"]
    if "-rewritten" in call["call"]:
        words.append("after the rewriting")
    if "wrong" in call:
        words.append(f"but for {_cells(call['wrong'])}")
    if call["missing"] != "missing":
        words.append(f"null is {call['missing']}")
    return ", ".join(words)


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


_OVERVIEW = """\
{% docs __overview__ %}

# partner-feeds

Staging views rename and type the columns of the sources. Intermediate models apply the
rules: each row gets a status and a reason code. A mart is one delivered file, and its
audit has every source row with its decision. An exposure declares the rest of a file:
name, form, due time, destination, limits. `publish` reads it.

- **What does a rule do?** Open a model of `intermediate`, or the seed `reason_codes`.
- **What does a changed rule do?** `publish preview` shows it before anything is sent.
- **Is the data of today?** `dbt source freshness --select source:ordertime`
- **Why is a row not in the file?** `monitor why KEY`

## The files

This site shows a part of an exposure only. Here is all that each declares.
"""


def overview() -> str:
    """Return models/overview.md: the first page of `dbt docs`.

    It shows the values that dbt reads, with the variables of dbt_project.yml.
    """
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603 (our own words)
            [
                *(sys.executable, "-c", "from dbt.cli.main import cli; cli()"),
                *("--quiet", "parse", "--no-partial-parse", "--target-path", folder),
            ],
            cwd=ROOT,
            env={**os.environ, "FEEDS_DATA": folder, "DBT_LOG_PATH": folder},
            check=True,
        )
        manifest = json.loads(Path(folder, "manifest.json").read_bytes())
    lines = [_OVERVIEW]
    for id_, exposure in sorted(manifest["exposures"].items()):
        fields = yaml.dump(
            exposure["config"]["meta"], Dumper=_Plain, sort_keys=False,
            allow_unicode=True, width=100,
        )  # fmt: skip
        lines += [
            f"### {exposure['label']}",
            "",
            f"[{exposure['name']}](#!/exposure/{id_})",
        ]
        lines += ["", "```yaml", *fields.splitlines(), "```", ""]
    return "\n".join([*lines, "{% enddocs %}", ""])


class _Plain(yaml.SafeDumper):
    """Writes a value that stands twice in full, without an anchor."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _seed(name: str) -> list[dict[str, str]]:
    with (ROOT / f"seeds/{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def main() -> int:
    """Write or check each document; return 1 if a checked one is out of date."""
    outdated = 0
    documents = {
        HEALTH: health(),
        REASONS: reason_codes(),
        READERS / "inventory.csv": sample("inventory", dialect("_marts")),
        READERS / "orders.csv": sample("orders", dialect("_orders")),
        READING: reading(),
        PARTNERS: partner_servers(),
        OVERVIEW: overview(),
        EXPOSURES: json.dumps(declaration.file_schema(), indent=2) + "\n",
        SOURCES: json.dumps(sources.file_schema(), indent=2) + "\n",
    }
    for path, content in documents.items():
        # As bytes: a sample has a CR LF inside a value.
        if path.exists() and path.read_bytes() == content.encode():
            continue
        name = path.relative_to(ROOT)
        if "--check" in sys.argv[1:]:
            outdated = 1
            sys.stdout.write(f"{name} is out of date: run `make docs`\n")
        else:
            path.write_bytes(content.encode())
            sys.stdout.write(f"{name} written\n")
    return outdated


if __name__ == "__main__":
    sys.exit(main())
