"""The stand-in order tool, over real sockets, and its generated orders."""

import gzip
import json
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import requests

from runtime.exits import Misuse
from sandbox import order_tool
from sandbox.jsontext import Verbatim
from sandbox.order_tool_records import ORDERS, TERMS, item, open_records
from sandbox.records import Query
from sandbox.sample_orders import OrderSample
from sandbox.sample_orders_values import ODD_ITEMS, ODD_ORDERS, slots

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TERM_ROWS = [
    {"sis_term_id": "b", "name": "B", "is_archived": False},
    {"sis_term_id": "Z", "name": "Z", "is_archived": True},
    {"sis_term_id": "a", "name": "A", "is_archived": False},
]
ORDER_ROWS = [
    {
        "order_id": number,
        "sis_term_id": "ab"[number % 2],
        "updated_at": f"2026-11-{number:02d}T12:00:00Z",
        "catalog_items": [
            {"content_id": "x", "offer_price": number},
            {"content_id": 2},
        ],
    }
    for number in (12, 9, 11, 2, 10)
]
SOURCE = {"terms": TERM_ROWS, "orders": ORDER_ROWS}
RISING = [2, 9, 10, 11, 12]


@contextmanager
def client(source=SOURCE, **options):
    """A session with the token, and its server."""
    with order_tool.serve(source, **options) as server, server.session() as session:
        yield session, server


@pytest.fixture(scope="module")
def pair():
    with client() as pair:
        yield pair


def get(pair, path, **parameters):
    session, server = pair
    return session.get(f"{server.url}/{path}", params=parameters, timeout=10)


def ids(pair, **parameters):
    answer = get(pair, "orders", **parameters)
    assert answer.status_code == 200, answer.text
    return [row["order_id"] for row in answer.json()["data"]]


def test_lists_come_in_an_envelope_in_the_order_of_their_keys(pair):
    answer = get(pair, "orders")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    body = answer.json()
    assert list(body) == ["data", "page", "pages", "total"]
    assert body["data"] == sorted(ORDER_ROWS, key=lambda row: row["order_id"])
    assert (body["page"], body["pages"], body["total"]) == (1, 1, 5)
    terms = get(pair, "terms").json()
    assert [row["sis_term_id"] for row in terms["data"]] == ["Z", "a", "b"]
    assert terms["total"] == 3


def test_pages(pair):
    assert ids(pair, page=2, page_size=2) == [10, 11]
    body = get(pair, "orders", page=3, page_size=2).json()
    assert (len(body["data"]), body["page"], body["pages"]) == (1, 3, 3)
    past = get(pair, "orders", page=4, page_size=2).json()
    assert past == {"data": [], "page": 4, "pages": 3, "total": 5}
    assert get(pair, "terms", page=2, page_size=2).json()["data"][0]["name"] == "B"


def test_a_page_has_100_records_or_what_is_asked_for_to_1000():
    many = {"orders": [{"order_id": n} for n in range(1, 1203)]}
    with client(many) as pair:
        assert len(ids(pair)) == 100
        assert ids(pair, page_size=1000, page=2) == list(range(1001, 1203))
        assert get(pair, "orders", page_size=1001).status_code == 400
        assert get(pair, "terms").json() == {
            "data": [],
            "page": 1,
            "pages": 0,
            "total": 0,
        }


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("orders?page=0", "page must be a whole number"),
        ("orders?page=-1", "page must be a whole number"),
        ("orders?page=one", "page must be a whole number"),
        ("orders?page=", "page must be a whole number"),
        ("orders?page_size=0", "page_size must be a whole number"),
        ("orders?page_size=1001", "must not exceed 1000"),
        ("orders?page=1&page=2", "must not be given twice"),
        ("orders?sis_term_id=a", "no parameter 'sis_term_id'"),
        ("orders?updated_since=2026-11-10", "no parameter 'updated_since'"),
        ("terms?sis_term_id=", "no parameter 'sis_term_id'"),
    ],
)
def test_a_bad_parameter_is_refused_with_a_sentence(pair, query, message):
    answer = get(pair, query)
    assert answer.status_code == 400
    assert message in answer.json()["Message"]


@pytest.mark.parametrize("sent", [None, "Bearer wrong", "sandbox-token", "Basic x"])
@pytest.mark.parametrize("path", ["orders", "terms?page=0", "nothing"])
def test_the_token_is_checked_first(pair, sent, path):
    session, server = pair
    answer = session.get(f"{server.url}/{path}", headers={"Authorization": sent})
    assert answer.status_code == 401
    assert answer.json()["Message"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_other_paths_and_methods(pair):
    session, server = pair
    assert get(pair, "order").status_code == 404
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = session.request(method, f"{server.url}/orders")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


def test_the_certificate_is_of_its_own_authority(pair):
    with requests.Session() as stranger:
        stranger.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            stranger.get(f"{pair[1].url}/terms")
    with client(tls=False) as pair:
        assert pair[1].url.startswith("http://")
        assert ids(pair) == RISING
        assert pair[1].variables.keys() == {"ORDER_TOOL_URL", "ORDER_TOOL_TOKEN"}


def test_bodies_are_compressed_on_request_only():
    with client(gzip=True) as pair:
        answer = get(pair, "orders")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(answer.json()["data"]) == 5


def test_the_log_has_every_request():
    with client(faults=["orders@2:503"]) as pair:
        get(pair, "terms")
        get(pair, "orders", page=3, page_size=2)
        get(pair, "orders", page=1)
        get(pair, "orders", page="x")
        get(pair, "elsewhere")
        assert [
            (entry.endpoint, entry.page, entry.size, entry.status, entry.fault)
            for entry in pair[1].requests
        ] == [
            ("terms", 1, 100, 200, None),
            ("orders", 3, 2, 200, None),
            ("orders", 1, 100, 503, "orders@2:503"),
            ("orders", "x", 100, 400, None),
            ("", 1, 100, 404, None),
        ]


def damaged(spec, path="orders", **parameters):
    with client(faults=[spec]) as pair:
        return get(pair, path, **parameters)


def test_faults_that_damage_pages():
    page = {"page": 2, "page_size": 2}

    def served(spec):
        return [row["order_id"] for row in damaged(spec, **page).json()["data"]]

    assert served("orders@1:repeat") == [2, 9]
    assert served("orders@1:skip") == [12]
    assert served("orders@1:short") == [10]
    assert served("orders@1:empty") == []
    assert served("orders@1:shift") == [11, 12]
    assert served("orders@1:shift:+1") == [9, 10]
    third = damaged("orders@1:repeat", page=3, page_size=1).json()["data"]
    assert third[0]["order_id"] == 9
    # The envelope is true, unless a fault changes it.
    assert damaged("orders@1:skip", **page).json()["page"] == 2
    assert damaged("orders@1:mispage", **page).json()["page"] == 3
    assert damaged("terms@1:miscount:-2", "terms").json()["total"] == 1
    assert damaged("orders@1:shift").json()["total"] == 4
    assert damaged("terms@1:500", **page).status_code == 200


def test_faults_that_damage_rows_and_answers():
    assert "NaN" in damaged("1:nan:order_id").text
    row = damaged("1:retype:is_royalty").json()["data"][0]
    assert row["is_royalty"] == "unexpected text"
    assert "order_id" not in damaged("1:missing:order_id").json()["data"][0]
    first = damaged("1:duplicate-keys:catalog_items").text.split("}")[0]
    assert first.count('"content_id"') == first.count('"offer_price"') == 2
    assert list(damaged("1:envelope").json()) == ["value"]


def test_orders_may_be_edited_while_the_server_runs():
    with client({**SOURCE, "orders": []}) as pair:
        orders = pair[1].orders
        first = orders.create(
            sis_term_id="a", sections=["s-1", "s-2"], catalog_items=[item("x")]
        )
        second = orders.create(catalog_items=[item("y"), item("z", title="Zed")])
        assert (first, second) == (1, 2)
        assert orders.ids() == ids(pair) == [1, 2]
        assert orders.get(first)["sections"] == [
            {"sis_section_id": "s-1"},
            {"sis_section_id": "s-2"},
        ]
        assert orders.get(second)["sis_term_id"] == "Z"
        orders.change_item(second, "z", offer_price=Verbatim("12.50"))
        text = get(pair, "orders").text
        assert '"offer_price":12.50' in text
        assert '"student_price":42.00' in text
        prices = [each["offer_price"] for each in orders.get(second)["catalog_items"]]
        assert prices == [40.0, 12.5]
        assert [row["title"] for row in orders.get(second)["catalog_items"]] == [
            "Title of y",
            "Zed",
        ]
        orders.change(first, sections=["s-2"], is_royalty=True)
        orders.cancel(second, "2026-11-20T06:00:00Z")
        now = get(pair, "orders").json()["data"]
        assert now[0]["sections"] == [{"sis_section_id": "s-2"}]
        assert now[0]["is_royalty"] is True
        assert now[0]["updated_at"] == now[0]["created_at"]
        assert now[1]["canceled_at"] == now[1]["updated_at"] == "2026-11-20T06:00:00Z"
        orders.remove(first)
        assert ids(pair) == [2]


def test_terms_may_be_edited_while_the_server_runs():
    with client() as pair:
        orders = pair[1].orders
        orders.add_term("Y", name="Why")
        orders.change_term("b", ordering_closes_at="2026-12-01T05:00:00Z")
        terms = get(pair, "terms").json()["data"]
        assert [row["sis_term_id"] for row in terms] == ["Y", "Z", "a", "b"]
        assert terms[0]["ordering_opens_at"] == "2026-01-01T05:00:00Z"
        assert terms[3]["ordering_closes_at"] == "2026-12-01T05:00:00Z"


def test_an_edit_of_a_missing_record_is_refused(pair):
    orders = pair[1].orders
    for edit in (
        lambda: orders.get(77),
        lambda: orders.change(77, is_royalty=True),
        lambda: orders.change_item(77, "x", offer_price=1),
        lambda: orders.change_item(12, "no such", offer_price=1),
        lambda: orders.remove(77),
        lambda: orders.change_term("no such", name="?"),
    ):
        with pytest.raises(LookupError, match=r"no (order|item|term)"):
            edit()


def test_a_folder_is_served_to_the_last_digit(tmp_path):
    first = '{"order_id": 2, "catalog_items": [{"offer_price": 12.30, "q": 1E+2}]}'
    second = '{"order_id": 10, "n": 0.12345678901234567890}'
    with gzip.open(tmp_path / "orders.json.gz", "wt") as handle:
        handle.write(f"[\n{second},\n{first}\n]\n")
    (tmp_path / "terms.json").write_text('[{"sis_term_id": "t"}]')
    with client(tmp_path) as pair:
        assert get(pair, "orders").text.startswith(f'{{"data":[{first},{second}],')
        assert get(pair, "terms").json()["total"] == 1


def test_a_wrong_folder_is_refused(tmp_path):
    with pytest.raises(Misuse, match="has no terms"), client(tmp_path):
        pass
    (tmp_path / "terms.json").write_text("[]")
    with pytest.raises(Misuse, match="has no orders"), client(tmp_path):
        pass
    (tmp_path / "orders.json").write_text('[{"order_id": ')
    with pytest.raises(Misuse, match="not an array of JSON objects"), client(tmp_path):
        pass


# The sample: a generated university.


def texts(folder, record_type=ORDERS, **options):
    folder.mkdir(exist_ok=True, parents=True)
    records = open_records(folder)
    try:
        OrderSample(**{"now": NOW, **options}).fill(records)
        return records.page(Query(record_type), 1, 10_000)
    finally:
        records.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    records = open_records(folder)
    OrderSample(now=NOW).fill(records)
    yield {kind: records.page(Query(kind), 1, 10_000) for kind in (TERMS, ORDERS)}
    records.close()


@pytest.fixture(scope="module")
def orders(filled):
    return [json.loads(text) for text in filled[ORDERS]]


@pytest.fixture(scope="module")
def next_day(tmp_path_factory):
    rows = texts(tmp_path_factory.mktemp("next"), day=1)
    return [json.loads(text) for text in rows]


def test_the_same_seed_and_moment_give_the_same_bytes(filled, tmp_path):
    assert texts(tmp_path / "a") == filled[ORDERS]
    assert texts(tmp_path / "b", seed=2) != filled[ORDERS]
    assert texts(tmp_path / "c", now=NOW - timedelta(days=1)) != filled[ORDERS]


def test_a_larger_sample_begins_like_a_smaller_one(filled, tmp_path):
    assert texts(tmp_path, orders=600) == filled[ORDERS][:600]


def test_two_terms_are_open_and_one_is_history(filled):
    terms = [json.loads(text) for text in filled[TERMS]]
    assert [(row["sis_term_id"], row["name"]) for row in terms] == [
        ("4265", "Summer 2026"),
        ("4268", "Fall 2026"),
        ("4272", "Spring 2027"),
    ]
    at = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    is_open = [
        row["ordering_opens_at"] < at < row["ordering_closes_at"] for row in terms
    ]
    assert is_open == [False, True, True]
    assert [row["is_archived"] for row in terms] == [True, False, False]


def test_the_time_of_a_sample_is_the_last_midnight_by_default():
    now = OrderSample().now
    assert timedelta(0) <= datetime.now(UTC) - now <= timedelta(days=1, minutes=1)
    assert (now.hour, now.minute, now.second, now.microsecond) == (0, 0, 0, 0)


def test_the_two_orders_of_the_specification_are_there(orders):
    def size(order):
        items, requested = order["catalog_items"], order["content_requests"]
        return len(items), len(requested), len(order["sections"])

    assert [size(order) for order in orders[:2]] == [(1, 1, 2), (3, 2, 3)]


def test_orders_are_whole(orders, filled):
    assert len(orders) == 2000
    numbers = [order["order_id"] for order in orders]
    assert numbers == sorted(set(numbers))
    terms = {json.loads(text)["sis_term_id"] for text in filled[TERMS]}
    at = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    for order in orders:
        assert list(order) == [
            "order_id",
            "sis_term_id",
            "created_at",
            "updated_at",
            "canceled_at",
            "is_royalty",
            "sections",
            "catalog_items",
            "content_requests",
        ]
        assert order["sis_term_id"] in terms
        assert order["created_at"] <= order["updated_at"] <= at
        assert order["canceled_at"] in (None, order["updated_at"])
        sections = [each["sis_section_id"] for each in order["sections"]]
        items = [each["content_id"] for each in order["catalog_items"]]
        assert len(sections) == len(set(sections)) <= 3
        assert len(items) == len(set(items)) <= 3
        for each in order["catalog_items"]:
            assert list(each) == list(item("any"))


def test_every_edge_case_shows_what_its_name_says(orders):
    place = dict(slots())
    assert len(place) == len(ODD_ITEMS) + len(ODD_ORDERS)
    by_name = {name: orders[slot] for slot, name in place.items()}
    for name, title, authors in ODD_ITEMS:
        (book,) = by_name[name]["catalog_items"]
        assert title in (None, book["title"])
        assert authors in (None, book["author"])
    titles = {book["title"] for o in orders for book in o["catalog_items"]}
    assert "null" in titles
    assert max(map(len, titles)) == 10_000
    for part in (",", '"', "\\", ";", "\n", "\r\n", "日本語"):
        assert any(part in title for title in titles), part
    only = by_name["isbn missing"]["catalog_items"][0]
    assert only["searchable_isbn"] is None
    assert by_name["publisher missing"]["catalog_items"][0]["publisher_name"] is None
    bare = by_name["dates and editions missing"]["catalog_items"][0]
    assert (bare["publication_date"], bare["edition"]) == (None, None)
    changed = by_name["prices were changed"]["catalog_items"][0]
    assert changed["offer_price_original"] < changed["offer_price"]
    assert by_name["prices missing"]["catalog_items"][0]["student_price"] is None
    assert by_name["no items"]["catalog_items"] == []
    assert by_name["no items"]["sections"]
    assert by_name["no sections"]["sections"] == []
    assert by_name["no sections"]["catalog_items"]
    nothing = by_name["nothing at all"]
    assert not nothing["sections"] + nothing["catalog_items"]
    assert by_name["canceled"]["canceled_at"]
    assert by_name["royalty"]["is_royalty"]
    assert '"' in by_name["section odd"]["sections"][0]["sis_section_id"]
    assert by_name["request canceled"]["content_requests"][0]["status"] == "Canceled"
    odd = by_name["request odd"]["content_requests"][0]
    assert "\\" in odd["isbn"]
    assert "\n" in odd["title"]
    one, other = by_name["request twice"]["content_requests"]
    assert one == other
    statuses = [each["status"] for each in by_name["every status"]["content_requests"]]
    assert statuses == ["Submitted", "Researching", "Approved", "Cancelled", "Denied"]


def test_most_of_it_is_plain(orders):
    sections = Counter(len(order["sections"]) for order in orders)
    items = Counter(len(order["catalog_items"]) for order in orders)
    assert sections.keys() == items.keys() == {0, 1, 2, 3}
    assert sections[0] < 0.01 * len(orders)
    assert 0.4 < items[1] / len(orders) < 0.7
    content_requests = [each for order in orders for each in order["content_requests"]]
    assert 200 < len(content_requests) < 800
    assert min(Counter(each["status"] for each in content_requests).values()) >= 4
    assert 0.02 < sum(order["canceled_at"] is not None for order in orders) / 2000 < 0.1
    books = [each for order in orders for each in order["catalog_items"]]
    solutions = Counter(each["delivery_solution"] for each in books)
    assert solutions.keys() == {"Unizin Engage", "Publisher DLT"}
    assert any(each["offer_price_original"] for each in books)
    for each in books:
        isbn = each["searchable_isbn"] or "9780000000002"
        assert sum(int(d) * (1, 3)[n % 2] for n, d in enumerate(isbn)) % 10 == 0


def test_a_night_changes_a_few_orders_in_every_way(orders, next_day):
    then, now = ({o["order_id"]: o for o in each} for each in (orders, next_day))
    assert not then.keys() - now.keys()
    assert len(now.keys() - then.keys()) == 10
    changed = [key for key in then if then[key] != now[key]]
    assert 6 <= len(changed) <= 120
    morning = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    fresh = now.keys() - then.keys()
    assert all(now[key]["created_at"] >= morning for key in fresh)

    def size(order, name):
        return len(order[name])

    def moved(test):
        return [key for key in changed if test(then[key], now[key])]

    ways = {
        "a section goes": lambda a, b: size(a, "sections") > size(b, "sections"),
        "an item goes": lambda a, b: (
            size(a, "catalog_items") > size(b, "catalog_items")
        ),
        "an item comes": lambda a, b: (
            size(a, "catalog_items") < size(b, "catalog_items")
        ),
        "a status moves": lambda a, b: (
            [r["status"] for r in a["content_requests"]]
            != [r["status"] for r in b["content_requests"]]
        ),
        "it is canceled": lambda a, b: not a["canceled_at"] and b["canceled_at"],
    }
    for name, test in ways.items():
        keys = moved(test)
        assert keys, name
        assert all(now[key]["updated_at"] >= morning for key in keys), name
    by_slot = {name: next_day[slot]["order_id"] for slot, name in slots()}
    for name, test in ways.items():
        assert by_slot[f"tonight {name}"] in moved(test)
    # A change of price does not change updated_at.
    price = by_slot["title with comma"]
    old, new = (each[price]["catalog_items"][0] for each in (then, now))
    assert new["offer_price"] > old["offer_price"]
    assert new["offer_price_original"] == pytest.approx(old["offer_price"], abs=0.02)
    assert then[price]["updated_at"] == now[price]["updated_at"]
    # The orders of the specification do not change.
    assert orders[:2] == next_day[:2]


@pytest.mark.parametrize(
    "options",
    [{"orders": 1}, {"day": 366}, {"day": -1}, {"now": datetime(2026, 1, 1)}],
)
def test_a_sample_out_of_range_is_refused(options, tmp_path):
    with pytest.raises(Misuse, match=r"A sample has from 2|must have a zone"):
        texts(tmp_path, **options)


# The command line.

SANDBOX = [sys.executable, "-m", "sandbox"]
CHILD = """
import os, requests
env = os.environ
session = requests.Session()
session.trust_env = False
for name in ("terms", "orders"):
    answer = session.get(
        env["ORDER_TOOL_URL"] + "/" + name,
        headers={"Authorization": "Bearer " + env["ORDER_TOOL_TOKEN"]},
        verify=env["ORDER_TOOL_CA_FILE"],
    )
    print(name, answer.json()["total"], answer.json()["data"][0])
for name in ("URL", "PASSWORD", "CA_FILE"):
    assert env["DEST_ORDERS_" + name] == env["DEST_ONPART_" + name]
print("ORDERTIME" in " ".join(env))
"""


def test_run_starts_it_too_with_its_own_destination():
    arguments = ["run", "--items", "9", "--orders", "123", "--now", "2026-02-03", "--"]
    result = subprocess.run(
        [*SANDBOX, *arguments, sys.executable, "-c", CHILD],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    terms, orders, ordertime = result.stdout.splitlines()
    assert terms.startswith("terms 3 {'sis_term_id': '4258', 'name': 'Fall 2025'")
    assert orders.startswith("orders 123 {'order_id': 500001")
    assert ordertime == "True"


def test_it_serves_a_folder_until_stopped(tmp_path):
    (tmp_path / "terms.json").write_text("[]")
    (tmp_path / "orders.json").write_text('[{"order_id": 7}]')
    arguments = ["order-tool", "--http", "--orders-data", str(tmp_path)]
    with subprocess.Popen(
        [*SANDBOX, *arguments, "--fault", "orders@1:429"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        lines = [process.stdout.readline().strip() for _ in range(2)]
        values = dict(line.split("=", 1) for line in lines)
        headers = {"Authorization": f"Bearer {values['ORDER_TOOL_TOKEN']}"}
        with requests.Session() as session:
            session.trust_env = False
            url = f"{values['ORDER_TOOL_URL']}/orders"
            assert session.get(url, headers=headers).status_code == 429
            assert session.get(url, headers=headers).json()["total"] == 1
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
