"""A plugin of dbt-duckdb: write what health asks of the warehouse when a build ends."""

import atexit
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.flags import get_flags

from runtime.environment import Environment, Limits
from runtime.exits import Stop
from store import answers, feeds
from store.feeds import artifacts

# The commands that change tables; macros/builds.sql has the same list.
_RECORDED = ("build", "run", "seed", "snapshot", "retry")


class Plugin(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Loaded by profiles.yml; dbt-duckdb wants this name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Write the answers at the end of a command that changes tables."""
        flags = get_flags()  # type: ignore[no-untyped-call]
        if flags.WHICH in _RECORDED and self.creds:
            atexit.register(_write, Path(flags.PROJECT_DIR), Path(self.creds.path))


def _write(root: Path, warehouse: Path) -> None:
    """Close the warehouse and write the answers; without them health asks it."""
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    variables = Environment(os.environ)
    with suppress(Stop, OSError, ValueError, LookupError, TypeError, duckdb.Error):
        project = feeds.declared(artifacts.read_declarations(root, variables))
        answers.write(warehouse, Limits.read(variables), project.feeds)
