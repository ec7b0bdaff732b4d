"""A plugin of dbt-duckdb: makes the data directory, and sets the threads of DuckDB.

DuckDB makes a file but no folder, and dbt then ends with two hundred lines of Python.
A profile cannot ask how many cores the machine has.
"""

import os
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from runtime.environment import Environment, Limits, unreadable


class Plugin(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Loaded by profiles.yml; dbt-duckdb wants this name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Make the folder of the warehouse, if DuckDB can find files in it."""
        if self.creds is None:
            return
        folder = Path(self.creds.path).parent
        if complaint := unreadable(str(folder)):
            raise DbtRuntimeError(complaint)
        folder.mkdir(parents=True, exist_ok=True)

    def update_connection_config(self, creds: object, config: dict[str, Any]) -> None:
        """Give DuckDB the threads that our own steps give it."""
        config["threads"] = Limits.read(Environment(os.environ)).threads
