"""The SQL of the last `dbt build`, run by hand: what dbt adds is the difference.

    python -m benchmarks.by_hand ARTIFACTS BUILT_WAREHOUSE FOLDER

Reads manifest.json and run_results.json of the build, takes the seeds from the
warehouse it built, and runs every model and every data test once, in the same
order, in a new warehouse in FOLDER.
"""

import json
import sys
from pathlib import Path

from benchmarks.duck import duck


def run_by_hand(artifacts: Path, built: Path, folder: Path) -> int:
    """Run the compiled SQL; returns how many nodes were run."""
    nodes = json.loads((artifacts / "manifest.json").read_text())["nodes"]
    results = json.loads((artifacts / "run_results.json").read_text())["results"]
    order = sorted(results, key=lambda r: max(t["started_at"] for t in r["timing"]))
    # The same catalog name, because compiled SQL spells it out.
    with duck(folder / built.name, folder) as connection:
        connection.execute(f"attach '{built}' as built (read_only)")
        done = 0
        for result in order:
            node = nodes.get(result["unique_id"])
            if node is None:
                continue
            kind = node["resource_type"]
            if kind == "seed":
                name = f'"{node["schema"]}"."{node["alias"]}"'
                connection.execute(f"create table {name} as from built.{name}")
            elif kind == "model":
                form = node["config"]["materialized"]
                name = f'"{node["schema"]}"."{node["alias"]}"'
                connection.execute(f"create {form} {name} as {node['compiled_code']}")
            elif kind == "test":
                connection.execute(
                    f"select count(*) from ({node['compiled_code']})"
                ).fetchall()
            else:
                continue
            done += 1
    return done


if __name__ == "__main__":
    run_by_hand(*(Path(word) for word in sys.argv[1:4]))
