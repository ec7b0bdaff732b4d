"""The stand-in Order Time, over real sockets."""

import gzip
import http.client
import json
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
import requests

from runtime.exits import Misuse
from sandbox import ordertime
from sandbox.options import Options
from sandbox.records import Query

ITEMS = [
    {
        "Id": 10 + n,
        "Name": f"N-{n}",
        "IsActive": n % 2 == 0,
        "Price": 10 * n,
        "Note": None if n < 3 else f"note {n}, last",
        "ItemGroupRef": {"Id": 1 + n % 2, "Name": f"Group {1 + n % 2}"},
        "ManufacturerRef": None,
        "RecordInfo": {
            "CreatedDate": "2025-01-01T00:00:00Z",
            "ModifiedDate": f"2026-01-{10 + n}T12:00:00Z",
        },
        "CustomFields": [{"Name": "ItemCust1", "Caption": "Part Type", "Value": "AM"}],
    }
    for n in range(6)
]
STOCK = [
    {
        "ItemRef": {"Id": 10, "Name": "N-0"},
        "LocationRef": {"Id": place, "Name": f"L{place}"},
        "OnHand": hand,
        "Available": None,
        "ReorderPoint": None,
    }
    for place, hand in ((1, 0.1), (2, 0.2))
]
PLACES = [{"Id": 1, "Name": "L1", "IsAvailable": True, "IsActive": True}]
SOURCE = {101: ITEMS, 1112: STOCK, 150: PLACES}
SORT = {"PropertyName": "Id", "Direction": 1}


@contextmanager
def client(source=SOURCE, **options):
    """A session with credentials, and its server."""
    with ordertime.serve(source, **options) as server, server.session() as session:
        yield session, server


def ids(session, server, **info):
    answer = session.post(f"{server.url}/list", json={"Type": 101, **info})
    assert answer.status_code == 200, answer.text
    return [row["Id"] for row in answer.json()]


@pytest.fixture(scope="module")
def pair():
    with client() as pair:
        yield pair


def test_lists_are_bare_arrays_and_counts_bare_integers(pair):
    session, server = pair
    rows = session.post(f"{server.url}/list", json={"Type": 101})
    assert rows.json() == ITEMS
    assert rows.headers["Content-Type"].startswith("application/json")
    assert session.put(f"{server.url}/list", json={"Type": 101}).text == "6"
    refs = session.post(f"{server.url}/entityref", json={"Type": 101}).json()
    assert refs == [{"Id": row["Id"], "Name": row["Name"]} for row in ITEMS]


@pytest.mark.parametrize("missing", ["apiKey", "email", "password"])
def test_every_request_needs_the_credentials(pair, missing):
    session, server = pair
    for wrong in (None, "wrong"):
        answer = session.post(
            f"{server.url}/list", json={"Type": 101}, headers={missing: wrong}
        )
        assert answer.status_code == 400
        assert answer.json()["Message"].startswith("Incorrect")


def test_a_dev_key_may_replace_the_password(pair):
    session, server = pair
    headers = {"password": None, "DevKey": server.credentials.dev_key}
    count = session.put(f"{server.url}/list", json={"Type": 101}, headers=headers)
    assert count.text == "6"


def test_bodies_must_be_json_by_their_type(pair):
    session, server = pair
    body = json.dumps({"Type": 101})
    text = {"Content-Type": "text/plain"}
    assert session.post(f"{server.url}/list", body, headers=text).status_code == 400


def test_the_certificate_is_of_its_own_authority(pair):
    _, server = pair
    with requests.Session() as stranger:
        stranger.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            stranger.get(server.url)
    context = ssl.create_default_context(cafile=str(server.ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    split = urlsplit(server.url)
    for host in ("localhost", "127.0.0.1"):
        line = http.client.HTTPSConnection(host, split.port, context=context)
        line.request("GET", "/api/partitem?id=10", headers=server.headers)
        assert line.getresponse().status == 200
        line.close()


def test_one_connection_serves_many_requests():
    with client(tls=False) as (_, server):
        split = urlsplit(server.url)
        assert split.scheme == "http"
        line = http.client.HTTPConnection("127.0.0.1", split.port)
        line.connect()
        socket = line.sock
        for _ in range(3):
            line.request("GET", "/api/partitem?id=10", headers=server.headers)
            line.getresponse().read()
            assert line.sock is socket
        line.close()


def test_a_list_may_be_sorted_by_id(pair):
    assert ids(*pair, Sortation=SORT) == ids(*pair) == [10, 11, 12, 13, 14, 15]


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ([], "must be an object"),
        ({}, "no records of Type None"),
        ({"Type": "101"}, "no records of Type 101"),
        ({"Type": 7777}, "no records of Type 7777"),
        ({"Type": True}, "no records of Type True"),
        ({"Type": [101]}, "no records of Type"),
        ({"Type": 101, "PageNumber": 0}, "PageNumber must be"),
        ({"Type": 101, "NumberOfRecords": "10"}, "NumberOfRecords must be"),
        ({"Type": 101, "PageNo": 2}, "not PageNo"),
        ({"Type": 101, "Filters": []}, "not Filters"),
        ({"Type": 101, "Sortation": {"PropertyName": "Id"}}, "can only sort by"),
        ({"Type": 101, "Sortation": SORT | {"Direction": 2}}, "can only sort by"),
        ({"Type": 101, "Sortation": SORT | {"PropertyName": "Name"}}, "only sort by"),
        ({"Type": 1111, "Sortation": SORT}, "no Id to sort by"),
        ({"Type": 1112, "Sortation": SORT}, "no Id to sort by"),
    ],
)
def test_other_list_infos_are_refused(pair, info, message):
    session, server = pair
    answer = session.post(f"{server.url}/list", json=info)
    assert answer.status_code == 400
    assert message in answer.json()["Message"]


def test_pages_default_to_100_and_never_pass_1000():
    many = {101: [f'{{"Id":{n},"Name":"{n}"}}' for n in range(1, 1204)]}
    with client(many) as (session, server):
        assert len(ids(session, server)) == 100
        assert len(ids(session, server, NumberOfRecords=5000)) == 1000
        assert ids(session, server, PageNumber=2, NumberOfRecords=1000)[0] == 1001
        assert ids(session, server, PageNumber=3, NumberOfRecords=1000) == []
        pages = range(1, 14)
        with ThreadPoolExecutor(8) as pool:
            lists = list(pool.map(lambda n: ids(session, server, PageNumber=n), pages))
        assert [each for rows in lists for each in rows] == list(range(1, 1204))
        log = [(entry.page, entry.status) for entry in server.requests[4:]]
        assert sorted(log) == [(page, 200) for page in pages]


def test_records_by_id(pair):
    session, server = pair
    assert session.get(f"{server.url}/partitem?id=12").json() == ITEMS[2]
    assert session.get(f"{server.url}/location?id=1").json() == PLACES[0]
    assert session.get(f"{server.url}/partitem?id=99").status_code == 400
    assert session.get(f"{server.url}/partitem").status_code == 400
    assert session.get(f"{server.url}/nosuch").status_code == 405
    assert session.post(f"{server.url}/partitem", json={}).status_code == 405
    path = "customfielddefinition?recordType=100"
    assert session.get(f"{server.url}/{path}").status_code == 405


def test_stock_by_item_is_the_sum_over_locations(pair):
    session, server = pair
    rows = session.post(f"{server.url}/list", json={"Type": 1111}).text
    assert json.loads(rows, parse_float=Decimal) == [
        {"ItemRef": STOCK[0]["ItemRef"], "Available": None, "OnHand": Decimal("0.3")}
    ]


def test_groups_and_manufacturers_come_from_the_items(pair):
    session, server = pair
    groups = session.post(f"{server.url}/list", json={"Type": 180}).json()
    assert [(row["Id"], row["Name"]) for row in groups] == [
        (1, "Group 1"),
        (2, "Group 2"),
    ]
    assert session.post(f"{server.url}/list", json={"Type": 220}).json() == []


def test_kinds_of_items_are_lists_of_their_own():
    kit = {"Id": 5, "Name": "KIT"}
    with client({**SOURCE, 107: [kit]}) as (session, server):
        assert ids(session, server) == [10, 11, 12, 13, 14, 15]
        assert ids(session, server, Type=107) == [5]


def test_records_may_change_while_the_server_runs():
    with client() as (session, server):
        assert len(ids(session, server)) == 6
        assert server.records.insert(101, {"Name": "new"}) == 16
        assert server.records.insert(101, {"Name": "first"}, first=True) == 9
        assert server.records.delete(Query(101, "id = ?", (13,))) == 1
        server.records.update(Query(101, "id = ?", (12,)), Price=1.5)
        assert ids(session, server) == [9, 10, 11, 12, 14, 15, 16]
        assert session.get(f"{server.url}/partitem?id=12").json()["Price"] == 1.5
        second = Query(1112, "body ->> '$.LocationRef.Id' = ?", ("2",))
        assert server.records.update(second, OnHand=7) == 1
        stock = session.post(f"{server.url}/list", json={"Type": 1111}).json()
        assert stock[0]["OnHand"] == 7.1


def post(session, server, **info):
    return session.post(f"{server.url}/list", json={"Type": 101, **info})


def test_options():
    def ask(info=None, **options):
        with client(options=Options(**options)) as (session, server):
            return post(session, server, **(info or {}))

    assert ask({"NumberOfRecords": 1001}, over_max="400").status_code == 400
    assert ask({"PageNumber": 9}, past_end="400").status_code == 400
    assert "Note" not in ask(empties="omit").json()[0]
    dates = ask(dates="naive").json()[0]["RecordInfo"]
    assert dates["ModifiedDate"] == "2026-01-10T12:00:00"
    dates = ask(dates="ticks").json()[0]["RecordInfo"]
    assert dates["ModifiedDate"] == "2026-01-10T12:00:00.0000000Z"
    assert ask(forbidden=frozenset({101})).status_code == 403
    zipped = ask(gzip=True)
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert zipped.json() == ITEMS
    rows = ask({"Type": 1112, "PageNumber": 2, "NumberOfRecords": 1}, stock_ids=True)
    assert rows.json() == [{"Id": 2, **STOCK[1]}]
    with client(options=Options(unknown_id="404")) as (session, server):
        assert session.get(f"{server.url}/partitem?id=99").status_code == 404


@pytest.mark.parametrize("text", ["colour=red", "gzip=yes", "over_max=500"])
def test_options_as_text_name_the_mistake(text):
    with pytest.raises(Misuse, match=text.split("=")[0]):
        Options.parse([text])


def test_options_as_text():
    texts = ["gzip=true", "over_max=400", "forbidden=180,220"]
    assert Options.parse(texts) == Options(
        gzip=True, over_max="400", forbidden=frozenset({180, 220})
    )


def test_a_folder_is_served_to_the_last_digit(tmp_path):
    item = (
        '{"Id": 7, "Name": "a\\u00e9", "Price": 12.30, "Weight": 1E+2,'
        ' "StdCost": 0.12345678901234567890, "ItemGroupRef": {"Id": 3, "Name": "G"},'
        ' "Volume": 12345678901234567890123, "ManufacturerRef": null}'
    )
    first = '{"Id": 2, "Name": "b", "ItemGroupRef": null}'
    with gzip.open(tmp_path / "part_items.json.gz", "wt") as handle:
        handle.write(f"[\n{item},\n{first}\n]\n")
    (tmp_path / "locations.json").write_text('[{"Id": 1, "Name": "HQ"}]')
    (tmp_path / "stock_by_location.json").write_text('[{"OnHand": 1.50}]')
    with client(tmp_path) as (session, server):
        assert post(session, server).text == f"[{first},{item}]"
        assert post(session, server, Type=1112).text == '[{"OnHand": 1.50}]'
        assert post(session, server, Type=180).json()[0]["Name"] == "G"
        server.records.update(Query(101, "id = ?", (7,)), Weight=3)
        text = session.get(f"{server.url}/partitem?id=7").text
        assert '"Price":12.30' in text
        assert "0.12345678901234567890" in text


def test_a_wrong_folder_is_refused(tmp_path):
    with pytest.raises(Misuse, match="part_items"), client(tmp_path):
        pass
    (tmp_path / "part_items.json").write_text('[{"Id": ')
    with pytest.raises(Misuse, match="not an array of JSON objects"), client(tmp_path):
        pass
