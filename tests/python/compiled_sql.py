"""What dbt would compile for another data directory, and the states of its ledger."""

import re
from pathlib import Path

from runtime import duck
from store import partner_state
from store.ledger import Ledger

# What a landed file and a state add to a model; absent while there is none.
_UNION = re.compile(r"union all by name\s+select \* from '([^']*)'")
_STATES = re.compile(
    r"union all by name\s+select\s+\* exclude \(filename\),[^)]*\) as _state\s+"
    r"from read_parquet\(\s*\['[^']*/(\w+)/\w+.parquet'\][^)]*\)"
)


def compiled_for(sql: str, compiled_in: Path, data: Path) -> str:
    """Return compiled SQL for another data directory.

    Args:
        sql: compiled by dbt while every file was landed and every state delivered.
        compiled_in: the data directory that it was compiled for.
        data: the other one.
    """

    def union(match: re.Match[str]) -> str:
        pattern = Path(match[1])
        return match[0] if list(pattern.parent.glob(pattern.name)) else ""

    def states(match: re.Match[str]) -> str:
        current = partner_state.current(Ledger(data / "ledger.jsonl"), match[1])
        files = partner_state.files(data / "delivered", current)
        if not files:
            return ""
        paths = ", ".join(duck.text(str(file)) for file in files)
        return (  # as macros/published.sql has it
            "union all by name select * exclude (filename), "
            f"list_position([{paths}], filename) as _state "
            f"from {duck.parquet(files)[:-1]}, filename = true)"
        )

    sql = sql.replace(str(compiled_in), str(data))
    return _STATES.sub(states, _UNION.sub(union, sql))
