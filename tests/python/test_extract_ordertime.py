"""`extract ordertime` as a user runs it, against a server that fails on request."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from commands import ROOT, clean_environment
from conftest import Command

from runtime.files import parse_time
from sandbox import ordertime
from sandbox.options import Options
from sandbox.records import PART, Query

ITEMS = 40
QUICK = {"FEEDS_HTTP_LONGEST_WAIT": 0.05, "ORDERTIME_PAGE_SIZE": 10}


def item(identity: int) -> dict[str, Any]:
    return {
        "Id": identity,
        "Name": f"SKU-{identity}",
        "ManufacturerPartNo": f"00-{identity}",
        "Description": "Hood",
        "Note": None,
        "IsActive": True,
        "ItemGroupRef": {"Id": 2, "Name": "Hoods"},
        "ManufacturerRef": {"Id": 7, "Name": "Maker"},
        "Price": 12.5,
        "CustomFields": [{"Name": "ItemCust1", "Caption": "Part Type", "Value": "AM"}],
    }


def records() -> dict[int, list[dict[str, Any]]]:
    """A small Order Time: items with even ids from 100, one stock row each."""
    items = [item(100 + 2 * n) for n in range(ITEMS)]
    stock = [
        {
            "ItemRef": {"Id": row["Id"], "Name": row["Name"]},
            "LocationRef": {"Id": 1, "Name": "HQ"},
            "OnHand": 3,
            "Available": 2,
            "ReorderPoint": None,
        }
        for row in items
    ]
    place = {"Id": 1, "Name": "HQ", "IsAvailable": True, "IsActive": True}
    return {101: items, 1112: stock, 150: [place]}


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ordertime.Server]:
    """The stand-in; `indirect` parameters are its faults, or options of `serve`."""
    given = getattr(request, "param", ())
    options = given if isinstance(given, dict) else {"faults": given}
    with ordertime.serve(records(), **options) as running:
        yield running


def variables(server: ordertime.Server, data: Path, **more: object) -> dict[str, Any]:
    return {**server.variables, **QUICK, "FEEDS_DATA": data, **more}


def rows(data: Path, entity: str = "part_items") -> list[int]:
    """The keys that dbt would read."""
    file = data / "landing/current/ordertime" / f"{entity}.parquet"
    key = "ItemRef.Id" if entity == "stock_by_location" else "Id"
    rows = duckdb.execute(f"select {key} from read_parquet(?)", [str(file)])
    return [row[0] for row in rows.fetchall()]


def report(data: Path) -> dict[str, Any]:
    path = data / "landing/current/ordertime/extract.json"
    return json.loads(path.read_text())


ALL = [100 + 2 * n for n in range(ITEMS)]


def test_everything_is_copied_and_counted(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    done = command("extract", "ordertime", env=variables(server, data))
    assert done.returncode == 0, done.stderr
    assert rows(data) == ALL
    assert sorted(rows(data, "stock_by_location")) == ALL
    result = report(data)
    assert result["status"] == "complete"
    items = result["entities"]["part_items"]
    assert (items["rows"], items["count_before"], items["count_after"]) == (40, 40, 40)
    assert items["rounds"] == 1
    assert result["entities"]["item_groups"]["rows"] == 1
    # 40 full rows need a fifth page, because a full page might not be the last.
    assert items["pages"] == 5
    assert "40 part_items" in done.stdout
    assert "0 retries" in done.stdout
    run = data / "landing" / result["run_id"] / "ordertime"
    assert sorted(path.name for path in run.iterdir()) == [
        "extract.json",
        "item_groups.parquet",
        "locations.parquet",
        "manufacturers.parquet",
        "part_items.parquet",
        "stock_by_location.parquet",
    ]


def test_only_documented_requests_are_made_and_none_twice(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    assert not command("extract", env=variables(server, data)).returncode
    requested = Counter(
        (r.method, r.endpoint, r.record_type, r.page) for r in server.requests if r.page
    )
    paged = {k: n for k, n in requested.items() if k[0] == "POST"}
    stock = {k: n for k, n in paged.items() if k[2] == 1112}
    assert {r.endpoint for r in server.requests} == {"list", "count", "entityref"}
    assert set(stock.values()) == {2}  # no light list: the whole is read twice
    assert {n for k, n in paged.items() if k not in stock} == {1}
    assert all(r.size == 10 for r in server.requests if r.method == "POST")


def test_json_is_one_object_on_stdout(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    done = command("extract", "--json", env=variables(server, data))
    result = json.loads(done.stdout)
    assert result["status"] == "done"
    assert result["sources"][0]["entities"]["part_items"]["rows"] == ITEMS


def test_a_dry_run_shows_counts_and_lands_nothing(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    done = command("extract", "--dry-run", env=variables(server, data))
    assert done.returncode == 0
    assert "40 part_items" in done.stdout
    assert not data.exists()
    assert {r.method for r in server.requests} == {"PUT"}


def test_one_list_is_copied_for_inspection_only(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    done = command("extract", "ordertime.locations", env=variables(server, data))
    assert "for inspection" in done.stdout
    assert not (data / "landing/current").exists()


@pytest.mark.parametrize(
    "server",
    [
        ["101@2:429:retry-after=0"],
        ["101@2:500", "101@3:503"],
        ["101@2-4:reset"],
        ["101@3:cut"],
        ["101@3:half"],
        ["101@3:html"],
        ["101@3:blank"],
        ["1:hang"],
    ],
    indirect=True,
    ids=lambda faults: faults[0],
)
@pytest.mark.sample(3)
def test_what_can_mend_is_tried_again(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    env = variables(server, data, FEEDS_HTTP_TIMEOUT=1)
    done = command("extract", env=env)
    assert done.returncode == 0, done.stderr
    assert rows(data) == ALL
    assert report(data)["retries"] >= 1
    assert "retry path=" in done.stderr


@pytest.mark.parametrize("server", [["101@2:429:retry-after=2"]], indirect=True)
def test_retry_after_is_honoured(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    env = variables(server, data, FEEDS_HTTP_LONGEST_WAIT=5)
    done = command("extract", env=env)
    assert done.returncode == 0
    waited = re.search(r"pause=([0-9.]+) because=status 429", done.stderr)
    assert waited and float(waited[1]) >= 2  # by itself it would wait at most 1 s


@pytest.mark.parametrize("server", [["101@*:500"]], indirect=True)
def test_a_source_that_stays_down_is_temporary(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data, FEEDS_HTTP_ATTEMPTS=3))
    assert done.returncode == 75
    assert "gave no usable answer in 3 attempts; the last: status 500" in done.stderr
    assert not (data / "landing/current").exists()


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (["101@1:400"], "expected status 200, found 400"),
        ({"options": Options(forbidden=frozenset({101}))}, "right to view"),
    ],
    indirect=["server"],
)
def test_a_refused_request_is_not_made_again(
    server: ordertime.Server, data: Path, command: Command, message: str
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 2
    assert message in done.stderr
    assert sum(r.record_type == 101 for r in server.requests) == 1


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (["list/101@2:nan"], "hostile JSON: expected a number, found NaN"),
        (["list/101@2:deep"], "levels of nesting"),
        (["list/101@2:bignumber"], "found one of 5,000"),
        (["list/101@2:duplicate-keys"], "appears twice in an object"),
        (["list/101@2:huge:3"], "expected at most 1,000,000 bytes, found more"),
        (["list/101@2:gzip-bomb:2000"], "expected at most 1,000,000 bytes"),
        (["list/101@2:envelope"], "expected a list of records"),
        (["list/101@2:retype:IsActive"], "the known field IsActive has another type"),
    ],
    indirect=["server"],
)
@pytest.mark.sample(4)
def test_a_wrong_answer_is_refused_in_one_sentence(
    server: ordertime.Server, data: Path, command: Command, message: str
) -> None:
    env = variables(server, data, FEEDS_HTTP_BODY_LIMIT=1_000_000)
    done = command("extract", env=env)
    errors = [line for line in done.stderr.splitlines() if "Error" in line]
    assert done.returncode == 1, done.stderr
    assert len(errors) == 1
    assert message in errors[0]
    assert not (data / "landing/current").exists()


def test_a_failed_run_leaves_the_last_landing(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    assert not command("extract", env=variables(server, data)).returncode
    before = report(data)["run_id"]
    server.records.update(Query(PART), IsActive="not a flag")
    assert command("extract", env=variables(server, data)).returncode == 1
    assert report(data)["run_id"] == before
    assert rows(data) == ALL


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        # One row leaves from the front while we page: the next one is skipped.
        (["list/101@3:shift:-1"], ALL[1:]),
        # One row comes in at the front: one is sent twice, and the new one never.
        (["list/101@3:shift:+1"], None),
        # Another page than the one asked for.
        (["list/101@2:repeat"], ALL),
        (["list/101@2:skip"], ALL),
        (["list/101@2:short"], ALL),
        (["list/101@2:empty"], ALL),
    ],
    indirect=["server"],
)
@pytest.mark.sample(3)
def test_a_source_that_moves_once_is_copied_completely(
    server: ordertime.Server, data: Path, command: Command, expected: list[int] | None
) -> None:
    done = command("extract", env=variables(server, data, FEEDS_CONNECTIONS=1))
    assert done.returncode == 0, done.stderr
    now = [json.loads(text)["Id"] for text in server.records.page(Query(PART), 1, 99)]
    assert sorted(rows(data)) == sorted(now)
    assert expected is None or sorted(rows(data)) == expected
    assert report(data)["entities"]["part_items"]["rounds"] > 1


@pytest.mark.parametrize("server", [["count/101@1:miscount:-25"]], indirect=True)
def test_a_list_is_read_to_its_end_whatever_was_counted(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    assert not command("extract", env=variables(server, data)).returncode
    assert rows(data) == ALL
    # By reading on, and not only because the second look found records missing.
    assert report(data)["entities"]["part_items"]["fetched_by_id"] == 0


@pytest.mark.parametrize(
    ("server", "entity"),
    [
        (["list/101@*:shift:-1", "entityref/101@*:shift:-1"], "part_items"),
        (["list/1112@*:shift:-1"], "stock_by_location"),
    ],
    indirect=["server"],
)
def test_a_source_that_never_holds_still_is_left_alone(
    server: ordertime.Server, data: Path, command: Command, entity: str
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 75
    assert f"ordertime.{entity} kept changing" in done.stderr
    assert not (data / "landing/current").exists()


@pytest.mark.parametrize(
    "server",
    [
        {"options": Options(empties="omit")},
        {"options": Options(stock_ids=True)},
        {"options": Options(gzip=True)},
        {"options": Options(past_end="400")},
        {"options": Options(over_max="400")},
        {"tls": False},
    ],
    indirect=True,
    ids=lambda options: str(options)[:60],
)
@pytest.mark.sample(3)
def test_what_is_not_established_may_be_either_way(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 0, done.stderr
    assert rows(data) == ALL


@pytest.mark.parametrize("server", [{"latency_ms": 60}], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_goes_on_and_asks_for_no_page_twice(
    server: ordertime.Server, data: Path, command: Command, number: signal.Signals
) -> None:
    env = clean_environment(**variables(server, data, FEEDS_CONNECTIONS=1))
    with subprocess.Popen(
        ["extract"],
        cwd=ROOT,
        env=env,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as first:
        while len(stored(data)) < 6:
            assert first.poll() is None
            time.sleep(0.01)
        first.send_signal(number)
        began = time.monotonic()
        first.wait()
    assert time.monotonic() - began < 20
    assert first.returncode == (-9 if number == signal.SIGKILL else 143)
    pages = stored(data)
    requested = len(server.requests)
    done = command("extract", env=variables(server, data))
    assert done.returncode == 0, done.stderr
    assert "resume run_id=" in done.stderr
    again = {
        (r.endpoint, r.record_type, r.page)
        for r in server.requests[requested:]
        if r.method == "POST" and r.record_type == 150
    }
    assert pages
    assert not again  # locations were read first, and are durable
    assert rows(data) == ALL
    assert report(data)["resumed"]


def stored(data: Path) -> list[Path]:
    return sorted(data.glob("landing/*/ordertime/pages/*/*/*.json.zst"))


@pytest.mark.parametrize("server", [{"latency_ms": 60}], indirect=True)
def test_full_begins_anew(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    with subprocess.Popen(
        ["extract"], cwd=ROOT, env=clean_environment(**variables(server, data))
    ) as first:
        while len(stored(data)) < 2:
            time.sleep(0.01)
        first.kill()
    done = command("extract", "--full", env=variables(server, data))
    assert done.returncode == 0
    assert "discard unfinished run_id=" in done.stderr
    assert len(list(data.glob("landing/2*"))) == 1


@pytest.mark.parametrize("server", [{"latency_ms": 100}], indirect=True)
def test_two_runs_at_once_do_not_mix(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    with subprocess.Popen(
        ["extract", "--quiet"],
        cwd=ROOT,
        env=clean_environment(**variables(server, data)),
        stdout=subprocess.DEVNULL,
    ) as first:
        while not (data / "lock").exists() or not (data / "lock").read_text():
            time.sleep(0.01)
        second = command("extract", env=variables(server, data))
        assert second.returncode == 75
        assert f"in use by extract (pid {first.pid}" in second.stderr
    assert first.returncode == 0
    report = json.loads((data / "landing/current/ordertime/extract.json").read_bytes())
    left = parse_time(report["certificate_ends"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)


def test_an_unverified_certificate_is_refused(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    env = variables(server, data)
    del env["ORDERTIME_CA_FILE"]
    done = command("extract", env=env)
    assert done.returncode == 2
    assert "certificate could not be verified" in done.stderr
    assert not server.requests


def test_clear_text_is_for_this_machine_only(data: Path, command: Command) -> None:
    env = {
        "ORDERTIME_URL": "http://services.example.com/api",
        "ORDERTIME_API_KEY": "k",
        "ORDERTIME_EMAIL": "e",
        "ORDERTIME_PASSWORD": "p",
        "FEEDS_DATA": data,
    }
    done = command("extract", env=env)
    assert done.returncode == 2
    assert "ORDERTIME_URL must be an https:// address" in done.stderr


@pytest.mark.parametrize("missing", ["API_KEY", "EMAIL", "PASSWORD"])
def test_a_missing_credential_is_named(
    server: ordertime.Server, data: Path, command: Command, missing: str
) -> None:
    env = variables(server, data)
    del env[f"ORDERTIME_{missing}"]
    done = command("extract", env=env)
    assert done.returncode == 2
    assert f"ORDERTIME_{missing}" in done.stderr


@pytest.mark.parametrize("server", [(), ["101@2:400"], ["101@2:500"]], indirect=True)
def test_no_credential_shows_anywhere(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    env = variables(server, data, FEEDS_KEEP_PAGES=1, ORDERTIME_PASSWORD="canary-1x")
    env["ORDERTIME_API_KEY"] = "canary-2x"
    for extra in ((), ("--json",), ("--log-format", "json")):
        done = command("extract", *extra, env=env)
        assert "canary" not in done.stdout + done.stderr
    assert not [
        p for p in data.rglob("*") if p.is_file() and b"canary" in p.read_bytes()
    ]


def test_an_unknown_name_lists_the_known_ones(data: Path, command: Command) -> None:
    done = command("extract", "ordertime.parts", env={"FEEDS_DATA": data})
    assert done.returncode == 2
    assert "ordertime.part_items" in done.stderr


def test_progress_is_for_terminals(server: ordertime.Server, data: Path) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    env = clean_environment(**variables(server, data), TERM="xterm")
    with subprocess.Popen(
        ["extract"], cwd=ROOT, env=env, stderr=slave, stdout=subprocess.DEVNULL
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                shown += os.read(master, 65536)
            except OSError:
                break
    os.close(master)
    assert process.returncode == 0
    assert b"pages" in shown


@pytest.mark.parametrize("server", [["list/101@2:retype:Price"]], indirect=True)
def test_one_number_that_is_none_is_landed_as_it_was_sent(
    server: ordertime.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 0, done.stderr
    file = data / "landing/current/ordertime/part_items.parquet"
    prices = duckdb.execute(
        "select Price, count(*) from read_parquet(?) group by 1 order by 2", [str(file)]
    ).fetchall()
    assert prices == [('"unexpected text"', 1), ("12.5", ITEMS - 1)]


@pytest.mark.parametrize("quantity", [3, 4])
def test_two_stock_rows_of_one_place_are_landed(
    data: Path, command: Command, quantity: int
) -> None:
    rows = records()
    rows[1112].insert(1, {**rows[1112][0], "OnHand": quantity})
    with ordertime.serve(rows) as server:
        done = command("extract", env=variables(server, data))
    assert done.returncode == 0, done.stderr
    assert report(data)["entities"]["stock_by_location"]["rows"] == ITEMS + 1
