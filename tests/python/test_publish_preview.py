"""A preview shows what changed rules would do, and changes nothing itself."""

import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from built_project import BuiltProject, read_audit
from commands import ROOT
from conftest import PROJECT

from store.package import Package

NIGHT = "2026-01-15T08:30:00Z"
FILE = "onpart_inventory"


def digests(folder: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of change of every file."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def decisions(rows: list[dict[str, str]]) -> dict[str, tuple[str, str]]:
    return {
        "/".join(row[name] for name in ("item_id", "location_id", "stock_row_id")): (
            row["output"],
            row["reason_code"],
        )
        for row in rows
    }


def moved(feed: dict[str, Any]) -> Counter[tuple[str, str]]:
    return Counter(
        {
            (each["before"]["reason"], each["after"]["reason"]): each["rows"]
            for each in feed["reasons"]
        }
    )


def test_what_a_rule_would_change_is_shown_and_nothing_is_replaced(
    built: BuiltProject, tmp_path: Path
) -> None:
    before = digests(built.data)
    result = built.run_json(
        "publish", "preview", "--at", NIGHT, "--folder", tmp_path / "kept",
        "--vars", "{qty_limit: 8, safety_stock: 1}", "--exit-code",
    )  # fmt: skip
    assert result["exit_code"] == 1
    assert result["changed"] is True
    assert digests(built.data) == before
    feeds = {feed["feed"]: feed for feed in result["feeds"]}
    orders = feeds["order_feed_full_file"]  # it has other rules
    assert orders["reasons"] == []
    assert not any(file["changes"]["changed"] for file in orders["files"])
    (file,) = feeds[FILE]["files"]
    # Counted here from the audits of both packages, in another way.
    delivered = [p for p in built.recorded_packages() if p.outcome == "delivered"]
    (last,) = [package for package in delivered if package.file == FILE]
    (new_folder,) = (tmp_path / "kept/data/outbox" / FILE).glob(
        f"*{NIGHT[11:13]}3000Z-*"
    )
    (_, old), (_, new) = read_audit(last), read_audit(Package(new_folder))
    old_by_key, new_by_key = decisions(old), decisions(new)
    assert len(old_by_key) == len(old) == len(new)
    expected = Counter(
        (old_by_key[key][1], decision[1])
        for key, decision in new_by_key.items()
        if old_by_key[key] != decision
    )
    assert expected
    assert moved(feeds[FILE]) == expected
    assert "QTY_IMPLAUSIBLE" in {after for _, after in expected}
    removed = sum(
        old_by_key[key][0] == "PUBLISH" != decision[0]
        for key, decision in new_by_key.items()
    )
    assert file["changes"]["removed"] == removed > 0
    (quantity, *_) = file["changes"]["measures"]["qty_on_hand"]["moves"]
    assert quantity["after"] == quantity["before"] - 1
    assert file["against"]["name"] == next(last.folder.glob("DEMO01*.csv")).name
    assert Path(file["page"]).is_file()
    assert "QTY_IMPLAUSIBLE" in Path(file["page"]).read_text()


@dataclass
class Branch(BuiltProject):
    """The data of a built project, and rules of another folder."""

    rules: Path = ROOT

    @property
    def root(self) -> Path:
        """The folder of the other rules."""
        return self.rules


@pytest.mark.long
def test_a_pull_request_gets_a_table(built: BuiltProject, tmp_path: Path) -> None:
    """A group is not offered any more."""
    for name in PROJECT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    seed = tmp_path / "seeds/item_group_part_types.csv"
    seed.write_text(seed.read_text().replace("true", "false"))
    branch = Branch(built.folder, built.variables, tmp_path)
    options = ("--at", NIGHT, "--markdown", "--same-extract")
    done = branch.run("publish", "preview", FILE, *options)
    assert done.returncode == 0, done.stderr
    for line in (
        r"\| onpart\\_inventory \| held \| \d+ \| \d+ \| 0 \| \d+ \| 0 \|",
        r"\| \d+ \| PUBLISH OK\\_\w+ \| SKIP NOT\\_STOCK\\_ITEM \| .*\|",
        r"- held by RUN\\_\w+: .*",
    ):
        assert re.search(f"^{line}$", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--vars", "12"), "expected a mapping"),
        (("--vars", "{od_min_onhand: 12}"), "perhaps od_min_on_hand"),
        (("--json", "--markdown"), "found both"),
        (("on part",), "names of files"),
    ],
)
def test_a_wrong_option_is_named(
    built: BuiltProject, words: tuple[str, ...], message: str
) -> None:
    done = built.run("publish", "preview", *words)
    assert done.returncode == 2
    assert message in done.stderr
