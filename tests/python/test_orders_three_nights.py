"""Nights with the real commands, dbt and suites, for UAT and PROD, one night missed.

What the sandbox's order tool says on its day N is extracted, built and published; then
the reference consumer holds what the source holds, term by term.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import commands
import pytest
import requests
from compiled_project import NO_UNIT_TESTS, Compiled
from order_consumer import DIALECT, Consumer, Row, in_order
from order_expected import HEADER, minute, money, word

from sandbox import order_tool
from sandbox.sample_orders import OrderSample

# Of the last whole week: an extract may be later than --at, but not much earlier.
_TODAY = datetime.now(UTC).date()
_MONDAY = _TODAY - timedelta(days=_TODAY.weekday() + 7)
SUNDAY, MONDAY, WEDNESDAY = (str(_MONDAY + timedelta(days=n)) for n in (-1, 0, 2))
ORDERS = 200


@dataclass
class Place:
    """An environment: its data directory, and its folder at the partner's."""

    environment: str
    folder: Path

    @property
    def partner(self) -> Path:
        return self.folder / "partner" / self.environment / "order-feed"

    def run(self, *words: str, **more: object) -> subprocess.CompletedProcess[str]:
        env = {
            "FEEDS_ENVIRONMENT": self.environment,
            "FEEDS_DATA": self.folder / self.environment,
            "DBT_TARGET_PATH": self.folder / "target",
            "DBT_LOG_PATH": self.folder / "logs",
            "DEST_ORDERS_URL": (self.folder / "partner").as_uri(),
            "FEEDS_ACCEPT_FIRST": 1,
            **more,
        }
        done = commands.run(*words, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def night(self, at: str, tool: order_tool.Server, *words: str) -> dict[str, str]:
        """Extract, build with `words`, publish what is due; return the outcomes."""
        self.run("extract", "--quiet", "order_tool", **tool.variables)
        feeds = ("+exposure:order_feed_delta_file", "+exposure:order_feed_full_file")
        self.run("dbt", "--quiet", "build", "--select", *feeds, *words)
        return self.publish(at)

    def publish(self, at: str, *words: str) -> dict[str, str]:
        result = json.loads(
            self.run(
                *("publish", "run", *words, "--due", "--json"),
                *("--quiet", "--at", f"{at}T08:00Z"),
            ).stdout
        )
        # Nobody landed anything of Order Time here.
        assert [out["file"] for out in result["left_out"]] == ["onpart_inventory"]
        return {
            file["file"].removeprefix("order_feed_"): file["status"]
            for file in result["files"]
        }


def served(day: int, moment: str) -> order_tool.Server:
    now = datetime.fromisoformat(f"{moment}T00:00:00+00:00")
    return order_tool.serve(OrderSample(orders=ORDERS, day=day, now=now), tls=False)


def pages(tool: order_tool.Server, path: str) -> list[dict]:
    records: list[dict] = []
    while True:
        answer = requests.get(
            f"{tool.url}/{path}",
            params={"page": len(records) // 50 + 1, "page_size": 50},
            headers=tool.headers,
            timeout=10,
        ).json()
        records += answer["data"]
        if answer["page"] >= answer["pages"]:
            return records


def rows_of(order: Mapping) -> list[Row]:
    """The specification's rows of an order, by the columns that tell rows apart."""
    same = {
        "order_id": str(order["order_id"]),
        "order_created": minute(order["created_at"]),
        "is_deleted": "true" if order["canceled_at"] else "false",
        "is_royalty": "true" if order["is_royalty"] else "false",
    }
    items = [
        {
            "order_item_type": "catalog_item",
            "content_id": item["content_id"],
            "ci_title": word(item["title"]),
            "ci_offer_price": price(item["offer_price"]),
        }
        for item in order["catalog_items"]
    ] + [
        {
            "order_item_type": "content_request",
            "cr_title": word(request["title"]),
            "cr_status": request["status"].replace("Cancelled", "Canceled"),
        }
        for request in order["content_requests"]
    ]
    sections = {section["sis_section_id"] for section in order["sections"]}
    blank = dict.fromkeys(("content_id", "ci_title", "ci_offer_price"))
    blank |= dict.fromkeys(("cr_title", "cr_status"))
    return [
        {**blank, **same, **item, "sis_section_id": section}
        for item in items
        for section in sections
    ]


def price(value: object) -> str | None:
    return None if value is None else money(str(value))


def holds(reader: Consumer, tool: order_tool.Server, files: dict[str, str]) -> None:
    """The reader's rows are the source's, in every term that had a file."""
    orders = pages(tool, "orders")
    terms = {name.rpartition(".")[2] for name in files}
    assert terms
    for term in terms:
        rows = reader.rows(term)
        columns = {*rows_of(orders[0])[0]}
        expected = in_order(
            row
            for order in orders
            if order["sis_term_id"] == term
            for row in rows_of(order)
        )
        assert in_order({c: row[c] for c in columns} for row in rows) == expected
        assert {*HEADER} == {*rows[0]}


def fetched(reader: Consumer, place: Place) -> list[str]:
    """What lies in the folder, taken and removed as an institution does."""
    files = sorted(place.partner.iterdir())
    for file in files:
        assert DIALECT.fullmatch(file.read_bytes())
    assert reader.take(files) == []
    for file in files:
        file.unlink()
    return [file.name for file in files]


def kinds(files: dict[str, str]) -> set[str]:
    return {name.partition("_")[0] for name in files}


def names(day: str, files: dict[str, str]) -> list[str]:
    """The names of those that were delivered."""
    return sorted(
        f"{day}-{name.partition('.')[2]}-order-feed-{name.partition('_')[0]}.csv"
        for name, status in files.items()
        if status == "delivered"
    )


@pytest.mark.timeout(600)
def test_three_nights_for_uat_and_prod(
    compiled_project: Compiled, tmp_path: Path
) -> None:
    uat, prod = Place("uat", tmp_path), Place("prod", tmp_path)
    for place in (uat, prod):
        place.partner.mkdir(parents=True)
        compiled_project.copy_warehouse(tmp_path / place.environment)
    reader = Consumer()
    with served(0, SUNDAY) as tool:
        files = uat.night(SUNDAY, tool, *NO_UNIT_TESTS)
        assert set(files.values()) == {"delivered"}
        assert fetched(reader, uat) == names(SUNDAY, files)
        holds(reader, tool, files)
        assert not list(prod.partner.iterdir())
    with served(1, SUNDAY) as tool:
        files = uat.night(MONDAY, tool, *NO_UNIT_TESTS)
        assert kinds(files) == {"delta", "full"}
        assert all(files[name] == "delivered" for name in files if "full" in name)
        assert "delivered" in {files[name] for name in files if "delta" in name}
        assert fetched(reader, uat) == names(MONDAY, files)
        holds(reader, tool, files)
        assert uat.publish(MONDAY) == {}  # twice sends nothing twice
    with served(3, SUNDAY) as tool:  # nobody came on Tuesday
        files = uat.night(WEDNESDAY, tool, *NO_UNIT_TESTS)
        assert kinds(files) == {"delta"}
        assert fetched(reader, uat) == names(WEDNESDAY, files)
        holds(reader, tool, files)
        # The other environment is one word apart, and begins at its own beginning.
        files = prod.night(WEDNESDAY, tool, *NO_UNIT_TESTS)
        assert kinds(files) == {"delta", "full"}
        first = Consumer()
        assert fetched(first, prod) == names(WEDNESDAY, files)
        holds(first, tool, files)
    assert not list(uat.partner.iterdir())


# The columns of layout 1.0, and what layout 3.0 has before its last column.
LAYOUT_1 = [
    name.removeprefix("ci_")
    for name in HEADER
    if name not in ("content_id", "order_item_type") and not name.startswith("cr_")
]
STUDENT = ["ci_student_price_original", "ci_student_price"]
LAYOUT_3 = [*HEADER[:-1], *STUDENT, HEADER[-1]]


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("layout", "header"), [(1, LAYOUT_1), (3, LAYOUT_3)])
def test_one_setting_changes_the_layout_of_both_files(
    tmp_path: Path, layout: int, header: list[str]
) -> None:
    uat = Place("uat", tmp_path)
    uat.partner.mkdir(parents=True)
    setting = f"{{order_feed_layout: {layout}}}"
    with served(0, SUNDAY) as tool:
        files = uat.night(MONDAY, tool, "--vars", setting)
    assert kinds(files) == {"delta", "full"}
    assert set(files.values()) == {"delivered"}
    for name in names(MONDAY, files):
        first, *rows = (uat.partner / name).read_text().splitlines()
        assert first == ",".join(f'"{column}"' for column in header)
        assert rows
    # The next delta is compared with what was delivered in this layout.
    with served(0, SUNDAY) as tool:
        files = uat.night(WEDNESDAY, tool, "--vars", setting)
    assert kinds(files) == {"delta"}
    assert "delivered" not in files.values()
