"""What a client gets when a fault is due."""

import json
import time

import pytest
import requests
from requests.exceptions import ChunkedEncodingError, ConnectionError

from runtime.exits import Misuse
from sandbox import faults, ordertime
from sandbox.jsontext import members
from sandbox.options import Options

ITEMS = {101: [{"Id": n, "Name": f"N-{n}", "Price": n, "Note": None} for n in range(6)]}


def ask(*specs, times=1, method="POST", options=None, tls=True, **info):
    """The last of `times` responses to the same request, and the log."""
    body = {"Type": 101, "NumberOfRecords": 2, "PageNumber": 2, **info}
    with (
        ordertime.serve(ITEMS, faults=specs, options=options, tls=tls) as server,
        server.session() as session,
    ):
        for _ in range(times):
            answer = session.request(method, f"{server.url}/list", json=body, timeout=5)
        return answer, server.requests


def names(answer):
    return [row["Name"] for row in answer.json()]


def test_a_status_with_retry_after_at_its_number_only():
    answer, log = ask("2:429:retry-after=1", times=2)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["Message"]
    assert [(entry.status, entry.fault) for entry in log] == [
        (200, None),
        (429, "2:429:retry-after=1"),
    ]
    assert ask("2:429", times=3)[0].status_code == 200


@pytest.mark.parametrize(
    ("spec", "statuses"),
    [
        ("2:500", [200, 500, 200, 200]),
        ("2-3:500", [200, 500, 500, 200]),
        ("3+:500", [200, 200, 500, 500]),
        ("*:503", [503, 503, 503, 503]),
        ("list@2:500", [200, 500, 200, 200]),
        ("101@2:500", [200, 500, 200, 200]),
        ("list/101@4:500", [200, 200, 200, 500]),
        ("count@1:500", [200, 200, 200, 200]),
        ("1112@1:500", [200, 200, 200, 200]),
    ],
)
def test_faults_hit_where_and_when_they_say(spec, statuses):
    assert [entry.status for entry in ask(spec, times=4)[1]] == statuses


def test_a_409_lists_validation_results():
    assert ask("1:409")[0].json()[0].keys() == {"ProperyName", "Message", "Value"}
    other = Options(validation_key="PropertyName")
    assert "PropertyName" in ask("1:409", options=other)[0].json()[0]


def test_rows_shift_while_paging():
    assert names(ask("2:shift")[0]) == ["N-2", "N-3"]
    assert names(ask("1:shift")[0]) == ["N-3", "N-4"]
    assert names(ask("1:shift:+1")[0]) == ["N-1", "N-2"]
    # The source itself changes, so the count changes too.
    assert ask("1:shift", method="PUT")[0].text == "5"


def test_pages_that_are_not_the_one_asked_for():
    assert names(ask("1:repeat")[0]) == ["N-0", "N-1"]
    assert names(ask("1:skip")[0]) == ["N-4", "N-5"]
    assert names(ask("1:empty")[0]) == []
    assert names(ask("1:short")[0]) == ["N-2"]
    assert ask("1:miscount:-2", method="PUT")[0].text == "4"


def first(spec):
    """The members of the first row of a damaged page, each as JSON text."""
    answer, _ = ask(spec)
    text = answer.text
    return dict(members(text[1 : text.rindex("},")] + "}"))


def test_rows_that_are_not_as_they_were():
    assert first("1:retype:Price")["Price"] == '"unexpected text"'
    assert "Price" not in first("1:missing:Price")
    assert first("1:null:Name")["Name"] == "null"
    assert first("1:extra:Colour")["Colour"] == '"a new property"'
    assert first("1:nan")["Price"] == "NaN"
    assert first("1:bignumber:Note")["Note"] == "9" * 5000
    # Only the first row is damaged.
    assert ask("1:retype:Price")[0].json()[1]["Price"] == 3


def test_json_that_takes_a_parser_down():
    assert ask("1:duplicate-keys")[0].text.count('"Id"') == 3
    deep = ask("1:deep")[0]
    assert "[" * 100_000 in deep.text
    with pytest.raises(RecursionError):
        json.loads(deep.text)


def test_bodies_that_are_not_json():
    html = ask("1:html")[0]
    assert (html.status_code, html.headers["Content-Type"]) == (200, "text/html")
    assert html.text.startswith("<!DOCTYPE html>")
    assert ask("1:blank")[0].content == b""
    with pytest.raises(requests.exceptions.JSONDecodeError):
        ask("1:half")[0].json()
    assert names(ask("2:half")[0]) == ["N-2", "N-3"]
    assert len(ask("1:envelope")[0].json()["value"]) == 2


def test_connections_that_break():
    with pytest.raises(ChunkedEncodingError, match="IncompleteRead"):
        ask("1:cut")
    with pytest.raises(ConnectionError, match="reset by peer"):
        ask("1:reset", tls=False)
    with pytest.raises(ConnectionError, match="aborted"):
        ask("1:reset")


def test_a_server_that_hangs_is_still_stopped():
    with (
        ordertime.serve(ITEMS, faults=["1:hang"]) as server,
        server.session() as session,
        pytest.raises(requests.exceptions.ReadTimeout),
    ):
        session.put(f"{server.url}/list", json={"Type": 101}, timeout=0.2)


def test_slow_bodies_and_latency():
    start = time.monotonic()
    assert names(ask("1:slow:0.4")[0]) == ["N-2", "N-3"]
    assert time.monotonic() - start > 0.3
    with (
        ordertime.serve(ITEMS, latency_ms=150) as server,
        server.session() as session,
    ):
        start = time.monotonic()
        session.put(f"{server.url}/list", json={"Type": 101})
        assert time.monotonic() - start > 0.15


def test_bodies_over_any_size():
    huge = ask("1:huge:3")[0]
    assert len(huge.content) == int(huge.headers["Content-Length"]) > 3 * 2**20
    assert names(huge) == ["N-2", "N-3"]
    bomb = ask("1:gzip-bomb:8")[0]
    assert int(bomb.headers["Content-Length"]) < 64 * 1024
    assert len(bomb.content) > 8 * 2**20
    assert names(bomb) == ["N-2", "N-3"]


@pytest.mark.parametrize(
    "spec",
    [
        "429",
        "x:429",
        "1:nosuch",
        "1:99",
        "1:retype",
        "1:retype:a:b",
        "0-:500",
        "1:429:later",
        "1:slow:much",
    ],
)
def test_a_wrong_fault_is_refused_with_an_example(spec):
    with pytest.raises(Misuse, match=spec.replace("+", ".")) as error:
        faults.parse(spec)
    assert (
        "1:" in str(error.value)
        or "Use" in str(error.value)
        or "3:" in str(error.value)
    )
