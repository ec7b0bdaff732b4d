"""changes.csv: the old file with it applied is the new file, whatever the rows."""

import datetime as dt
import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs
from package_reader import applied, rows, sides
from sample_project import META, MODEL, SampleProject, manifest

from publish import render
from publish.gate import Rendered
from publish.package import changes, line_diff
from runtime.exits import Misuse
from runtime.files import HashedFile
from store import feeds, partner_state
from store.feeds import Feed
from store.feeds.artifacts import Artifacts

COLUMNS = {
    "k": "varchar",
    "l": "varchar",
    "n": "integer",
    "price": "decimal(18,2)",
    "at": "timestamp",
    "words": "varchar",
}
DIALECTS: dict[str, dict[str, Any]] = {
    "minimal": META["dialect"],
    "crlf": {**META["dialect"], "newline": "crlf"},
    "all": {
        **META["dialect"],
        "quoting": "all",
        "escape": "\\",
        "null_text": "null",
        # Seconds are not written: a change of seconds is none.
        "timestamp_format": "%Y-%m-%d %H:%M",
    },
}


def a_feed(dialect: str, key: list[str], **more: Any) -> Feed:
    meta = {
        **META,
        "dialect": DIALECTS[dialect],
        "key": key,
        "sort": [*key, *(name for name in COLUMNS if name not in key)],
        "guards": {},
        "changes": {"measures": ["n", "price"], "group": "l"},
        **more,
    }
    content = manifest(meta)
    content["nodes"][MODEL]["columns"] = {
        name: {"name": name, "data_type": type_} for name, type_ in COLUMNS.items()
    }
    (feed,) = feeds.read(Artifacts(content))
    return feed


TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\ufeff"), max_size=4
) | st.sampled_from(["", "null", '"', '\\"', "\\", ",", "\n", "\r\n", "a|b", "é", "'"])
KEY = st.sampled_from([None, "", "a", "b", "a,b", 'a"', "é", "Z", "null"])
TIME = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 2)).map(
    lambda moment: moment.replace(microsecond=0)
)
ROW = st.tuples(
    KEY,
    KEY,
    st.none() | st.integers(-3, 3),
    st.none() | st.decimals(-9, 9, places=2),
    st.none() | TIME,
    st.none() | TEXT,
)


# Several rows of one key, two of them the same, and keys that are missing.
ALIKE = [
    *[("a", "b", 2, price, dt.datetime(2026, 1, 1), "x") for price in ("1", "2", "2")],
    *[(None, None, 2, price, dt.datetime(2026, 1, 1), None) for price in ("1", "2")],
]

TWO_LINES = ("a", "b", 1, None, None)


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """Old rows, and new ones that are made of them: as days follow days."""
    old = draw(st.lists(ROW, max_size=8))
    new = []
    for row in old:
        kind = draw(st.sampled_from(["keep", "keep", "gone", "twice", "edit"]))
        if kind == "edit":
            place = draw(st.integers(0, len(row) - 1))
            row = (*row[:place], draw(ROW)[place], *row[place + 1 :])
        new += [row] * {"gone": 0, "twice": 2}.get(kind, 1)
    return old, new + draw(st.lists(ROW, max_size=3))


class Bench:
    """A warehouse and a folder: yesterday's file and state, today's file."""

    def __init__(self, folder: Path, feed: Feed, old: list[Any], new: list[Any]):
        self.folder, self.feed = folder, feed
        self.connection = duckdb.connect(config={"threads": 2})
        self.connection.execute("attach ':memory:' as warehouse")
        self.old, self.parquet = self._file("old", old), folder / "old.parquet"
        self.connection.execute(
            f"copy {feed.model.sql} to '{self.parquet}' (format parquet)"
        )
        self.new = self._file("new", new)

    def _file(self, name: str, lines: list[Any]) -> Rendered:
        path = self.folder / name / "feed.csv"
        path.parent.mkdir()
        spec = ", ".join(f'"{column}" {type_}' for column, type_ in COLUMNS.items())
        self.connection.execute(
            f"create or replace table {self.feed.model.sql}({spec})"
        )
        if lines:
            self.connection.executemany(
                f"insert into {self.feed.model.sql} values (?, ?, ?, ?, ?, ?)", lines
            )
        number = render.feed_file(self.connection, self.feed, None, path)
        return Rendered(self.feed, None, path, number, HashedFile.read(path))

    @property
    def dialect(self) -> dict[str, Any]:
        own = self.feed.dialect
        return {
            "delimiter": own.delimiter,
            "quoteChar": own.quote,
            "doubleQuote": own.escape == own.quote,
            "escapeChar": own.escape,
            "lineTerminator": own.line_end,
            "nullSequence": own.null_text,
            "allQuoted": own.quoting == "all",
        }

    def held(self) -> str:
        """Return the rows that the partner has, as a FROM clause item."""
        rows = partner_state.rows([self.parquet], self.feed.replaces_by)
        return render.rows(self.feed, self.new.split, rows)

    def write(self, merge: bool) -> tuple[Path, dict[str, Any]]:
        folder = self.folder / f"merge-{merge}" / "package"
        folder.mkdir(parents=True)
        held = changes.PartnerState(
            self.parquet,
            self.held(),
            "ab" * 32,
            self.old.path if merge else None,
            self.old.rows,
            "c",
        )
        _, summary = changes.write(self.connection, self.new, held, "c", folder)
        assert [path.name for path in folder.parent.iterdir()] == ["package"]
        return folder / "changes.csv", summary


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("key", [["k", "l"], ["l", "n"], ["at"]])
@settings(deadline=None, max_examples=25)
@given(days=edits())
@example(days=(ALIKE, [(*row[:3], "7.00", *row[4:]) for row in ALIKE]))
@example(days=([(*TWO_LINES, "p\nq,r,1,,,s")], [(*TWO_LINES, "p\nq,r,1,,,t")]))
@example(days=(ALIKE, [*ALIKE[1:], ALIKE[1], (None, "", 2, None, None, "null")]))
@pytest.mark.sample(3)
def test_the_old_file_with_its_changes_is_the_new_one(
    dialect: str, key: list[str], days: tuple[list[Any], list[Any]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        feed = a_feed(dialect, key)
        bench = Bench(Path(folder), feed, *days)
        old = rows(bench.old.path, bench.dialect)
        new = rows(bench.new.path, bench.dialect)
        by_merge, summary_by_merge = bench.write(merge=True)
        by_hash, summary = bench.write(merge=False)
        # Two ways, one answer, to the byte.
        assert by_merge.read_bytes() == by_hash.read_bytes()
        assert summary_by_merge == summary
        assert applied(old, by_hash) == Counter(new)
        _is_smallest(by_hash, [list(COLUMNS).index(name) for name in key])
        kinds = Counter(kind for kind, _, _ in sides(by_hash))
        assert {kind: summary[kind] for kind in ("added", "removed", "changed")} == {
            kind: kinds[kind] for kind in ("added", "removed", "changed")
        }
        assert (summary["rows_before"], summary["rows_after"]) == (len(old), len(new))


def _is_smallest(path: Path, key: list[int]) -> None:
    """No row is both taken and given, and no key has rows of both without a pair."""
    pairs = sides(path)
    removed = Counter(before for _, before, _ in pairs if before is not None)
    given_ = Counter(after for _, _, after in pairs if after is not None)
    assert not removed & given_
    loose = {
        kind: {tuple(row[k] for k in key) for row in rows_}
        for kind, rows_ in (
            ("added", [a for kind, _, a in pairs if kind == "added" and a]),
            ("removed", [b for kind, b, _ in pairs if kind == "removed" and b]),
        )
    }
    assert not loose["added"] & loose["removed"]


def test_a_delta_tells_what_becomes_of_the_state_and_not_of_its_rows(
    tmp_path: Path,
) -> None:
    """The file replaces one order, and another one that it lacks stays."""
    feed = a_feed("minimal", ["k", "n"], split_by="l", file="{split}.csv")
    feed = structs.replace(feed, replaces_by=("k",))
    held = [("1", "t", 1, None, None, "a"), ("2", "t", 1, None, None, "b"),
            ("9", "u", 1, None, None, "other")]  # fmt: skip
    bench = Bench(tmp_path, feed, held, [("2", "t", 1, "5.00", None, "b")])
    bench.new = replace(bench.new, split="t")
    path, summary = bench.write(merge=False)
    assert sides(path) == [
        (
            "changed",
            ("2", "t", "1", None, None, "b"),
            ("2", "t", "1", "5.00", None, "b"),
        )
    ]
    assert (summary["rows_before"], summary["rows_after"]) == (2, 2)


def test_the_merge_is_what_compares_two_files(tmp_path: Path) -> None:
    """Shown by a state that is not what the file says."""
    feed = a_feed("minimal", ["k", "l"])
    bench = Bench(tmp_path, feed, [("a", "b", 1, None, None, "x")],
                  [("a", "b", 2, None, None, "x")])  # fmt: skip
    bench.old.path.write_text(bench.old.path.read_text().replace("x", "y"))
    path, summary = bench.write(merge=True)
    assert summary["columns"] == {"n": 1, "words": 1}
    assert len(sides(path)) == 1


def test_another_contract_is_not_compared_line_by_line(tmp_path: Path) -> None:
    feed = a_feed("minimal", ["k", "l"])
    row = ("a", "b", 1, None, None, "x")
    bench = Bench(tmp_path, feed, [row], [row])
    bench.old.path.write_text(bench.old.path.read_text().replace("x", "y"))
    held = changes.PartnerState(
        bench.parquet, bench.held(), "ab" * 32, bench.old.path, 1, "an older contract"
    )
    (tmp_path / "p").mkdir()
    _, summary = changes.write(bench.connection, bench.new, held, "c", tmp_path / "p")
    assert summary["changed"] == summary["added"] == summary["removed"] == 0


def test_a_column_that_is_new_has_changed_wherever_it_is_filled(
    tmp_path: Path,
) -> None:
    feed = a_feed("minimal", ["k", "l"])
    row = ("a", "b", 1, "2.50", None, None)
    bench = Bench(tmp_path, feed, [row], [row])
    bench.connection.execute(
        f"copy (select k, l from '{bench.parquet}') to '{tmp_path}/narrow.parquet'"
    )
    bench.parquet = tmp_path / "narrow.parquet"
    path, summary = bench.write(merge=False)
    assert summary["columns"] == {"n": 1, "price": 1}
    assert summary["measures"]["n"]["before"] is None
    assert sides(path)[0][1] == ("a", "b", None, None, None, None)


def test_the_summary_names_the_biggest_moves_and_counts_by_group(
    tmp_path: Path,
) -> None:
    feed = a_feed("minimal", ["k", "l"])
    old = [(f"k{n}", "AM", n, "10.00", None, None) for n in range(9)]
    new = [("k0", "AM", 0, "12.50", None, None),
           *((f"k{n}", "AM", n * n, "10.00", None, None) for n in range(1, 8)),
           ("x", "OEM", 7, None, None, None)]  # fmt: skip
    _, summary = Bench(tmp_path, feed, old, new).write(merge=True)
    assert summary["groups"] == [
        {"value": "AM", "added": 0, "removed": 1, "changed": 7},
        {"value": "OEM", "added": 1, "removed": 0, "changed": 0},
    ]
    moves = summary["measures"]["n"]["moves"]
    assert [(m["key"]["k"], m["before"], m["after"]) for m in moves] == [
        ("k7", 7, 49), ("k6", 6, 36), ("k5", 5, 25), ("k4", 4, 16), ("k3", 3, 9)
    ]  # fmt: skip
    assert summary["measures"]["price"]["moves"][0]["after"] == 12.5
    assert summary["measures"]["n"]["before"] == 36
    json.dumps(summary)


def test_a_column_that_does_not_count_is_counted_apart(tmp_path: Path) -> None:
    feed = a_feed("minimal", ["k"], changes={"group": "l", "ignore": ["at", "n"]})
    times = [dt.datetime(2026, 1, day) for day in (1, 2)]
    old = [(f"k{n}", "AM", n, "10.00", times[0], None) for n in range(6)]
    new = [
        *((f"k{n}", "AM", n, "10.00", times[1], None) for n in range(3)),
        ("k3", "AM", 30, "11.00", times[1], None),
        ("k4", "AM", 40, "10.00", times[0], None),
        ("k6", "AM", 6, "10.00", times[0], None),
    ]
    path, summary = Bench(tmp_path, feed, old, new).write(merge=True)
    counts = (summary[kind] for kind in ("added", "removed", "changed"))
    assert [*counts] == [1, 1, 1]
    assert summary["ignored"] == {"columns": ["at", "n"], "rows": 4}
    assert summary["columns"] == {"at": 4, "n": 2, "price": 1}
    assert summary["groups"] == [
        {"value": "AM", "added": 1, "removed": 1, "changed": 1}
    ]
    assert len(path.read_text().splitlines()) == 1 + 1 + 1 + 5  # all are in the file


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ({"ignore": ["nothing"]}, "changes.ignore: expected a column"),
        ({"ignore": ["k"]}, "changes.ignore: expected no column of key, found k"),
        ({"measures": ["nothing"]}, "changes.measures: expected a column"),
        ({"measures": ["words"]}, "changes.measures: expected a numeric column"),
        ({"group": "nothing"}, "changes.group: expected a column"),
        (
            {"moves": 3},
            "changes.moves: there is no such field; the fields are measures, group,",
        ),
    ],
)
def test_a_wrong_declaration_is_named(
    declaration: dict[str, Any], message: str
) -> None:
    with pytest.raises(Misuse, match=message):
        a_feed("minimal", ["k"], changes=declaration)


def test_a_first_package_says_so_and_repeats_nothing(tmp_path: Path) -> None:
    result = SampleProject(tmp_path).write().publish()
    package = Path(result["files"][0]["package"])
    assert len((package / "changes.csv").read_text().splitlines()) == 1
    (path,) = package.glob("*.manifest.json")
    recorded = json.loads(path.read_bytes())["run"]["changes"]
    assert (recorded["first"], recorded["against"]) == (True, None)
    assert recorded["added"] == 40


@pytest.mark.parametrize("line", ["a\n", '"a,b\n', "a,x,c\n"])
def test_a_line_that_is_no_record_ends_the_merge(tmp_path: Path, line: str) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("k,n,w\na,1,x\n")
    new.write_text("k,n,w\n" + line)
    key = line_diff.Form(",", '"', '"').key([0, 1], [False, True])
    with pytest.raises(ValueError):
        line_diff.subtract(old, new, tmp_path / "a", tmp_path / "b", True, key)
