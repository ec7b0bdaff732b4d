"""`publish new` drafts a feed that builds and makes a file at once."""

import json
from pathlib import Path

import pytest
import yaml
from built_project import land_everything
from conftest import Command
from sample_project import SampleProject

from publish import new

# The form of a file of a workshop in Germany; the rows are in the order of the key.
SAMPLE = (
    "Artikel;Menge;Preis;Gültig ab;Text\r\n"
    '007;12;3,00;2026-02-01;"5"" lang; breit"\r\n'
    "A-1;3;12,50;2026-01-01;Tür\r\n"
    "B 2;0;;2026-03-01;\r\n"
)


def test_a_feed_like_a_sample_is_delivered_with_the_bytes_of_the_sample(
    command: Command, project: Path, data: Path, tmp_path: Path
) -> None:
    """Nothing was extracted or built before."""
    (project / "sample.csv").write_bytes(SAMPLE.encode("windows-1252"))
    partner = tmp_path / "partner"
    partner.mkdir()
    environment = {
        "FEEDS_DATA": data,
        "FEEDS_ACCEPT_FIRST": 1,
        "DEST_WORKSHOP_URL": partner.as_uri(),
        "DBT_TARGET_PATH": tmp_path / "target",
        "DBT_LOG_PATH": tmp_path / "logs",
    }
    for words in (
        ("new", "workshop", "--like", "sample.csv"),
        ("lint", "workshop"),
        ("build", "workshop", "--quiet"),
        ("workshop", "--quiet"),
        ("new", "stock_b", "--like", "onpart_inventory"),
        ("lint", "stock_b"),
    ):
        done = command("publish", *words, cwd=project, env=environment)
        assert done.returncode == 0, (words, done.stdout + done.stderr)
    (file,) = partner.iterdir()
    # A header with a letter beyond ASCII is in quotes; the sample has none.
    text = file.read_bytes().decode("windows-1252")
    assert text.replace('"Gültig ab"', "Gültig ab") == SAMPLE
    model = (project / "models/marts/stock_b.sql").read_text()
    assert "from {{ ref('inventory_feed') }}" in model

    # A file that exists is not changed. The same ones, as after a kill, are no error.
    again = ("publish", "new", "stock_b", "--like", "onpart_inventory")
    assert command(*again, cwd=project, env=environment).returncode == 0
    with (project / "models/marts/workshop.sql").open("a") as model_file:
        model_file.write("-- Mine.\n")
    before = {path: path.read_bytes() for path in project.glob("models/marts/*")}
    done = command(
        *("publish", "new", "workshop", "--like", "sample.csv"),
        cwd=project, env=environment,
    )  # fmt: skip
    assert (done.returncode, "workshop.sql, found one" in done.stderr) == (1, True)
    assert before == {
        path: path.read_bytes() for path in project.glob("models/marts/*")
    }


@pytest.fixture
def changes(project: Path) -> Path:
    """A project whose inventory leaves as changes, to two partners."""
    path = project / "models/marts/_marts__exposures.yml"
    content = yaml.safe_load(path.read_text())
    content["exposures"][0]["config"]["meta"] |= {
        "also": [{"destination": "mirror"}],
        "delta": {"column": "op", "place": "last"},
        "file": "stock_{sequence:0>4}.csv", "sequence_from": 100, "when_empty": "skip",
        "changes": {"ignore": ["updated_at"]},
    }  # fmt: skip
    content["exposures"][0]["config"]["meta"]["guards"].pop("max_age")
    path.write_text(yaml.safe_dump(content))
    suite = project / "tests/expectations/onpart_inventory.json"
    suite.write_text(suite.read_text().replace('"updated_at"', '"updated_at", "op"', 1))
    return project


@pytest.mark.long
def test_a_feed_like_one_of_changes_is_delivered_as_changes(
    command: Command, changes: Path, data: Path, tmp_path: Path
) -> None:
    land_everything(data)
    partner = tmp_path / "partner"
    partner.mkdir()
    environment = {
        "FEEDS_DATA": data, "FEEDS_ACCEPT_FIRST": 1,
        "DEST_STOCK_B_URL": partner.as_uri(), "DBT_TARGET_PATH": tmp_path / "target",
        "DBT_LOG_PATH": tmp_path / "logs",
    }  # fmt: skip
    parsed = command("dbt", "--quiet", "parse", cwd=changes, env=environment)
    assert parsed.returncode == 0, parsed.stdout
    for words in (
        ("new", "stock_b", "--like", "onpart_inventory"),
        ("lint",),
        ("build", "stock_b", "--quiet"),
        ("stock_b", "--quiet"),
        ("stock_b", "--quiet"),
    ):
        done = command("publish", *words, cwd=changes, env=environment)
        assert done.returncode == 0, (words, done.stdout + done.stderr)
    (file,) = partner.glob("*.csv")  # nothing changed since
    assert file.name == "stock_0001.csv"
    header, *rows = file.read_text().splitlines()
    assert header.endswith(',"op"')
    assert rows
    assert {row.rpartition(",")[2] for row in rows} == {"added"}


def test_a_new_feed_promises_the_key_and_goes_to_its_own_partner(
    tmp_path: Path,
) -> None:
    like = SampleProject(tmp_path)
    like.meta |= {
        "also": [{"destination": "mirror"}], "delta": {}, "when_empty": "skip",
        "sequence_from": 100, "file": "stock_{sequence}.csv",
    }  # fmt: skip
    like.write()
    done = like.run("publish", "new", "stock_b", "--like", "onpart_inventory")
    assert done.returncode == 0, done.stderr
    path = like.root / "models/marts/_stock_b.yml"
    content = yaml.safe_load(path.read_text())
    meta = content["exposures"][0]["config"]["meta"]
    assert (meta["destination"], meta["delta"]) == ("stock_b", {})
    assert not {"also", "sequence_from"} & {*meta}
    # Without these tests `delta` is refused.
    (model,) = content["models"]
    assert model["data_tests"] == [
        {"unique_combination": {"arguments": {"columns": meta["key"]}}}
    ]
    present = [each["name"] for each in model["columns"] if "data_tests" in each]
    assert {*present} == {*meta["key"]}
    suite = json.loads((like.root / "tests/expectations/stock_b.json").read_text())
    listed = suite["expectations"][0]["kwargs"]["column_list"]
    assert listed == ["operation", *like.columns]


def test_a_title_becomes_a_name_for_sql_that_no_other_column_has() -> None:
    assert new.column_names(["Order", "a b", "a_b", "1st", "Ünit", "%"]) == [
        "order_1", "a_b", "a_b_3", "column_4_1st", "unit", "column_6",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found an empty file"),
        (b"one line without any mark", "one of , ; | or a tab between the values"),
        (b"a;a\n1;2\n", "a header with each name once"),
    ],
)
def test_a_sample_that_says_nothing_is_refused(
    command: Command, project: Path, content: bytes, message: str
) -> None:
    (project / "sample.csv").write_bytes(content)
    done = command("publish", "new", "feed", "--like", "sample.csv", cwd=project)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert not list(project.glob("models/marts/*feed.sql.part"))
    assert not (project / "models/marts/feed.sql").exists()
