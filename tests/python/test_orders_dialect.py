"""What is hard to write is pinned to the byte, and read back by two other readers."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from copy import deepcopy
from pathlib import Path

import duckdb
import pytest
from order_consumer import DIALECT, read
from order_expected import HEADER
from order_project import DAY, EXPOSURES, MONDAY, OrderProject, night, order

from store.feeds.artifacts import Artifacts

PROGRAMS = [Path(program).parent for program in [shutil.which("initdb")] if program]


@pytest.fixture
def project(order_project: OrderProject) -> OrderProject:
    return order_project


LONG = "10,000 " + 'é\\"x' * 2498 + "."
VALUES = {
    "null": b'"null"',
    'say "hi"': rb'"say \"hi\""',
    "a trailing backslash\\": rb'"a trailing backslash\\"',
    "two\\\\": rb'"two\\\\"',
    '\\"': rb'"\\\""',
    "line\nfeed, \r\nCR LF, \rCR and\ttab": b'"line\nfeed, \nCR LF, \nCR and\ttab"',
    "a,b;c '": b'"a,b;c \'"',
    "Ж 書 🎼 e\u0301 \u2028 \ufeff": '"Ж 書 🎼 e\u0301 \u2028 \ufeff"'.encode(),
    "NULL \\N \\.": rb'"NULL \\N \\."',
}
VALUES[LONG] = ('"10,000 ' + r"é\\\"x" * 2498 + '."').encode()
# A CR LF or a CR in a value is written as LF.
MEANT = [re.sub("\r\n?", "\n", value) for value in VALUES]


@pytest.fixture
def awkward(project: OrderProject) -> Path:
    """A full file with every value that is hard to write, one order each."""
    orders = [order(number, title) for number, title in enumerate(VALUES, 1)]
    assert night(project, MONDAY, *orders)["full"] == "delivered"
    (full,) = project.partner.glob("*-full.csv")
    return full


def test_what_is_written_is_pinned_byte_for_byte(awkward: Path) -> None:
    assert len(LONG) == 10_000
    void = b'"null",'
    lines = [
        b'"%d","2026-11-01 09:30","null","S1","null","c-0","false","catalog_item",'
        % number
        + void
        + written
        + b","
        + void * 14
        + b'"false"\n'
        for number, written in enumerate(VALUES.values(), 1)
    ]
    header = ",".join(f'"{name}"' for name in HEADER).encode() + b"\n"
    assert awkward.read_bytes() == header + b"".join(lines)
    assert DIALECT.fullmatch(awkward.read_bytes())


def test_the_manifest_says_what_many_programs_misread(
    awkward: Path, project: OrderProject
) -> None:
    (package,) = project.data.glob("outbox/order_feed_full_file.4218/20*")
    (manifest,) = package.glob("*.manifest.json")
    risks = json.loads(manifest.read_text())["resources"][0]["risks"]
    texts = [text for row in read(awkward) for text in row.values() if text]
    first = {name: kind["first"]["key"]["order_id"] for name, kind in risks.items()}
    assert first == {"line_breaks": "6", "backslash_at_end": "3"}
    assert {kind["first"]["column"] for kind in risks.values()} == {"ci_title"}
    assert {name: kind["values"] for name, kind in risks.items()} == {
        "line_breaks": sum("\n" in text for text in texts),
        "backslash_at_end": sum(text.endswith("\\") for text in texts),
    }


def test_python_reads_back_what_was_meant(awkward: Path) -> None:
    titles = [row["ci_title"] for row in read(awkward)]
    # What the format cannot say is the first: the audit calls it NULL_TEXT.
    assert titles == [None, *MEANT[1:]]


def test_an_order_with_a_carriage_return_is_not_restated(project: OrderProject) -> None:
    """An earlier version wrote it as it was; its state has it, as the mart has."""
    now, before = project.artifacts, deepcopy(project.artifacts.manifest)
    for name in EXPOSURES:
        before["exposures"][name]["config"]["meta"]["dialect"]["line_breaks"] = "keep"
    orders = order(1, "one\r\ntwo\rthree"), order(2, "plain")
    project.use(Artifacts(before))
    assert night(project, MONDAY, *orders)["full"] == "delivered"
    (full,) = project.partner.glob("*-full.csv")
    assert b'"one\r\ntwo\rthree"' in full.read_bytes()
    # dbt's unit tests cannot say this: Jinja makes LF of a CR.
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as warehouse:
        audit = warehouse.sql("select order_id, warnings from order_audit").fetchall()
    assert dict(audit) == {1: "CARRIAGE_RETURN|CONTROL_CHARACTER", 2: None}
    full.unlink()
    project.use(now)
    assert night(project, MONDAY + DAY, *orders)["delta"] == "skipped"
    assert night(project, MONDAY + 7 * DAY, *orders)["full"] == "delivered"
    (full,) = project.partner.glob("*-full.csv")
    assert b'"one\ntwo\nthree"' in full.read_bytes()
    package = project.data / "outbox" / "order_feed_full_file.4218"
    newest = max(package.glob("20*"))
    assert (newest / "changes.csv").read_bytes().count(b"\n") == 1


def test_line_breaks_become_blanks_where_the_exposure_says_so(
    project: OrderProject,
) -> None:
    manifest = deepcopy(project.artifacts.manifest)
    for name in EXPOSURES:
        manifest["exposures"][name]["config"]["meta"]["dialect"]["line_breaks"] = (
            "blank"
        )
    project.use(Artifacts(manifest))
    orders = order(1, "one\r\ntwo\rthree\n\nfour"), order(2, "plain")
    assert night(project, MONDAY, *orders)["full"] == "delivered"
    (full,) = project.partner.glob("*-full.csv")
    assert [row["ci_title"] for row in read(full)] == ["one two three  four", "plain"]
    assert len(full.read_bytes().splitlines()) == 3


def test_postgresql_reads_back_what_was_meant(awkward: Path, tmp_path: Path) -> None:
    """COPY takes the escape character; a server in single-user mode needs no port."""
    programs = [*Path("/usr/lib/postgresql").glob("*/bin"), *PROGRAMS]
    folders = [each for each in programs if (each / "initdb").exists()]
    if not folders:
        pytest.skip("PostgreSQL is not installed: no initdb was found")
    # It refuses to run as root, and may not enter the folders of pytest.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="copy") as name:
        folder = Path(name)
        shutil.copy(awkward, folder / "in.csv")
        if user:
            for path in (folder, folder / "in.csv"):
                shutil.chown(path, user)

        def run(program: str, *words: object, **more: str) -> None:
            done = subprocess.run(
                [str(folders[-1] / program), *map(str, words)],
                cwd=folder,
                user=user,
                extra_groups=[] if user else None,
                capture_output=True,
                text=True,
                check=False,
                **more,
            )
            assert done.returncode == 0, done.stderr
            assert "ERROR" not in done.stderr, done.stderr

        run(
            "initdb",
            "-D",
            folder / "db",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
            "-A",
            "trust",
        )
        columns = ", ".join(f"{column} text" for column in HEADER)
        run(
            "postgres", "--single", "-F", "-D", folder / "db", "postgres",
            input=f"create table t ({columns});\n"
            f"copy t from '{folder}/in.csv' (format csv, header, escape '\\');\n"
            "copy (select encode(convert_to(json_agg(t)::text, 'UTF8'), 'hex') from t)"
            f" to '{folder}/out.hex';\n",
        )  # fmt: skip
        rows = json.loads(bytes.fromhex((folder / "out.hex").read_text()))
    assert [row["ci_title"] for row in rows] == MEANT
    assert [
        {name: None if value == "null" else value for name, value in row.items()}
        for row in rows
    ] == read(awkward)
