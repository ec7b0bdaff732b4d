"""One file for several destinations: each has deliveries and a ledger of its own."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import duckdb
import pytest
from commands import ROOT, run
from committed_project import CommittedProject, commit, git
from compiled_project import Compiled
from conftest import PROJECT
from faults.cells import POINTS
from landing import hold, land_parts
from sample_project import SampleProject, manifest

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

from publish import lint
from publish.run import Outcome
from store import feeds, partner_state
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger
from store.package import Package

FEED, MIRROR = "onpart_inventory", "onpart_inventory@mirror"


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {
        "XDG_STATE_HOME": tmp_path / "state",
        "DEST_ONPART_RETRIES": 0,
        "DEST_MIRROR_RETRIES": 0,
        "DEST_MIRROR_URL": (tmp_path / "mirror").as_uri(),
        "FEEDS_OPERATOR": "ann",
    }
    (tmp_path / "mirror" / "in").mkdir(parents=True)
    project.meta["also"] = [{"destination": "mirror", "folder": "/in"}]
    return project.quick()


def there(project: SampleProject, destination: str = "onpart") -> dict[str, bytes]:
    """What a partner has: the bytes of each file by its name."""
    folder = {"onpart": project.partner, "mirror": project.folder / "mirror" / "in"}
    return {path.name: path.read_bytes() for path in folder[destination].iterdir()}


def publish(project: SampleProject, change: int = 0, **options: bool) -> list[Outcome]:
    """Publish a later file, of other rows."""
    project.later()
    project.rows[0]["qty_on_hand"] = 10 + change
    return project.write().here(**{"accept_first": True, **options})


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {each.summary["file"]: each.summary["status"] for each in outcomes}


def unplug(project: SampleProject, destination: str) -> None:
    """Let a destination have no folder."""
    url = (project.folder / "none").as_uri()
    project.variables[f"DEST_{destination.upper()}_URL"] = url


def plug(project: SampleProject) -> None:
    project.variables.pop("DEST_ONPART_URL", None)
    project.variables["DEST_MIRROR_URL"] = (project.folder / "mirror").as_uri()


def verify(project: SampleProject) -> str:
    words = ["--ledger", project.data / "ledger.jsonl", project.data / "outbox"]
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "publish/package/verify.py", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_every_destination_gets_the_same_bytes(project: SampleProject) -> None:
    outcomes = publish(project, 1)
    assert statuses(outcomes) == {FEED: "delivered", MIRROR: "delivered"}
    assert there(project).keys() == there(project, "mirror").keys()
    for name, content in there(project).items():
        if name.endswith(".csv"):
            assert content == there(project, "mirror")[name]
            rows = list(csv.DictReader(content.decode().splitlines()))
            assert [row["qty_on_hand"] for row in rows].count("11") == 1
    first, second = project.records("delivered")
    assert [(r["feed"], r["file"], r["destination"]) for r in (first, second)] == [
        (FEED, FEED, "onpart"), (MIRROR, MIRROR, "mirror"),
    ]  # fmt: skip
    assert first["state"] == second["state"]
    assert "2 packages, none wrong" in verify(project)
    # The manifests differ in what they say of the ledger.
    manifests = [
        json.loads(content)
        for place in ("onpart", "mirror")
        for name, content in there(project, place).items()
        if name.endswith(".json")
    ]
    assert {each["name"] for each in manifests} == {FEED}
    assert {each["run"]["feed"] for each in manifests} == {FEED, MIRROR}
    assert statuses(publish(project, 1)) == {FEED: "unchanged", MIRROR: "unchanged"}


def test_the_first_destination_is_as_if_it_were_alone(
    project: SampleProject, tmp_path: Path
) -> None:
    alone = SampleProject(tmp_path / "alone")
    alone.folder.mkdir()
    alone.variables = {"XDG_STATE_HOME": tmp_path / "state"}
    alone.quick()
    for each in (project, alone):
        publish(each, 1)
        publish(each, 2)

    def recorded(each: SampleProject) -> list[dict[str, Any]]:
        drop = {"at", "previous", "attempt", "seconds", "items", "package", "receipt"}
        return [
            {name: value for name, value in record.items() if name not in drop}
            for record in each.records("intent", "placing", "delivered")
            if record["feed"] == FEED
        ]

    assert [{**r, "first": ""} for r in recorded(project)] == [
        {**r, "first": ""} for r in recorded(alone)
    ]
    files = [
        {name: content for name, content in there(each).items() if name[-4:] == ".csv"}
        for each in (project, alone)
    ]
    assert files[0] == files[1]


@pytest.mark.parametrize("down", ["onpart", "mirror"])
@pytest.mark.sample(1)
def test_one_that_is_down_gets_the_file_later_and_the_other_gets_it_once(
    project: SampleProject, down: str
) -> None:
    up = "mirror" if down == "onpart" else "onpart"
    publish(project, 1)
    unplug(project, down)
    result = {each.summary["destination"]: each for each in publish(project, 2)}
    assert (result[up].summary["status"], result[up].code) == ("delivered", 0)
    assert result[down].code in (1, 75)
    plug(project)
    (sent,) = [each for each in project.here() if each.summary["status"] != "unchanged"]
    assert (sent.summary["status"], sent.summary["destination"]) == ("delivered", down)
    assert there(project).keys() == there(project, "mirror").keys()
    assert [r["destination"] for r in project.records("delivered")].count(up) == 2


@pytest.mark.parametrize("visit", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize(
    "point",
    # The file is too small for the other one.
    [point for point in POINTS if point != "in-stor@5"],
)
@pytest.mark.sample(3)
def test_a_crash_loses_and_repeats_nothing(
    project: SampleProject, point: str, visit: int
) -> None:
    publish(project, 1)
    project.later()
    project.rows[0]["qty_on_hand"] = 12
    project.write()
    name, _, number = point.partition("@")
    # Each delivery passes a point as often as the first one.
    of_one = {"before-rnto": 2, "after-rnto": 2, "after-stor": 2, "in-stor": 2}
    at = int(number or 1) + visit * of_one.get(name, 1)
    killed = project.run(
        "publish", "--at", project.at, FEEDS_FAILPOINT=f"{name}=kill@{at}"
    )
    assert killed.returncode == -signal.SIGKILL
    outcomes = project.here()
    assert {*statuses(outcomes).values()} <= {"delivered", "unchanged"}, outcomes
    for place in ("onpart", "mirror"):
        files = [n for n in there(project, place) if n.endswith(".csv")]
        assert len(files) == 2, files
        assert not [n for n in there(project, place) if n.endswith(".part")]
    sent = [(r["destination"], r["name"]) for r in project.records("delivered")]
    assert len(sent) == len({*sent}) == 4
    assert "none wrong" in verify(project)


def test_each_destination_is_judged_by_what_it_has(project: SampleProject) -> None:
    further = project.meta.pop("also")
    assert statuses(publish(project, 1)) == {FEED: "delivered"}
    # A destination that is new has nothing: a person accepts its first file.
    project.meta["also"] = further
    outcomes = publish(project, 2, accept_first=False)
    assert statuses(outcomes) == {FEED: "delivered", MIRROR: "held"}
    held = outcomes[1].summary
    assert [each["id"] for each in held["held_by"]] == ["RUN_FIRST"]
    assert [each.summary["changes"]["first"] for each in outcomes] == [False, True]
    done = project.run("publish", "approve", held["sha256"], "--because", "it is new")
    assert done.returncode == 0, done.stderr
    assert statuses(project.here()) == {FEED: "unchanged", MIRROR: "delivered"}
    # Half of the rows go while only one is there: the other still has all of them.
    unplug(project, "mirror")
    project.rows = project.rows[:32]
    publish(project, 3)
    plug(project)
    project.rows = project.rows[:26]
    outcomes = publish(project, 4)
    assert statuses(outcomes) == {FEED: "delivered", MIRROR: "held"}
    assert [each["id"] for each in outcomes[1].summary["held_by"]] == [
        "RUN_ROW_DROP", "RUN_FLIP"
    ]  # fmt: skip
    held_rows = [
        Package(Path(each.summary["package"])).run["changes"]["rows_before"]
        for each in outcomes
    ]
    assert held_rows == [32, 40]


def test_a_name_is_that_of_all_or_of_one(project: SampleProject) -> None:
    hold = ("publish", "hold", "--until", "2091-01-20", "--because", "they move")
    assert project.run(*hold, MIRROR).returncode == 0
    assert statuses(publish(project, 1)) == {FEED: "delivered", MIRROR: "on hold"}
    done = project.run("publish", "release", FEED, "--because", "they moved")
    assert done.stdout.startswith(f"{MIRROR} is released"), done.stderr
    done = project.run(*hold, FEED)
    assert done.stdout.startswith(f"{FEED}, {MIRROR} is on hold"), done.stderr
    assert statuses(publish(project, 2)) == {FEED: "on hold", MIRROR: "on hold"}
    assert project.run("publish", "release", FEED, "--because", "x").returncode == 0
    for name, expected in (
        (f"{FEED}@onpart", {FEED}), (MIRROR, {MIRROR}), (FEED, {FEED, MIRROR})
    ):  # fmt: skip
        result = project.publish(name, "--dry-run", FEEDS_ACCEPT_FIRST=1)
        assert {each["file"] for each in result["files"]} == expected
    refused = project.run("publish", f"{FEED}@nobody")
    assert refused.returncode == 2
    assert "expected one of the files onpart_inventory; found" in refused.stderr


def test_commands_know_both(project: SampleProject) -> None:
    publish(project, 1)
    publish(project, 2)
    status = project.run_json("publish", "status", "--at", project.at)["files"]
    assert [(s["feed"], s["destination"], s["delivered"]["rows"]) for s in status] == [
        (FEED, "onpart", 40), (MIRROR, "mirror", 40)
    ]  # fmt: skip
    health = project.run_json("monitor", "health")
    assert health["feeds"].keys() == {FEED, MIRROR}
    assert health["destinations"].keys() == {"onpart", "mirror"}
    run = project.packages(MIRROR)[-1]
    (project.folder / "mirror" / "in" / Package(run).resource["path"]).unlink()
    done = project.run("publish", "resend", Package(run).name, "--because", "lost it")
    assert done.returncode == 0, done.stderr
    assert there(project).keys() == there(project, "mirror").keys()
    assert "4 packages, none wrong" in verify(project)
    page = project.run_json("monitor", "report", "--out", project.folder / "pages")
    assert page["exit_code"] == 0, page["stderr"]
    assert (project.folder / "pages" / MIRROR / f"{run.name}.html").is_file()
    adopted = project.folder / "theirs.csv"
    name = next(name for name in there(project) if name.endswith(".csv"))
    adopted.write_bytes(there(project)[name])
    words = ("--replace", "--because", "they loaded another")
    done = project.run("publish", "adopt", MIRROR, adopted, *words)
    assert done.returncode == 0, done.stderr + done.stdout
    states = partner_state.current(Ledger(project.ledger_file))
    assert sorted(state.destination for state in states) == ["mirror", "onpart"]
    pruned = project.run_json(
        "publish", "prune", FEEDS_KEEP_DAYS=0, FEEDS_KEEP_RUNS=1,
        FEEDS_OPERATOR="ann",
    )  # fmt: skip
    assert pruned["exit_code"] == 0
    assert {state.path(project.data / "delivered").exists() for state in states} == {
        True
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"replaces_by": ["supplier_sku"]},
            "also: expected one destination of a file that replaces rows by a key",
        ),
        (
            {"also": [{"destination": "onpart", "folder": "/b"}]},
            'also: expected each destination once, found ["onpart", "onpart"]',
        ),
        ({"also": []}, "also: expected at least one, found []"),
        (
            {"also": [{"folder": "/b"}]},
            "also.destination: expected a value, found none",
        ),
        (
            {"also": [{"destination": "b", "suite": "x"}]},
            "also.suite: there is no such field",
        ),
        (
            {"also": [{"destination": "b", "encrypt": {"key": "no.asc",
              "fingerprint": "A" * 40}}]},
            "also.encrypt.key: expected the file of a public key, found no.asc",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_declared(
    project: SampleProject, change: dict[str, Any], words: str
) -> None:
    project.meta |= change
    path = project.root / "models" / "exposures.yml"
    path.parent.mkdir()
    meta = json.dumps(project.meta)
    path.write_text(
        f"exposures:\n  - name: onpart_inventory\n    config:\n      meta: {meta}\n"
    )
    declared = manifest(project.meta)
    (exposure,) = declared["exposures"].values()
    exposure["original_file_path"] = "models/exposures.yml"
    (lines,) = lint.errors(project.root, Artifacts(declared)).values()
    assert words in "\n".join(lines), lines


def test_two_exposures_of_one_model_have_the_same_destinations(
    project: SampleProject,
) -> None:
    declared = manifest(project.meta)
    (exposure,) = declared["exposures"].values()
    meta = {**project.meta, "file": "other_{date}.csv"}
    del meta["also"]
    other = {**exposure, "name": "other", "config": {"meta": meta}}
    declared["exposures"]["exposure.partner_feeds.other"] = other
    errors = feeds.declared(Artifacts(declared)).errors
    assert errors == {
        "other": [
            "state: expected a model that one partner has, found inventory_feed, which "
            "mirror and onpart have too"
        ]
    }
    meta["also"] = project.meta["also"]
    assert feeds.declared(Artifacts(declared)).errors == {}
    # The names of a further destination are compared too.
    meta["file"] = project.meta["file"]
    errors = feeds.declared(Artifacts(declared)).errors
    assert {name: len(lines) for name, lines in errors.items()} == {
        "onpart_inventory": 2, "other": 2
    }  # fmt: skip


def test_a_build_counts_no_row_twice_and_compares_with_every_partner(
    tmp_path: Path,
) -> None:
    root, data = tmp_path / "project", tmp_path / "data"
    for name in PROJECT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        root.mkdir(exist_ok=True)
        if name != "tests":
            copy(ROOT / name, root / name)
    path = root / "models/marts/_marts__exposures.yml"
    text = path.read_text()
    also = "destination: onpart\n        also: [{destination: mirror}]"
    path.write_text(text.replace("destination: onpart", also))
    land_parts(data, [], [])
    row = (
        "select '{}' as supplier_code, 'MAIN' as location_code, '{}' as supplier_sku, "
        "'AM' as part_type, {}::decimal(18,2) as sell_price, "
        "timestamp '2026-01-15 07:00:00' as _delivered_at, false as _is_former"
    )

    def have(destination: str, *prices: int) -> None:
        code = "DEMO01"
        rows = " union all ".join(
            row.format(code, f"SKU{number}", price)
            for number, price in enumerate(prices)
        )
        with duckdb.connect() as connection:
            hold(connection, rows, data, "inventory_feed", destination)

    def build() -> tuple[list[Any], list[Any]]:
        words = ("dbt", "--quiet", "run", "--select", "+int_parts_00_last_values")
        variables = {
            "FEEDS_DATA": data, "DBT_TARGET_PATH": tmp_path / "target",
            "DBT_LOG_PATH": tmp_path / "logs", "SUPPLIER_CODE": "DEMO01",
        }  # fmt: skip
        done = run(*words, cwd=root, env=variables)
        assert done.returncode == 0, done.stdout + done.stderr
        with duckdb.connect(str(data / "warehouse.duckdb")) as connection:
            return (
                connection.execute(
                    "select destination, supplier_sku, sell_price::int "
                    "from stg_published__inventory_feed order by all"
                ).fetchall(),
                connection.execute(
                    "select supplier_sku, least_sell_price::int, sell_price::int "
                    "from int_parts_00_last_values where location_code = 'MAIN' "
                    "order by all"
                ).fetchall(),
            )

    # A former destination counts until one of those of now has something.
    have("former", 1, 1)
    assert build() == (
        [("former", "SKU0", 1), ("former", "SKU1", 1)],
        [("SKU0", 1, 1), ("SKU1", 1, 1)],
    )
    # Two that have the same rows are one.
    have("onpart", 100, 100)
    have("mirror", 100, 100)
    assert build() == (
        [("mirror", "SKU0", 100), ("mirror", "SKU1", 100)],
        [("SKU0", 100, 100), ("SKU1", 100, 100)],
    )
    have("onpart", 100, 120, 7)
    assert build() == (
        [
            ("mirror", "SKU0", 100), ("mirror", "SKU1", 100), ("onpart", "SKU0", 100),
            ("onpart", "SKU1", 120), ("onpart", "SKU2", 7),
        ],
        [("SKU0", 100, 100), ("SKU1", 100, 120), ("SKU2", 7, 7)],
    )  # fmt: skip


@pytest.mark.long
def test_a_run_of_a_further_destination_is_replayed(
    compiled_project: Compiled, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    commit(root)
    path = root / "models/marts/_marts__exposures.yml"
    also = "destination: onpart\n        also: [{destination: mirror}]"
    path.write_text(path.read_text().replace("destination: onpart", also))
    git(root, "commit", "--quiet", "--all", "--message", "two destinations")
    project = CommittedProject(tmp_path, {"DEST_MIRROR_URL": (tmp_path / "m").as_uri()})
    (tmp_path / "m").mkdir()
    compiled_project.copy_warehouse(project.data)
    project.night()  # with unit tests, as a model differs
    for file in (FEED, MIRROR):
        (package,) = project.packages(file)
        name = Package(package).name
        result = project.run_json("python", "-m", "publish", "replay", name)
        assert result.get("identical"), result
