"""What became known late is known to the next build, whoever starts it."""

import datetime as dt
import json
import signal
from pathlib import Path

import commands
import pytest
from compiled_project import NO_UNIT_TESTS, Compiled
from landing import RUN, catalog_item, land_orders, order, term, write_extract
from order_consumer import Consumer

MONDAY = dt.datetime(2026, 1, 12, 8)
FEED = "order_feed_delta_file"


class Nights:
    """A data directory, its partner, and the real commands."""

    def __init__(self, folder: Path, compiled: Compiled) -> None:
        """Copy the compiled warehouse, and make the partner's empty folder."""
        self.data, self.partner = folder / "data", folder / "partner"
        (self.partner / "dev/order-feed").mkdir(parents=True)
        compiled.copy_warehouse(self.data)
        self.env = {
            "FEEDS_DATA": self.data,
            "DBT_TARGET_PATH": folder / "target",
            "DBT_LOG_PATH": folder / "logs",
            "DEST_ORDERS_URL": self.partner.as_uri(),
            "FEEDS_ACCEPT_FIRST": 1,
        }

    def build(self, price: str) -> None:
        """Land one order with this price, and build."""
        read_at = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S}"
        always = {"ordering_opens_at": "2020-01-01T00:00:00Z"}
        always |= {"ordering_closes_at": "2099-01-01T00:00:00Z"}
        orders = [order(1, (catalog_item("C1", offer_price=price),))]
        land_orders(self.data, orders, [term("4268-FA26", **always)], read_at=read_at)
        entities = {"terms": {"rows": 1}, "orders": {"rows": 1}}
        at = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
        write_extract(self.data, "order_tool", entities, RUN, at)
        words = ("--select", f"+exposure:{FEED}", *NO_UNIT_TESTS)
        done = commands.run("dbt", "--quiet", "build", *words, env=self.env)
        assert done.returncode == 0, done.stdout

    def publish(self, day: int, **more: object) -> int:
        """Publish the delta of a day; return the exit code."""
        at = f"{MONDAY + dt.timedelta(days=day):%Y-%m-%dT%H:%MZ}"
        words = ("publish", "run", FEED, "--at", at, "--json", "--quiet")
        return commands.run(*words, env={**self.env, **more}).returncode

    def prices(self) -> set[str | None]:
        """Return the prices that a reader of all files has."""
        reader = Consumer()
        reader.take(self.partner.rglob("*.csv"))
        return {row["ci_offer_price"] for row in reader.rows("4268-FA26")}


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_delivery_that_became_known_late_is_known_to_the_next_build(
    compiled_project: Compiled, tmp_path: Path
) -> None:
    """By a run that died behind its last record, and by a person."""
    nights = Nights(tmp_path, compiled_project)
    nights.build("10")
    killed = nights.publish(0, FEEDS_FAILPOINT="after-append:delivered=kill")
    assert (killed, nights.prices()) == (-signal.SIGKILL, {"10.00"})
    nights.build("20")
    killed = nights.publish(1, FEEDS_FAILPOINT="after-append:placing=kill")
    assert killed == -signal.SIGKILL
    (part,) = nights.partner.rglob("*.part")  # the partner takes it as it is
    part.rename(part.with_name("2026-01-13-4268-FA26-order-feed-delta.csv"))
    assert nights.prices() == {"20.00"}
    for file in nights.partner.rglob("*.csv"):
        file.rename(tmp_path / file.name)
    assert nights.publish(1) == 1
    lines = (nights.data / "ledger.jsonl").read_text().splitlines()
    attempt = json.loads(lines[-1])["attempt"]
    words = ("settle", attempt, "--as", "delivered", "--because", "they have it")
    assert commands.run("publish", *words, env=nights.env).returncode == 0
    nights.build("10")  # as it was before
    assert nights.publish(2) == 0
    assert nights.prices() == {"10.00"}
