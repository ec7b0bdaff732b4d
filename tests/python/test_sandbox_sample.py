"""The sample distributor: repeatable, with its edge cases."""

import json
import re
from collections import Counter

import pytest

from runtime.exits import Misuse
from sandbox.records import Query, Records
from sandbox.sample import Sample
from sandbox.sample_values import CAPTIONS, EDGE_CASES, LOCATIONS, SLOTS, slots

EVERYTHING = 10_000

# As the case study prints them.
PREVIEW = {
    "100-4412": ("CAPA", 12),
    "225-0198": ("OEM", 0),
    "300-7710": ("AM", 8),
    "410-2250": ("OD", 3),
}


def texts(folder, record_type, **options):
    folder.mkdir(exist_ok=True, parents=True)
    records = Records(folder)
    try:
        Sample(**options).fill(records)
        return records.page(Query(record_type), 1, EVERYTHING)
    finally:
        records.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    records = Records(tmp_path_factory.mktemp("sample"))
    Sample(2000).fill(records)
    yield {
        record_type: records.page(Query(record_type), 1, EVERYTHING)
        for record_type in (101, 107, 150, 180, 220, 1112)
    }
    records.close()


@pytest.fixture(scope="module")
def items(filled):
    return [json.loads(text) for text in filled[101]]


@pytest.fixture(scope="module")
def stock(filled):
    return [json.loads(text) for text in filled[1112]]


def own(item, caption):
    fields = item["CustomFields"] or []
    return next((each["Value"] for each in fields if each["Caption"] == caption), None)


def test_the_same_seed_gives_the_same_bytes(filled, tmp_path):
    for record_type in (101, 1112):
        again = texts(tmp_path / str(record_type), record_type)
        assert again == filled[record_type]
    assert texts(tmp_path / "other", 101, seed=2) != filled[101]


def test_a_larger_sample_begins_like_a_smaller_one(filled, tmp_path):
    assert texts(tmp_path, 101, items=600) == filled[101][:600]


def test_items_are_whole_and_their_ids_rise(items, filled):
    assert len(items) == 2000
    assert [item["Id"] for item in items] == list(range(10001, 12001))
    assert all(item["Type"] == 101 for item in items)
    assert len(filled[107]) >= 2
    groups = {row["Id"]: row["Name"] for row in map(json.loads, filled[180])}
    makers = {row["Id"]: row["Name"] for row in map(json.loads, filled[220])}
    for item in items:
        assert groups[item["ItemGroupRef"]["Id"]] == item["ItemGroupRef"]["Name"]
        maker = item["ManufacturerRef"]
        assert maker is None or makers[maker["Id"]] == maker["Name"]
        captions = [each["Caption"] for each in item["CustomFields"] or []]
        assert captions in ([], CAPTIONS)
    places = [(row["Name"], row["IsAvailable"]) for row in map(json.loads, filled[150])]
    assert places == LOCATIONS


def test_the_four_rows_of_the_case_study_are_there(items, stock):
    by_name = {item["Name"]: item for item in items}
    for name, (part_type, on_hand) in PREVIEW.items():
        assert own(by_name[name], "Part Type") == part_type
        rows = [row for row in stock if row["ItemRef"]["Name"] == name]
        assert [(row["LocationRef"]["Name"], row["OnHand"]) for row in rows] == [
            ("HQ", on_hand)
        ]


def test_every_edge_case_has_its_slot():
    numbers = [slot for slot, _, _ in slots()]
    assert len(set(numbers)) == len(EDGE_CASES)
    assert set(numbers) <= set(range(4, SLOTS))


def test_each_edge_case_shows_what_its_name_says(items, stock):
    hand = Counter(json.dumps(row.get("OnHand", "absent")) for row in stock)
    assert hand["null"] == hand['"absent"'] == hand["999999999999"] == hand["-0.5"] == 4
    numbers = [item["ManufacturerPartNo"] or "" for item in items]
    for shape in (
        r"\d\.\d\dE\+11",
        r"\d{8}\.0",
        "#N/A",
        r"\d-[A-Z][a-z]{2}",
        r".{49,}",
    ):
        assert sum(bool(re.fullmatch(shape, each)) for each in numbers) >= 4, shape
    assert sum(not each.isascii() for each in numbers) >= 4
    descriptions = [item["Description"] for item in items]
    for part in ("\r\n", "<script>", '"A" grade', "バンパー"):
        assert sum(part in each for each in descriptions) == 4, part
    assert sum(each[0] in "=@" for each in descriptions) == 8
    assert sum(len(each) > 300 for each in descriptions) == 4
    prices = [item["Price"] for item in items]
    assert prices.count(None) == prices.count(0) == 4
    assert sum(price is not None and price < 0 for price in prices) == 4
    names = Counter(item["Name"] for item in items)
    assert sorted(names.values())[-5:] == [1, 2, 2, 2, 2]
    assert names["EXAMPLE-PROTECTED-1"] == 1
    assert sum(item["CustomFields"] is None for item in items) == 4
    assert sum(own(item, "Partslink") == "ZZ1000100C" for item in items) == 4


def test_most_of_it_is_fine(items, stock):
    present = Counter(row["OnHand"] > 0 for row in stock if row.get("OnHand"))
    assert 0.4 < present[True] / len(stock) < 0.6
    types = Counter(own(item, "Part Type") for item in items)
    for part_type, share in {"OEM": 0.27, "OD": 0.06, "AM": 0.4, "CAPA": 0.2}.items():
        assert abs(types[part_type] / len(items) - share) < 0.06, part_type
    assert len(EDGE_CASES) / SLOTS <= 0.15


def test_numbers_differ_except_in_the_edge_cases(items):
    shared = Counter(
        (own(item, "Part Type"), item["ManufacturerRef"]["Id"], own(item, "OEM Number"))
        for item in items
        if item["ManufacturerRef"] and own(item, "Part Type") in ("AM", "CAPA")
    )
    del shared[("AM", None, None)]
    twice = [key for key, times in shared.items() if times > 1 and key[2]]
    assert len(twice) == 4


def test_gtins_are_valid_except_in_the_edge_cases(items):
    upcs = [item["UPC"] for item in items if item["UPC"]]
    good = [upc for upc in upcs if re.fullmatch(r"\d{12,13}", upc) and checks(upc)]
    assert len(upcs) - len(good) == 8
    assert len(set(good)) == len(good) > 1000


def checks(upc):
    return sum(int(d) * (3, 1)[at % 2] for at, d in enumerate(upc.zfill(14))) % 10 == 0


def test_a_day_later_little_has_changed(items, stock, tmp_path):
    later = [json.loads(text) for text in texts(tmp_path / "a", 101, day=1)]
    then, now = ({item["Id"]: item for item in each} for each in (items, later))
    assert len(now.keys() - then.keys()) == 4
    assert 1 <= len(then.keys() - now.keys()) <= 12
    moved = [n for n in then.keys() & now.keys() if then[n]["Price"] != now[n]["Price"]]
    assert 20 <= len(moved) <= 120
    jumps = [n for n in moved if abs(now[n]["Price"] / then[n]["Price"] - 1) > 0.4]
    assert len(jumps) == 4
    rows = [json.loads(text) for text in texts(tmp_path / "b", 1112, day=1)]
    hands = [
        {
            (row["ItemRef"]["Id"], (row["LocationRef"] or {}).get("Id")): row
            for row in each
        }
        for each in (stock, rows)
    ]
    common = hands[0].keys() & hands[1].keys()
    changed = [key for key in common if hands[0][key] != hands[1][key]]
    assert 0.05 < len(changed) / len(common) < 0.2
    names = {row["ItemRef"]["Name"]: row.get("OnHand") for row in rows}
    assert {name: names[name] for name in PREVIEW} == {
        name: on_hand for name, (_, on_hand) in PREVIEW.items()
    }


@pytest.mark.parametrize("options", [{"items": 3}, {"day": 366}, {"day": -1}])
def test_a_sample_out_of_range_is_refused(options, tmp_path):
    with pytest.raises(Misuse, match="from 4 to 20,000,000 items"):
        texts(tmp_path, 101, **options)
