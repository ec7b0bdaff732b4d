"""Names from the source reach no path, pattern, URL or connection string unescaped."""

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from commands import ROOT
from compiled_project import NO_UNIT_TESTS, Compiled
from project import Project
from sample_project import SampleProject

from sandbox import order_tool, ordertime
from sandbox.order_tool_records import item
from sandbox.records import PART, Query
from sandbox.sample import Sample

PLANTED = "planted-7f3a"
# Great Expectations fills in $NAME and ${NAME}, SQLAlchemy decodes %hh, DuckDB takes
# ? * [ ] for patterns and a=b for a partition, dbt renders braces.
HOSTILE = (
    "A$PLANTED",
    "B${PLANTED}",
    "C%24PLANTED%00",
    "D?access_mode=read_write&x=1",
    "E[0-9]*",
    "F=G",
    "H'; select getenv('PLANTED'); --",
    'I"J',
    "K{{ env_var('PLANTED') }}",
    "L$(echo $PLANTED)`id`",
    "M#N;O",
    "\N{BLACK STAR} \N{RIGHT-TO-LEFT OVERRIDE}",
)


def split_project(folder: Path) -> SampleProject:
    """Return a project whose feed has one file for each location."""
    project = SampleProject(folder, {"PLANTED": PLANTED, "FEEDS_ACCEPT_FIRST": 1})
    project.meta["guards"] = {}
    project.meta.update(split_by="location_code", file="{split}_stock_{timestamp}.csv")
    for row, location in zip(project.rows, [*HOSTILE, "MAIN"] * 3, strict=False):
        row["location_code"] = location
    project.rows = project.rows[: 3 * len([*HOSTILE, "MAIN"])]
    return project.quick()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SampleProject:
    return split_project(tmp_path_factory.mktemp("hostile"))


def test_hostile_names_are_delivered_and_reveal_nothing(project: SampleProject) -> None:
    done = project.run("publish", "--at", project.at)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PLANTED not in done.stdout + done.stderr
    files = {path.name for path in project.partner.glob("*.csv")}
    time = "20260115T070000Z"
    assert files == {f"{name}_stock_{time}.csv" for name in [*HOSTILE, "MAIN"]}
    for path in project.partner.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        assert [row["location_code"] for row in rows] == [
            path.name.split("_stock")[0]
        ] * 3
    for path in project.folder.rglob("*"):
        assert PLANTED not in path.name
        assert not path.is_file() or PLANTED.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    "words",
    [("publish", "status"), ("monitor", "health")],
)
def test_no_command_reveals_a_variable(
    project: SampleProject, words: tuple[str, ...]
) -> None:
    done = project.run(*words)
    assert done.returncode in (0, 1), done.stderr
    assert PLANTED not in done.stdout + done.stderr
    assert "This is a bug" not in done.stderr


def test_a_data_directory_may_have_such_a_name(tmp_path: Path) -> None:
    project = split_project(tmp_path / "$PLANTED 100%25 a=b")
    done = project.run("publish", "--at", project.at)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PLANTED not in done.stdout + done.stderr


# What a terminal takes for a command, and what would forge a line of a log.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")
TEXTS = (*HOSTILE, "N\x1b[2J\x1b]0;title\x07", "O\r\nERROR forged=1", "P\u2028Q")
# A term id is part of a file name, so a slash or a control character is refused.
TERMS = HOSTILE[:-1]


@dataclass
class SourcesProject(Project):
    """This project, fed by both stand-ins with hostile texts in every field."""

    outputs: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return ROOT

    def do(self, *words: object, codes: tuple[int, ...] = (0,)) -> str:
        """Run a command; keep and return what it printed."""
        done = self.run(*words)
        output = done.stdout + done.stderr
        self.outputs.append(output)
        assert done.returncode in codes, (words, output)
        return output


def hostile_orders() -> dict[str, list[dict]]:
    """Return terms and orders whose every text is hostile."""
    terms = [
        {
            "sis_term_id": name,
            "name": text,
            "ordering_opens_at": "2026-01-01T05:00:00Z",
            "ordering_closes_at": "2036-01-01T05:00:00Z",
            "is_archived": False,
        }
        for name, text in zip(TERMS, TEXTS, strict=False)
    ]
    orders = [
        {
            "order_id": number,
            "sis_term_id": TERMS[number % len(TERMS)],
            "created_at": "2026-01-15T06:00:00Z",
            "updated_at": "2026-01-15T06:00:00Z",
            "canceled_at": None,
            "is_royalty": False,
            "sections": [{"sis_section_id": text}],
            "catalog_items": [
                item(text, title=text, author=[text], publisher_name=text)
            ],
            "content_requests": [],
        }
        for number, text in enumerate(TEXTS * 2, 1)
    ]
    return {"terms": terms, "orders": orders}


@pytest.fixture(scope="module")
def fed(
    compiled_project: Compiled, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SourcesProject]:
    """A project whose sources have hostile texts, extracted, built and published."""
    project = SourcesProject(
        tmp_path_factory.mktemp("hostile sources"),
        {"PLANTED": PLANTED, "FEEDS_ACCEPT_FIRST": 1},
    )
    (project.partner / "dev/order-feed").mkdir(parents=True)
    compiled_project.copy_warehouse(project.data)
    with (
        ordertime.serve(Sample(300), tls=False) as parts,
        order_tool.serve(hostile_orders(), tls=False) as orders,
    ):
        for number, text in enumerate(TEXTS):
            chosen = Query(PART, "id % ? = ?", (len(TEXTS) * 2, number))
            parts.records.update(chosen, Name=text, Description=text, UPC=text)
        project.variables |= parts.variables | orders.variables
        project.do("extract")
        project.do("dbt", "--no-use-colors", "build", *NO_UNIT_TESTS)
        project.do("publish", codes=(0, 1))
    yield project


def commands_of(project: SourcesProject) -> Iterator[tuple[tuple[object, ...], tuple]]:
    """Yield every other command, and the exit codes that it may have."""
    yield ("publish", "status"), (0, 1)
    yield ("publish", "status", "--json"), (0, 1)
    yield ("publish", "check"), (0, 1)
    yield ("publish", "prune", "--dry-run"), (0,)
    yield ("publish", "approve", "0" * 12, "--because", TEXTS[0]), (1, 2)
    yield ("publish", "settle", TEXTS[1], "--as", "delivered", "--because", "x"), (1,)
    yield ("publish", "replay", TEXTS[3]), (1, 2)
    yield ("publish", TEXTS[2]), (2,)
    again = "--again", "--because", TEXTS[13], "--dry-run"
    yield ("publish", "run", f"order_feed_full_file.{TERMS[0]}", *again), (2,)
    yield ("publish", "build", TEXTS[13]), (2,)
    yield ("publish", "key"), (2,)
    yield ("publish", "restored", "--because", TEXTS[13]), (0, 1)
    yield ("publish", "trust", TEXTS[13], "--because", TEXTS[0]), (2,)
    yield from _commands_of_persons(project)
    yield ("monitor", "backup", project.folder / "$PLANTED copy"), (0,)
    yield ("monitor", "health"), (0, 1)
    yield ("monitor", "health", "--json"), (0, 1)
    yield ("monitor", "drift"), (0, 1)
    yield ("monitor", "metrics"), (0,)
    yield ("monitor", "alert"), (0, 1, 2)
    yield ("monitor", "ack", TEXTS[4], "--because", TEXTS[5]), (0, 1, 2)
    yield ("monitor", "report"), (0,)
    for text in TEXTS[::2]:
        yield ("monitor", "why", text.replace("\0", "")), (0, 1, 2)
    yield ("publish", "lint", TEXTS[0]), (2,)
    yield ("publish", "new", TEXTS[0], "--like", TEXTS[1]), (2,)
    yield ("publish", "preview", TEXTS[0]), (2,)
    yield ("publish", "preview", "--vars", TEXTS[4]), (2,)
    yield ("extract", TEXTS[0]), (2,)
    yield ("extract",), (1, 75)  # the sources are closed


def _commands_of_persons(
    project: SourcesProject,
) -> Iterator[tuple[tuple[object, ...], tuple]]:
    """Yield the commands that record what a person says, of each hostile term."""
    feed, until = "order_feed_full_file", "2091-01-01"
    for term, text in [*zip(TERMS, reversed(TEXTS), strict=False)][::4]:
        file, reason = f"{feed}.{term}", ("--because", text)
        yield ("publish", "hold", feed, file, "--until", until, *reason), (0,)
        yield ("publish", "status"), (0, 1)
        yield ("publish", "release", feed, file, *reason), (0,)
        yield ("publish", "confirm", feed, "--key", f"{text}={term}", "--column",
               text, "--value", text, *reason), (2,)  # fmt: skip
    yield ("publish", "confirm", "onpart_inventory", "--list"), (0, 2)
    given = project.folder / "of the partner.csv"
    given.write_text("".join(f'"{text}",' for text in TEXTS), newline="")
    for term in (TERMS[0], TERMS[6]):
        yield ("publish", "adopt", feed, given, "--split", term, "--replace",
               "--because", TEXTS[13]), (1, 2)  # fmt: skip
    yield ("publish", "feedback", feed, given, "--because", TEXTS[13]), (1, 2)
    for record in project.records("delivered")[:3]:
        words = record["run_id"], record["file"], "--because", TEXTS[12]
        yield ("publish", "resend", *words, "--dry-run"), (0, 1, 2)


def test_every_command_gets_hostile_texts(fed: SourcesProject) -> None:
    tried = {words[:2] for words, _ in commands_of(fed)}
    for program in ("publish", "monitor"):
        usage = fed.do(program, "--help")
        listed = usage.split("\nCommands:\n")[1].split("\n\n")[0]
        names = re.findall(r"^  ([a-z]+) ", listed, re.M)
        assert "health" in names or "run" in names
        assert {(program, name) for name in names} <= tried


def test_hostile_texts_pass_through_every_command(fed: SourcesProject) -> None:
    for words, codes in commands_of(fed):
        fed.do(*words, codes=codes)
    for output in fed.outputs:
        assert "This is a bug" not in output
        assert PLANTED not in output
        assert not CONTROL.search(output), CONTROL.search(output)
        assert not re.search(r"^ERROR forged", output, re.MULTILINE)
    assert any("N\\x1b[2J" in output for output in fed.outputs)
    for path in fed.folder.rglob("*"):
        assert PLANTED not in path.name
        assert not path.is_file() or PLANTED.encode() not in path.read_bytes(), path


def test_a_file_of_every_hostile_term_is_delivered(fed: SourcesProject) -> None:
    records = fed.records("delivered")
    terms = {record["split"] for record in records if record["split"]}
    assert terms == set(TERMS)
    for record in records:
        package = fed.data / "outbox" / record["file"] / record["run_id"]
        done = subprocess.run(
            [sys.executable, package / "verify.py", package],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert PLANTED not in done.stdout + done.stderr
        assert not CONTROL.search(done.stdout + done.stderr)
