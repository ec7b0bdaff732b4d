"""A night by the releases after those of requirements.lock: the same files.

`make next` makes their environment, .venv/next, and runs this.
"""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from commands import ROOT
from scheduled import make_home, settings, sources

NEXT = ROOT / ".venv/next/bin"


def run(binaries: Path, home: Path, *words: str, **variables: object) -> None:
    """Run a command of an environment; it must end with 0."""
    environment = settings(home, FEEDS_ACCEPT_FIRST=1, **variables)
    environment["PATH"] = f"{binaries}{os.pathsep}{environment['PATH']}"
    ended = subprocess.run(
        [binaries / words[0], *words[1:]], cwd=home, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


def files(home: Path, pattern: str) -> dict[str, bytes]:
    """Return the content of the files that the partner has, and of the packages."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for folder in (home / "partner", home / "data/outbox")
        for path in folder.rglob(pattern)
    }


def manifest(content: bytes) -> dict[str, object]:
    """Return a manifest without the build and digests of packages and Parquet."""
    fields = json.loads(content)
    record = fields["run"]
    del record["dbt"], record["states"], record["changes"]["against"]
    return fields


def differences(one: Path, other: Path) -> int:
    """Return how many rows of two landed lists differ, without the stamp of a run."""
    rows = [
        f"(select * exclude (_extract_run_id, _extracted_at) from '{path}')"
        for path in (one, other)
    ]
    both = (
        f"({rows[0]} except all {rows[1]}) union all ({rows[1]} except all {rows[0]})"
    )
    return len(duckdb.sql(both))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_next_releases_write_the_same_files(tmp_path: Path) -> None:
    if not NEXT.exists() and os.environ.get("FEEDS_REQUIRE_NEXT") != "1":
        pytest.skip("make next installs the next releases")
    pinned, coming = make_home(tmp_path / "pinned"), tmp_path / "coming"
    binaries = {pinned: Path(sys.executable).parent, coming: NEXT}
    with sources() as variables:
        run(binaries[pinned], pinned, "extract", **variables)
        shutil.copytree(pinned, coming, symlinks=True)
        other = tmp_path / "other"
        run(NEXT, pinned, "extract", **{**variables, "FEEDS_DATA": other})
    lists = [*(other / "landing/current").glob("*/*.parquet")]
    assert len(lists) == 7
    for path in lists:
        same = pinned / "data" / path.relative_to(other)
        assert (path.name, differences(path, same)) == (path.name, 0)
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    for home, folder in binaries.items():
        run(folder, home, "publish", "build")
        run(folder, home, "publish", "--at", now)
        run(folder, home, "monitor", "report")
        run(folder, home, "monitor", "drift")
        run(folder, home, "python", "publish/package/verify.py", "data/outbox")
    written = files(pinned, "*.csv")
    assert len(written) > 10
    assert files(coming, "*.csv") == written
    manifests = files(pinned, "*.manifest.json")
    for name, content in files(coming, "*.manifest.json").items():
        assert manifest(content) == manifest(manifests[name])
