"""`extract order_tool` as a user runs it, against a server that fails on request."""

import json
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from commands import ROOT, clean_environment
from conftest import Command

from extract.strict_json import parse_rows
from runtime.exits import Refused
from sandbox import http_server, order_tool, ordertime
from sandbox.http_server import Request, Response
from sandbox.jsontext import Verbatim
from sandbox.order_tool_records import item

COUNT = 40
QUICK = {"FEEDS_HTTP_LONGEST_WAIT": 0.05, "ORDER_TOOL_PAGE_SIZE": 10}
ALL = [100 + 2 * n for n in range(COUNT)]


def order(number: int) -> dict[str, Any]:
    return {
        "order_id": number,
        "sis_term_id": "4268",
        "created_at": "2026-09-01T18:51:00Z",
        "updated_at": "2026-09-07T23:34:55Z",
        "canceled_at": None if number % 10 else "2026-09-07T23:34:55Z",
        "is_royalty": number == 104,
        "sections": [{"sis_section_id": f"HIST-{number}-001"}],
        "catalog_items": [
            item(
                f"UC-{number}",
                author=["Roe; A.", 'P. "P" Poe'],
                title='A "b"\\, c;\nünd 📘 null',
                offer_price=Verbatim("12.30"),
                print_list_price=Verbatim("1234567.89"),
            ),
            item("UC-1", title="null"),
        ],
        "content_requests": [
            {
                "created_at": "2026-09-01T18:51:00Z",
                "title": "typed",
                "isbn": None,
                "status": "Cancelled",
            }
        ],
    }


def term(sis_term_id: str) -> dict[str, Any]:
    return {
        "sis_term_id": sis_term_id,
        "name": f"Term {sis_term_id}",
        "ordering_opens_at": "2026-05-01T05:00:00Z",
        "ordering_closes_at": "2026-12-05T06:00:00Z",
        "is_archived": sis_term_id == "4265",
    }


def records() -> dict[str, list[dict[str, Any]]]:
    """A small order tool: orders with even ids from 100, two items each."""
    terms = [term("4268"), term("4265")]
    return {"terms": terms, "orders": [order(number) for number in ALL]}


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[order_tool.Server]:
    """The stand-in; `indirect` parameters are its faults, or options of `serve`."""
    given = getattr(request, "param", ())
    options = given if isinstance(given, dict) else {"faults": given}
    with order_tool.serve(records(), **options) as running:
        yield running


def variables(server: order_tool.Server, data: Path, **more: object) -> dict[str, Any]:
    return {**server.variables, **QUICK, "FEEDS_DATA": data, **more}


def table(data: Path, what: str, entity: str = "orders") -> list[Any]:
    """What dbt would read."""
    file = data / "landing/current/order_tool" / f"{entity}.parquet"
    rows = duckdb.execute(f"select {what} from read_parquet(?)", [str(file)])
    return rows.fetchall()


def ids(data: Path) -> list[int]:
    return [row[0] for row in table(data, "order_id")]


def report(data: Path) -> dict[str, Any]:
    path = data / "landing/current/order_tool/extract.json"
    return json.loads(path.read_text())


def nothing_landed(data: Path) -> bool:
    return not (data / "landing/current").exists()


def test_everything_is_copied_and_counted(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    done = command("extract", "order_tool", env=variables(server, data))
    assert done.returncode == 0, done.stderr
    assert ids(data) == ALL
    assert table(data, "sis_term_id, is_archived", "terms") == [
        ("4265", True),
        ("4268", False),
    ]
    result = report(data)
    assert result["status"] == "complete"
    orders = result["entities"]["orders"]
    assert (orders["rows"], orders["count_before"], orders["count_after"]) == (
        COUNT,
        COUNT,
        COUNT,
    )
    assert (orders["rounds"], orders["pages"]) == (1, 5)
    assert (orders["unrecognised"], orders["absent"]) == ({}, [])
    assert "2 terms, 40 orders" in done.stdout
    assert "0 retries" in done.stdout


def test_values_are_kept_at_every_depth(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    assert not command("extract", "order_tool", env=variables(server, data)).returncode
    rows = table(
        data,
        "order_id, sis_term_id, created_at, updated_at, canceled_at, is_royalty, "
        "sections, catalog_items, content_requests",
    )
    for given, row in zip(records()["orders"], rows, strict=True):
        assert row[:6] == tuple(given.values())[:6]
        nested = [json.loads(part, parse_float=Decimal) for part in row[6:]]
        items = [
            {
                name: Decimal(value) if isinstance(value, Verbatim) else value
                for name, value in each.items()
            }
            for each in given["catalog_items"]
        ]
        assert nested == [given["sections"], items, given["content_requests"]]


def test_each_list_is_read_twice_and_only_as_documented(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    assert not command("extract", env=variables(server, data)).returncode
    assert {r.method for r in server.requests} == {"GET"}
    assert {r.status for r in server.requests} == {200}
    assert {r.size for r in server.requests} == {1, 10}
    requested = Counter((r.endpoint, r.page) for r in server.requests if r.size == 10)
    pages = {("orders", n): 2 for n in range(1, 6)}
    assert requested == {**pages, ("terms", 1): 2}


def test_a_dry_run_asks_for_counts_only(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    done = command("extract", "--dry-run", env=variables(server, data))
    assert done.stdout.startswith("order_tool: 2 terms, 40 orders")
    assert [r.endpoint for r in server.requests] == ["terms", "orders"]
    assert not data.exists()


@pytest.mark.parametrize("name", ["order_tool", None])
def test_without_a_name_what_is_configured_is_copied(
    server: order_tool.Server, data: Path, command: Command, name: str | None
) -> None:
    words = ["extract", name] if name else ["extract"]
    done = command(*words, env=variables(server, data))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (data / "landing/current").iterdir()] == [
        "order_tool"
    ]


def test_both_sources_are_copied_in_one_command(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    part = {"Id": 1, "Name": "N", "ManufacturerPartNo": "1", "Description": "d"}
    more = {"IsActive": True, "ItemGroupRef": None, "Price": 1, "CustomFields": []}
    place = {"Id": 1, "Name": "HQ", "IsAvailable": True}
    ref = {"Id": 1, "Name": "N"}
    stock = {"ItemRef": ref, "LocationRef": ref, "OnHand": 1, "Available": 1}
    rows = {101: [part | more], 150: [place], 1112: [stock]}
    with ordertime.serve(rows) as parts:
        env = {**variables(server, data), **parts.variables}
        done = command("extract", "--json", env=env)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)["sources"]
        assert [each["source"] for each in result] == ["ordertime", "order_tool"]
        assert ids(data) == ALL
        assert {r.endpoint for r in parts.requests} == {"list", "count", "entityref"}
        # Each keeps what it had when the other is copied alone.
        before = report(data)["run_id"]
        assert not command("extract", "ordertime", env=env).returncode
        assert report(data)["run_id"] == before


@pytest.mark.parametrize(
    "server",
    [
        ["orders@2:429:retry-after=0"],
        ["orders@2:500", "terms@1:503"],
        ["orders@2-4:reset"],
        ["orders@3:cut"],
        ["orders@3:half"],
        ["orders@3:html"],
        ["orders@3:blank"],
        ["1:hang"],
    ],
    indirect=True,
    ids=lambda faults: faults[0],
)
@pytest.mark.sample(4)
def test_what_can_mend_is_tried_again(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data, FEEDS_HTTP_TIMEOUT=1))
    assert done.returncode == 0, done.stderr
    assert ids(data) == ALL
    assert report(data)["retries"] >= 1


@pytest.mark.parametrize("server", [["orders@2+:500"]], indirect=True)
def test_a_source_that_stays_down_is_temporary(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data, FEEDS_HTTP_ATTEMPTS=2))
    assert done.returncode == 75
    assert "orders gave no usable answer in 2 attempts" in done.stderr
    assert nothing_landed(data)


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (["orders@3+:retype:order_id"], "the known field order_id has another type"),
        (["orders@3+:retype:is_royalty"], "field is_royalty has another type"),
        # Page 2 of both readings.
        (
            ["orders@3:missing:order_id", "orders@9:missing:order_id"],
            "1 of 40 records have no order_id, which is their key",
        ),
        (["terms@*:null:sis_term_id"], "have no sis_term_id, which is their key"),
        (["orders@3:nan:order_id"], "hostile JSON: expected a number, found NaN"),
        (["orders@3+:duplicate-keys"], "appears twice in an object"),
        (["orders@3+:duplicate-keys:catalog_items"], "content_id appears twice"),
        (["orders@3:deep:sections"], "levels of nesting"),
        (["orders@3:bignumber:order_id"], "found one of 5,000"),
        (["orders@3:huge:3"], "expected at most 1,000,000 bytes"),
        (["orders@3:gzip-bomb:2000"], "expected at most 1,000,000 bytes"),
        (["orders@3:envelope"], 'expected {"data": [...], "page": n'),
        (["orders@3:mispage"], "/orders: expected page 2, found 3"),
        (["terms@2:mispage:-1"], "/terms: expected page 1, found 0"),
    ],
    indirect=["server"],
)
@pytest.mark.sample(6)
def test_a_wrong_answer_is_refused_in_one_sentence(
    server: order_tool.Server, data: Path, command: Command, message: str
) -> None:
    env = variables(server, data, FEEDS_HTTP_BODY_LIMIT=1_000_000, FEEDS_CONNECTIONS=1)
    done = command("extract", env=env)
    assert done.returncode == 1, done.stderr
    errors = [line for line in done.stderr.splitlines() if "Error" in line]
    assert len(errors) == 1
    assert message in errors[0]
    assert nothing_landed(data)


@pytest.mark.parametrize("name", ["sections", "catalog_items", "canceled_at"])
def test_a_field_that_no_order_has_is_refused(
    data: Path, command: Command, name: str
) -> None:
    given = records()
    for each in given["orders"]:
        del each[name]
    with order_tool.serve(given) as server:
        done = command("extract", env=variables(server, data))
    assert done.returncode == 1
    assert f"the known field {name} is missing" in done.stderr
    assert nothing_landed(data)


def test_an_order_that_stands_twice_is_refused(data: Path, command: Command) -> None:
    given = records()
    given["orders"].append(order(100))
    with order_tool.serve(given) as server:
        done = command("extract", env=variables(server, data))
    assert done.returncode == 1
    assert "the key order_id = (100,) appears 2 times" in done.stderr


def test_an_unknown_field_is_kept_and_told(data: Path, command: Command) -> None:
    given = records()
    given["orders"][0]["campus"] = {"id": 7}
    with order_tool.serve(given) as server:
        done = command("extract", env=variables(server, data))
    assert done.returncode == 0
    assert "drift entity=order_tool.orders columns=" in done.stderr
    rest = dict(table(data, "order_id, _unrecognised"))
    assert (json.loads(rest[100]), rest[102]) == ({"campus": {"id": 7}}, None)


def test_a_failed_run_leaves_the_last_landing(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    assert not command("extract", env=variables(server, data)).returncode
    before = report(data)["run_id"]
    server.orders.change(100, is_royalty="yes")
    assert command("extract", env=variables(server, data)).returncode == 1
    assert report(data)["run_id"] == before
    assert ids(data) == ALL


def test_an_empty_order_tool_is_copied_too(data: Path, command: Command) -> None:
    with order_tool.serve({"terms": [], "orders": []}) as server:
        done = command("extract", env=variables(server, data))
    assert done.returncode == 0, done.stderr
    assert "0 terms, 0 orders" in done.stdout
    assert ids(data) == []


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        # In the first reading: one order leaves, so that the next one is skipped.
        (["orders@4:shift:-1"], ALL[1:]),
        # Between the readings (a count, five pages, and the second reading's count).
        (["orders@7:shift:-1"], ALL[1:]),
        (["orders@7:shift:+1"], [99, *ALL]),
        # In the second reading.
        (["orders@10:shift:-1"], ALL[1:]),
        # Another page than the one asked for, without saying so.
        (["orders@3:repeat"], ALL),
        (["orders@3:skip"], ALL),
        (["orders@3:short"], ALL),
        (["orders@3:empty"], ALL),
        (["orders@1:miscount:-25"], ALL),
        (["orders@7:miscount:+25"], ALL),
    ],
    indirect=["server"],
    ids=str,
)
@pytest.mark.sample(4)
def test_a_source_that_moves_once_is_copied_completely(
    server: order_tool.Server, data: Path, command: Command, expected: list[int]
) -> None:
    done = command("extract", env=variables(server, data, FEEDS_CONNECTIONS=1))
    assert done.returncode == 0, done.stderr
    assert server.orders.ids() == expected
    assert ids(data) == expected


@pytest.mark.parametrize("server", [["orders@*:shift:-1"]], indirect=True)
def test_a_source_that_never_holds_still_is_left_alone(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 75
    assert "order_tool.orders kept changing" in done.stderr
    assert nothing_landed(data)


def test_a_change_between_two_runs_arrives(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    assert not command("extract", env=variables(server, data)).returncode
    orders = server.orders
    new = orders.create(sis_term_id="4265", sections=["S-1"])
    orders.change_item(102, "UC-102", offer_price=Verbatim("99.99"))
    orders.cancel(104, "2026-11-20T06:00:00Z")
    orders.change(106, sections=[], content_requests=[])
    assert not command("extract", env=variables(server, data)).returncode
    rows = {
        row[0]: row[1:]
        for row in table(
            data,
            "order_id, canceled_at, len(sections::json[]), "
            "catalog_items ->> '$[0].offer_price'",
        )
    }
    assert list(rows) == [*ALL, new]
    assert rows[102] == (None, 1, "99.99")
    assert rows[104][0] == "2026-11-20T06:00:00Z"
    assert rows[106][1] == 0


@pytest.mark.parametrize("server", [{"latency_ms": 60}], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_goes_on_and_asks_for_no_page_twice(
    server: order_tool.Server, data: Path, command: Command, number: signal.Signals
) -> None:
    env = variables(server, data, FEEDS_CONNECTIONS=1)
    with subprocess.Popen(
        ["extract"],
        cwd=ROOT,
        env=clean_environment(**env),
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as first:
        while len(list(data.glob("landing/*/order_tool/pages/orders/*/*.zst"))) < 3:
            assert first.poll() is None
            time.sleep(0.01)
        first.send_signal(number)
        first.wait()
    assert first.returncode == (-9 if number == signal.SIGKILL else 143)
    stored = len(list(data.glob("landing/*/order_tool/pages/*/*/*.zst")))
    done = command("extract", env=env)
    assert done.returncode == 0, done.stderr
    assert "resume run_id=" in done.stderr
    pages = [r for r in server.requests if r.size == 10]
    # Two readings of one page of terms and five of orders, and at most the one page
    # that was on its way when the run ended.
    assert stored >= 5
    assert len(pages) <= 2 * (1 + 5) + 1
    assert ids(data) == ALL
    assert report(data)["resumed"]


@pytest.mark.parametrize("keep", [0, 1])
def test_pages_of_a_run_that_was_killed_at_its_end_are_kept_where_asked(
    server: order_tool.Server, data: Path, command: Command, keep: int
) -> None:
    env = variables(server, data, FEEDS_KEEP_PAGES=keep)
    done = command("extract", env={**env, "FEEDS_FAILPOINT": "after-current=kill"})
    assert done.returncode == -9, done.stderr
    (run,) = data.glob("landing/2*/order_tool")
    assert command("extract", env=env).returncode == 0
    assert any(run.glob("pages/*/*/*.zst")) == bool(keep)
    assert not (run / "run.json").exists()


@pytest.mark.parametrize("server", [{"token": "canary-1x"}], indirect=True)
def test_a_wrong_token_is_refused_and_never_shown(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    env = variables(server, data, ORDER_TOOL_TOKEN="canary-2x", FEEDS_KEEP_PAGES=1)
    for extra in ((), ("--json",), ("--log-format", "json"), ("--dry-run",)):
        done = command("extract", *extra, env=env)
        assert done.returncode == 2
        assert "expected status 200, found 401" in done.stderr
        assert "The bearer token is missing or wrong" in done.stderr
        assert "canary" not in done.stdout + done.stderr
    env = variables(server, data, FEEDS_KEEP_PAGES=1)
    done = command("extract", "--json", env=env)
    assert done.returncode == 0
    assert "canary" not in done.stdout + done.stderr
    assert [
        path
        for path in data.rglob("*")
        if path.is_file() and b"canary" in path.read_bytes()
    ] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ORDER_TOOL_TOKEN": ""}, "ORDER_TOOL_TOKEN is not set"),
        ({"ORDER_TOOL_URL": "http://orders.example.com"}, "ORDER_TOOL_URL must be an"),
        (
            {"ORDER_TOOL_PAGE_SIZE": 1001},
            "ORDER_TOOL_PAGE_SIZE: expected `int` <= 1000",
        ),
        ({"ORDER_TOOL_CA_FILE": ""}, "certificate could not be verified"),
    ],
)
def test_a_wrong_variable_is_named(
    server: order_tool.Server,
    data: Path,
    command: Command,
    change: dict[str, Any],
    message: str,
) -> None:
    done = command("extract", env=variables(server, data, **change))
    assert done.returncode == 2
    assert message in done.stderr
    assert not server.requests


@pytest.mark.parametrize(
    "server", [{"gzip": True}, {"tls": False}], indirect=True, ids=str
)
def test_transport_may_be_either_way(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 0, done.stderr
    assert ids(data) == ALL


@pytest.mark.parametrize("server", [["orders@6+:repeat"]], indirect=True)
def test_a_page_that_comes_again_past_the_end_is_refused_at_once(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 1
    assert "expected nothing past the end, found page 4 once more" in done.stderr
    assert max(r.page for r in server.requests if r.endpoint == "orders") == 5
    assert nothing_landed(data)


@pytest.mark.parametrize("server", [["orders@*:cap:15"]], indirect=True)
def test_a_source_that_sends_smaller_pages_is_a_matter_of_configuration(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    env = variables(server, data, ORDER_TOOL_PAGE_SIZE=500)
    done = command("extract", env=env)
    assert done.returncode == 2
    assert "15 of 40 records came where 500 were asked for" in done.stderr
    assert "set ORDER_TOOL_PAGE_SIZE=15." in done.stderr
    done = command("extract", env=variables(server, data, ORDER_TOOL_PAGE_SIZE=15))
    assert done.returncode == 0, done.stderr
    assert ids(data) == ALL


@pytest.mark.parametrize("server", [["orders@*:miscount:-3"]], indirect=True)
def test_a_contradiction_of_every_round_is_described_and_not_blamed_on_people(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 1
    assert "contradicts itself in the same way in each of 3 rounds" in done.stderr
    assert "37 records before and 37 after a list of 40" in done.stderr


@pytest.mark.parametrize("server", [["orders@2+:shift"]], indirect=True)
def test_a_list_that_changed_in_every_round_is_read_anew_the_next_time(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 75
    assert not list(data.glob("landing/*/order_tool/pages/orders/*"))


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (["orders@3:latin1"], "expected UTF-8, found other bytes at"),
        (["orders@3:twice"], "the key 'data' appears twice"),
        (["orders@1:miscount:" + "9" * 90], "expected {"),
    ],
    indirect=["server"],
)
def test_an_answer_that_can_be_read_in_two_ways_is_refused(
    server: order_tool.Server, data: Path, command: Command, words: str
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 1, done.stderr
    assert words in done.stderr
    assert "/orders: " in done.stderr
    assert nothing_landed(data)


@pytest.mark.parametrize("status", [408, 425])
def test_too_early_and_too_slow_are_tried_again(
    data: Path, command: Command, status: int
) -> None:
    with order_tool.serve(records(), faults=[f"orders@2-3:{status}"]) as server:
        done = command("extract", env=variables(server, data))
        assert done.returncode == 0, done.stderr
        assert report(data)["retries"] == 2
    with order_tool.serve(records(), faults=[f"orders@2+:{status}"]) as server:
        env = variables(server, data, FEEDS_HTTP_ATTEMPTS=2)
        assert command("extract", env=env).returncode == 75


@pytest.mark.parametrize("server", [["orders@2:429:retry-after=2"]], indirect=True)
def test_a_wait_that_the_source_asks_for_is_never_cut_short(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    env = variables(server, data, FEEDS_HTTP_LONGEST_WAIT=0.1)
    done = command("extract", env=env)
    assert done.returncode == 0, done.stderr
    assert "pause=2.0 because=status 429" in done.stderr


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (["orders@2+:503:retry-after=3600"], "The source asks to wait until 20"),
        (["orders@2+:503:retry-after=" + "9" * 5000], "asks to wait until 20"),
    ],
    indirect=["server"],
)
def test_a_wait_beyond_the_deadline_ends_with_its_time(
    server: order_tool.Server, data: Path, command: Command, words: str
) -> None:
    env = variables(server, data, FEEDS_HTTP_REQUEST_SECONDS=5)
    done = command("extract", env=env)
    assert done.returncode == 75
    assert "in 1 attempts; the last: status 503" in done.stderr
    assert words in done.stderr
    assert "FEEDS_HTTP_REQUEST_SECONDS" in done.stderr


@pytest.mark.parametrize("name", ["REQUEST", "LIST"])
@pytest.mark.parametrize("server", [["orders@2+:slow:60"]], indirect=True)
def test_an_answer_that_drips_ends_at_the_deadline(
    server: order_tool.Server, data: Path, command: Command, name: str
) -> None:
    began = time.monotonic()
    limit = {f"FEEDS_HTTP_{name}_SECONDS": 2}
    done = command("extract", env=variables(server, data, **limit))
    assert time.monotonic() - began < 30
    assert done.returncode == 75, done.stderr
    assert f"FEEDS_HTTP_{name}_SECONDS" in done.stderr


# Without a length, an answer ends with its connection.
@pytest.mark.parametrize("start", ["", "HTTP/1.1 200 OK\r\n\r\n[", "HTTP/1.1 100 "])
@pytest.mark.parametrize("ended_by", ["deadline", "signal"])
@pytest.mark.sample(2)
def test_an_answer_without_an_end_ends(
    data: Path, command: Command, start: str, ended_by: str
) -> None:
    requested = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.recv(10_000)
            requested.set()
            connection.sendall(start.encode())
            while True:
                connection.sendall(b" ")
                time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=[listening], daemon=True).start()
        env = {
            "FEEDS_DATA": data,
            "ORDER_TOOL_URL": f"http://127.0.0.1:{listening.getsockname()[1]}",
            "ORDER_TOOL_TOKEN": "abcdefgh",
            "FEEDS_HTTP_REQUEST_SECONDS": 2 if ended_by == "deadline" else 60,
        }
        if ended_by == "deadline":
            done = command("extract", env=env)
            assert done.returncode == 75, done.stderr
            assert "FEEDS_HTTP_REQUEST_SECONDS" in done.stderr
            return
        with subprocess.Popen(
            ["extract"], cwd=ROOT, env=clean_environment(**env)
        ) as child:
            assert requested.wait(30)
            time.sleep(0.5)
            child.terminate()
            assert child.wait(10) == 143


@pytest.mark.parametrize(
    "text",
    [
        b'[{"order_id": 1, "sis_term_id": "\\ud800"}]',
        b'\xef\xbb\xbf[{"order_id": 1}]',
        '[{"order_id": 1}]'.encode("utf-16-le"),
    ],
)
def test_json_that_another_attempt_cannot_fix_is_refused(text: bytes) -> None:
    with pytest.raises(Refused, match="hostile JSON"):
        parse_rows(text)


def test_an_address_has_no_password(data: Path, command: Command) -> None:
    url = "https://user:hidden-word@localhost/api"
    env = {"FEEDS_DATA": data, "ORDER_TOOL_URL": url, "ORDER_TOOL_TOKEN": "abcdefgh"}
    done = command("extract", env=env)
    assert done.returncode == 2
    assert "ORDER_TOOL_URL" in done.stderr
    assert "hidden-word" not in done.stdout + done.stderr


def test_a_secret_is_masked_before_a_body_is_cut(data: Path, command: Command) -> None:
    token = "secret-token-of-forty-letters-0123456789"
    for length in range(160, 200, 13):
        body = b"x" * length + b" " + token.encode()

        def refuse(request: Request, body: bytes = body) -> Response:
            return Response(400, body)

        with http_server.serve(refuse, None) as port:
            env = {
                "FEEDS_DATA": data,
                "ORDER_TOOL_URL": f"http://127.0.0.1:{port}",
                "ORDER_TOOL_TOKEN": token,
            }
            done = command("extract", env=env)
        assert done.returncode == 2
        assert "xxx" in done.stderr
        assert "secret" not in done.stderr


@pytest.mark.parametrize("damage", ["cut", "garbage", "other", "plan"])
@pytest.mark.parametrize("server", [["orders@5:500"]], indirect=True)
def test_a_damaged_page_of_an_unfinished_run_is_fetched_anew(
    server: order_tool.Server, data: Path, command: Command, damage: str
) -> None:
    env = variables(server, data, FEEDS_HTTP_ATTEMPTS=1, FEEDS_CONNECTIONS=1)
    assert command("extract", env=env).returncode == 75
    (folder,) = data.glob("landing/*/order_tool/pages/orders/read-1")
    page = folder / "00000001.json.zst"
    if damage == "plan":
        (folder / "plan.json").write_text('{"count": ')
    elif damage == "other":
        page.write_bytes((folder / "00000002.json.zst").read_bytes()[:-32] + bytes(32))
    else:
        page.write_bytes(page.read_bytes()[:40] if damage == "cut" else b"garbage")
    done = command("extract", env=env)
    assert done.returncode == 0, done.stderr
    assert "resume run_id=" in done.stderr
    assert "damaged path=" in done.stderr
    assert ids(data) == ALL


@pytest.mark.parametrize("is_current", [True, False])
def test_what_a_kill_behind_the_report_left_is_removed_by_the_next_run(
    server: order_tool.Server, data: Path, command: Command, is_current: bool
) -> None:
    env = variables(server, data)
    assert not command("extract", env=env).returncode
    run = (data / "landing/current/order_tool").resolve()
    (run / "run.json").write_text("{}")
    (run / "pages/orders").mkdir(parents=True)
    (data / "landing/current/.order_tool.123.part").symlink_to("../nowhere")
    if not is_current:
        (data / "landing/current/order_tool").unlink()
    assert not command("extract", env=env).returncode
    assert not list(data.glob("landing/*/*/run.json"))
    assert not list(data.glob("landing/*/*/pages"))
    assert not list(data.glob("landing/current/.*"))
    assert run.exists() == is_current


@pytest.mark.parametrize(
    ("server", "ahead", "words"),
    [
        (["*:date:-86400"], 86400, "this machine is 24.0 h ahead of the source"),
        (["*:date:+7200"], -7200, "this machine is 2.0 h behind the source"),
        (["*:date:+60"], -60, None),
        (["*:date:soon"], None, None),
        (["*:date:Fri, 31 Dec 9999 23-59-59 -2359"], None, None),
    ],
    indirect=["server"],
)
def test_clocks_that_differ_are_recorded_and_named(
    server: order_tool.Server,
    data: Path,
    command: Command,
    ahead: int | None,
    words: str | None,
) -> None:
    done = command("extract", env=variables(server, data))
    assert done.returncode == 0, done.stderr
    if words:
        assert words in done.stderr
    else:
        assert "this machine is" not in done.stderr
    recorded = report(data)["clock_ahead_seconds"]
    assert recorded == ahead or abs(recorded - ahead) < 20
    assert bool(report(data)["source_clock"]) == (ahead is not None)


@pytest.mark.parametrize("server", [["orders@5:500"]], indirect=True)
def test_an_unfinished_run_of_the_future_is_not_resumed(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    env = variables(server, data, FEEDS_HTTP_ATTEMPTS=1)
    assert command("extract", env=env).returncode == 75
    (path,) = data.glob("landing/*/order_tool/run.json")
    text = path.read_text()
    path.write_text(text.replace('"started_at": "20', '"started_at": "21'))
    done = command("extract", env=env)
    assert done.returncode == 0, done.stderr
    assert "discard unfinished run_id=" in done.stderr


@pytest.mark.parametrize("flags", [[], ["--json"], ["--log-format", "json"]])
@pytest.mark.parametrize("server", [["orders@2+:echo"]], indirect=True)
def test_an_error_body_forges_no_line_and_shows_no_secret(
    server: order_tool.Server, data: Path, command: Command, flags: list[str]
) -> None:
    env = variables(server, data, FEEDS_HTTP_ATTEMPTS=2)
    done = command("extract", *flags, env=env)
    assert done.returncode == 75
    shown = done.stdout + done.stderr
    assert server.token not in shown
    assert "***" in shown
    assert shown.replace("\n", "").isprintable()
    assert not [line for line in shown.splitlines() if line.startswith("forged")]


@pytest.mark.parametrize("server", [{"latency_ms": 300}], indirect=True)
@pytest.mark.parametrize("after", [0.0, 0.3, 0.6, 1.0, 2.0])
def test_a_signal_ends_extract_at_any_moment(
    server: order_tool.Server, data: Path, after: float
) -> None:
    with subprocess.Popen(
        ["extract"],
        cwd=ROOT,
        env=clean_environment(**variables(server, data)),
        stderr=subprocess.DEVNULL,
    ) as process:
        time.sleep(after)
        process.terminate()
        process.wait(20)
    assert process.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)


@pytest.mark.parametrize("server", [["orders@*:miscount:+99999000"]], indirect=True)
def test_a_count_that_is_far_too_high_costs_few_requests(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    done = command("extract", env=variables(server, data, FEEDS_CONNECTIONS=8))
    assert done.returncode == 1, done.stderr
    assert "counts 99999040 records before" in done.stderr
    assert len(server.requests) < 5 * 256
