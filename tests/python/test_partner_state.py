"""What the partner has by our record: rows, their days, and former rows."""

import warnings
from pathlib import Path

import duckdb
from sample_project import SampleProject

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401


def test_the_partner_state_keeps_the_last_rows_of_former_keys(
    tmp_path: Path,
) -> None:
    """With the day on which each row was last delivered."""
    project = SampleProject(tmp_path)
    removed, again = project.quick().rows[3], project.rows[7]

    def night(*rows: dict) -> dict[str, tuple[str, bool, str]]:
        project.rows[:] = rows
        project.later()
        (outcome,) = project.write().here(accept_first=True)
        assert outcome.summary["status"] == "delivered", outcome.text
        files = project.data / "delivered/inventory_feed"
        newest = max(files.glob("*.parquet"), key=lambda file: file.stat().st_mtime_ns)
        columns = "_delivered_at, _is_former, sell_price"
        return {
            sku: (f"{at:%Y-%m-%dT%H:%M:%SZ}", former, str(price))
            for sku, at, former, price in duckdb.sql(
                f"select supplier_sku, {columns} from '{newest}'"
            ).fetchall()
        }

    everything = list(project.rows)
    remaining = [row for row in everything if row not in (removed, again)]
    assert {*night(*everything).values()} == {(project.at, False, "231.00")}
    one = project.at
    state = night(*remaining)
    assert state.pop(removed["supplier_sku"]) == (one, True, "231.00")
    assert state.pop(again["supplier_sku"]) == (one, True, "231.00")
    assert {*state.values()} == {(project.at, False, "231.00")}
    state = night(*remaining, again | {"sell_price": "9.00"})
    assert len(state) == len(everything)
    assert state[removed["supplier_sku"]] == (one, True, "231.00")
    assert state[again["supplier_sku"]] == (project.at, False, "9.00")
