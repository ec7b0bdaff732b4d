"""What a file is built from, as dbt's real manifest tells it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import Command

from publish.package.provenance import built_from
from store import feeds
from store.feeds.artifacts import Artifacts

LARGE = 1_100_000  # bytes; of a seed above 1 MiB dbt digests the path alone


def digests(
    project: Path, command: Command, seed: bytes
) -> tuple[Mapping[str, str], str]:
    """Ours of all that the inventory is built from, and dbt's own of the seed."""
    (project / "seeds" / "protected_parts.csv").write_bytes(seed)
    done = command("dbt", "parse", cwd=project, env={"FEEDS_DATA": project / "data"})
    assert done.returncode == 0, done.stdout
    manifest = json.loads((project / "target" / "manifest.json").read_bytes())
    artifacts = Artifacts(manifest)
    (feed,) = (
        each for each in feeds.read(artifacts) if each.name == "onpart_inventory"
    )
    node = manifest["nodes"]["seed.partner_feeds.protected_parts"]
    return built_from(project, artifacts, feed), node["checksum"]["checksum"]


@pytest.mark.long
def test_a_large_seed_is_digested_by_its_rows(project: Path, command: Command) -> None:
    rows = b"".join(b"P-%d,sold over our counter\n" % n for n in range(LARGE // 25))
    first, of_dbt = digests(project, command, b"supplier_sku,reason\n" + rows)
    other, still = digests(project, command, b"supplier_sku,reason\nQ-0" + rows[3:])
    assert of_dbt == still
    changed = {name for name in first if first[name] != other[name]}
    assert changed == {"seed.protected_parts"}
