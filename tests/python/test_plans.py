"""No model and no test compares every row with every row: joins have keys.

DuckDB runs a join without a key as a nested loop. Its cost grows with the square of
the rows, so a small sample does not show it.
"""

import json
from collections.abc import Iterator
from typing import Any

import duckdb

LOOPS = ("BLOCKWISE_NL_JOIN", "NESTED_LOOP_JOIN", "CROSS_PRODUCT")


def test_every_join_has_a_key(built):
    manifest = json.loads((built.folder / "target/manifest.json").read_bytes())
    compiled = {
        node["name"]: node["compiled_code"]
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "test")
    }
    assert len(compiled) > 100
    with duckdb.connect(str(built.data / "warehouse.duckdb"), read_only=True) as opened:
        plans = {name: loops(opened, sql) for name, sql in compiled.items()}
    assert {name: plan for name, plan in plans.items() if plan} == {}


def test_a_condition_without_a_key_is_a_loop():
    with duckdb.connect() as opened:
        opened.execute("create table items as select range as id from range(1000)")
        sql = "from items as a left join items as b on a.id > 3 and a.id = b.id"
        assert loops(opened, sql)
        keyed = "case when a.id > 3 then a.id end = b.id"
        assert not loops(opened, f"from items as a left join items as b on {keyed}")


def loops(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """Return the nested loops of a query's plan, with their conditions."""
    row = connection.execute(f"explain (format json) {sql}").fetchone()
    assert row
    return [
        f"{node['name'].strip()} {node['extra_info'].get('Condition', '')}".strip()
        for top in json.loads(row[1])
        for node in operators(top)
        if node["name"].strip() in LOOPS
    ]


def operators(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node["children"]:
        yield from operators(child)
