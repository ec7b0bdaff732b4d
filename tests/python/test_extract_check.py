"""`extract --check`: a landing that another program wrote, and each way to spoil it."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Command

from extract.contract import check
from runtime.environment import Limits
from runtime.exits import Refused
from runtime.files import relink, sha256_of

RUN = "20260115T055500Z-other"
LIMITS = Limits("500MB", 1)
Change = Callable[[dict[str, Any]], object]


def land(data: Path, **columns: Any) -> Path:
    """Land one list as docs/landing.md says; return the source's folder."""
    folder = data / "landing" / RUN / "shop"
    folder.mkdir(parents=True, exist_ok=True)
    stamps = pa.array([datetime(2026, 1, 15, 5, 55)] * 2, pa.timestamp("us"))
    table = {
        "id": ["007", "8"],
        "_extract_run_id": [RUN] * 2,
        "_extracted_at": stamps,
        **columns,
    }
    file = folder / "parts.parquet"
    pq.write_table(pa.table(table), file)
    report = {
        "run_id": RUN,
        "source": "shop",
        "status": "complete",
        "started_at": "2026-01-15T05:55:00Z",
        "finished_at": "2026-01-15T06:10:00Z",
        "entities": {
            "parts": {
                "file": file.name,
                "rows": 2,
                "bytes": file.stat().st_size,
                "sha256": sha256_of(file),
                "count_after": 2,
            }
        },
    }
    (folder / "extract.json").write_text(json.dumps(report))
    relink(data / "landing/current/shop", f"../{RUN}/shop")
    return folder


def spoil(folder: Path, change: Change) -> None:
    file = folder / "extract.json"
    report = json.loads(file.read_text())
    change(report)
    file.write_text(json.dumps(report))


def parts(field: str, value: Any) -> Change:
    return lambda report: report["entities"]["parts"].update({field: value})


def test_what_another_program_landed_is_accepted(data: Path, command: Command) -> None:
    folder = land(data)
    done = command("extract", "--check", env={"FEEDS_DATA": data})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"shop: 2 parts; run {RUN}\n"
    spoil(folder, parts("count_after", None))
    done = command("extract", "--check", "shop", env={"FEEDS_DATA": data})
    assert done.returncode == 0
    assert "nothing proves that parts is complete" in done.stdout
    spoil(folder, parts("rows", "two"))
    done = command("extract", "--check", "shop", env={"FEEDS_DATA": data})
    assert done.returncode == 1
    assert "entities.parts.rows: expected the number of rows, found two" in done.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.pop("run_id"), "run_id: expected the time of the start"),
        (lambda r: r.update(run_id="x"), "run_id: expected the time of the start"),
        (
            lambda r: r.update(run_id="20270115T055500Z-other"),
            f"run_id: expected {RUN}, as in the link, found 20270115T055500Z-other",
        ),
        (lambda r: r.update(source="shops"), "source: expected shop, as in the link"),
        (lambda r: r.update(status="part"), "status: expected complete, found part"),
        (
            lambda r: r.update(finished_at="15.1.2026"),
            "finished_at: expected a time in UTC, such as 2026-01-15T06:10:00Z",
        ),
        (
            lambda r: r.update(finished_at="2026-01-15T05:00:00Z"),
            "finished_at: expected a time after started_at",
        ),
        (lambda r: r.update(entities={}), "entities: expected an object with one"),
        (parts("file", "../parts.parquet"), "file: expected parts.parquet, found ../"),
        (parts("rows", 3), "rows: expected 2, as the file has, found 3"),
        (parts("bytes", 7), "bytes: expected "),
        (parts("sha256", "ab" * 32), "sha256: expected "),
        (parts("sha256", 7), "sha256: expected 64 hexadecimal digits, found 7"),
        (parts("count_after", 9), "count_after: expected 2, as rows, found 9"),
        (parts("proof", "trust"), "proof: expected one of total, count, "),
        (parts("absent", "id"), "absent: expected a list of names, found id"),
        (
            lambda r: r["entities"].update(stock=r["entities"]["parts"]),
            "stock.file: expected stock.parquet",
        ),
    ],
)  # fmt: skip
def test_each_wrong_field_is_named(data: Path, change: Change, words: str) -> None:
    spoil(land(data), change)
    with pytest.raises(Refused) as caught:
        check(data / "landing", "shop", LIMITS)
    assert words in str(caught.value)
    assert "is not as docs/landing.md says" in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"_extract_run_id": [1, 2]}, "_extract_run_id: expected type string, found"),
        ({"_extract_run_id": [RUN, "x"]}, f"_extract_run_id: expected {RUN}, found x"),
        ({"_extract_run_id": [RUN, None]}, "expected no null, found one"),
        ({"ID": ["1", "2"]}, "expected each column name once"),
        (
            {"code": pa.array(["a", "a"]).dictionary_encode()},
            "code: expected plain values, found a dictionary",
        ),
    ],
)  # fmt: skip
def test_each_wrong_column_is_named(
    data: Path, columns: dict[str, Any], words: str
) -> None:
    land(data, **columns)
    with pytest.raises(Refused, match=words):
        check(data / "landing", "shop", LIMITS)


def test_the_link_and_the_file_are_needed(data: Path) -> None:
    folder = land(data)
    (folder / "parts.parquet").write_bytes(b"PAR1")
    with pytest.raises(Refused, match="Parquet file, found something else"):
        check(data / "landing", "shop", LIMITS)
    (folder / "parts.parquet").unlink()
    with pytest.raises(Refused, match="parquet: expected a Parquet file, found none"):
        check(data / "landing", "shop", LIMITS)
    (folder / "extract.json").write_text("{")
    with pytest.raises(Refused, match="expected a JSON object"):
        check(data / "landing", "shop", LIMITS)
    relink(data / "landing/current/shop", str(folder.resolve()))
    with pytest.raises(Refused, match=r"expected a link to ../<run_id>/shop, found /"):
        check(data / "landing", "shop", LIMITS)
    with pytest.raises(Refused, match=r"expected a link .* found nothing"):
        check(data / "landing", "none", LIMITS)
