"""What another version of the product left: an earlier one is read, a newer refused."""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from commands import ROOT
from delivered_project import DeliveredProject
from sample_project import SampleProject

from runtime.files import sha256_of

FIXTURES = ROOT / "tests" / "fixtures"


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    return SampleProject(tmp_path).quick()


def newer(path: Path) -> bytes:
    """Give a JSON file a version that does not exist yet; return its bytes."""
    content: dict[str, Any] = json.loads(path.read_bytes())
    content.get("run", content)["format"] = 2
    before = sha256_of(path)
    path.write_text(json.dumps(content))
    if (sums := path.with_name("SHA256SUMS")).exists():
        sums.write_text(sums.read_text().replace(before, sha256_of(path)))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("ledger.head", ("publish", "onpart_inventory")),
        ("landing/current/ordertime/extract.json", ("publish", "onpart_inventory")),
        ("alerts/state.json", ("monitor", "alert")),
        ("outbox/*/*/*.manifest.json", ("publish", "replay", "20260115T070000Z")),
    ],
)
def test_a_newer_format_is_refused_and_named_and_stays(
    delivered: DeliveredProject, tmp_path: Path, path: str, command: tuple[str, ...]
) -> None:
    project = delivered.copy(tmp_path / "project")
    if path.startswith("alerts"):
        project.variables = {"FEEDS_ALERT_FILE": project.folder / "alerts.jsonl"}
        project.run("monitor", "alert")
    (file,) = project.data.glob(path)
    content, ledger = newer(file), project.ledger_file.read_bytes()
    words = [*command[:-1], project.package.name] if "replay" in command else command
    done = project.run(*words)
    assert done.returncode == 1, done.stderr
    output = done.stdout + done.stderr
    assert f"{file}: expected the " in output
    assert "found 2. A newer version of this product wrote it" in output
    assert (file.read_bytes(), project.ledger_file.read_bytes()) == (content, ledger)


def test_a_warehouse_of_a_newer_duckdb_is_named_with_what_to_do(
    project: SampleProject,
) -> None:
    packed = FIXTURES / "warehouse_of_duckdb_2.0.1.duckdb.xz"
    warehouse = project.data / "warehouse.duckdb"
    warehouse.write_bytes(lzma.decompress(packed.read_bytes()))
    result = project.publish()
    assert result["exit_code"] == 1
    message = result["files"][0]["message"]
    assert message.startswith(f"{warehouse} was made by another version of DuckDB")
    assert "Remove it, and run `dbt build`" in message
