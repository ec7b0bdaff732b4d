"""What `publish` makes of the last check: it refuses early, and says which it was."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from publish_sample import House
from servers.fixtures import Start

from publish.check.profile import Checks

with warnings.catch_warnings():
    # Its import meets deprecated modules; here, so that no test has to.
    warnings.simplefilter("ignore")
    import great_expectations  # noqa: F401


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def at(house: House, to: Any, **more: str) -> House:
    """Let a house deliver to a server."""
    house.environment = {**to.variables(), **more}
    return house


def check(house: House, code: int) -> None:
    done = house.run("check", "--quiet")
    assert done.returncode == code, done.stdout + done.stderr


def published_again(house: House) -> dict[str, Any]:
    """Change the rows and publish; what was said of the file."""
    house.later()
    house.rows[0]["qty_on_hand"] += 1
    (file,) = house.write().publish()["files"]
    told: dict[str, Any] = file
    return told


def receipt(outcome: Any) -> dict[str, Any]:
    path = Path(outcome.told["package"]) / "receipt.json"
    read: dict[str, Any] = json.loads(path.read_bytes())
    return read


def intents(house: House) -> int:
    lines = (house.data / "ledger.jsonl").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines].count("intent")


def test_without_a_check_everything_is_as_ever(house: House) -> None:
    (outcome,) = house.write().here(accept_first=True)
    assert outcome.told["status"] == "delivered"
    assert "checked" not in receipt(outcome)
    assert not (house.data / "checks").exists()


def test_a_receipt_names_the_check_that_it_relied_on(house: House) -> None:
    house.write()
    check(house, 0)
    (outcome,) = house.here(accept_first=True)
    kept = json.loads((house.data / "checks" / "onpart.json").read_bytes())
    (entry,) = kept["folders"].values()
    text = json.dumps(entry, sort_keys=True, ensure_ascii=False)
    assert receipt(outcome)["checked"] == {
        "at": entry["report"]["at"],
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def test_what_a_check_saw_to_be_impossible_is_refused_before_the_first_byte(
    server: Start, house: House
) -> None:
    to = server("proftpd", replace=False)
    house.meta["file"] = "inventory.csv"
    at(house, to).first_delivery()
    check(house, 1)
    before = (to.names(), intents(house))
    refused = published_again(house)
    assert refused["status"] == "refused"
    for words in ("publish check", "550 ", "rename: replace", "Nothing was sent"):
        assert words in refused["message"]
    assert (to.names(), intents(house)) == before

    # Of other settings nothing is known: the server itself is asked.
    at(house, to, DEST_ONPART_TLS_MAX="1.2")
    asked = published_again(house)
    assert asked["status"] == "refused"
    assert "publish check" not in asked["message"]
    assert intents(house) == before[1] + 1


def test_a_name_that_was_never_delivered_needs_no_replacing(
    server: Start, house: House
) -> None:
    """The sample's names have the time of the run."""
    at(house, server("proftpd", replace=False)).write()
    check(house, 0)
    (outcome,) = house.here(accept_first=True)
    assert outcome.told["status"] == "delivered"


def test_where_nothing_can_be_renamed_nothing_is_sent(
    server: Start, house: House
) -> None:
    to = server("vsftpd", rename=False)
    at(house, to).write()
    check(house, 1)
    (outcome,) = house.here(accept_first=True)
    assert outcome.code == 1
    assert "does not let a file be renamed: renaming" in outcome.told["message"]
    assert to.names() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"folders": {"/": {}}}',
        '{"folders": {"/": 7}}',
        '{"folders": 7}',
    ],
)
def test_a_profile_that_cannot_be_read_keeps_nobody_from_publishing(
    house: House, text: str
) -> None:
    house.write()
    checks = Checks.of(house.data).path
    checks.mkdir()
    (checks / "onpart.json").write_text(text)
    (outcome,) = house.here(accept_first=True)
    assert outcome.told["status"] == "delivered", outcome.words
    assert "checked" not in receipt(outcome)
    check(house, 0)
