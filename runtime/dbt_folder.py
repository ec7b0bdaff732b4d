"""A plugin of dbt-duckdb: the data directory, the threads, the digest of the code.

DuckDB makes a file but no folder, and dbt then ends with two hundred lines of Python.
A profile cannot ask how many cores the machine has, and SQL cannot read the code.
"""

import gc
import os
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.flags import get_flags
from dbt_common.exceptions import DbtRuntimeError

from runtime.code_digest import code_digest
from runtime.environment import Environment, Limits, unreadable

# How many new objects Python lets dbt make before it looks for garbage: 90 MiB of them.
_OBJECTS = 1_000_000


class Plugin(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Loaded by profiles.yml; dbt-duckdb wants this name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Make the folder of the warehouse, if DuckDB can find files in it.

        What dbt has read by now it keeps until it ends, so the search for garbage
        leaves that out and is seldom: it took an eighth of the CPU time of a small
        build.
        """
        gc.freeze()
        gc.set_threshold(_OBJECTS)
        flags = get_flags()  # type: ignore[no-untyped-call]
        self._code_digest = code_digest(
            Path(flags.PROJECT_DIR), getattr(flags, "VARS", None) or {}
        )
        if self.creds is None:
            return
        folder = Path(self.creds.path).parent
        if complaint := unreadable(str(folder)):
            raise DbtRuntimeError(complaint)
        folder.mkdir(parents=True, exist_ok=True)

    def update_connection_config(self, creds: object, config: dict[str, Any]) -> None:
        """Give DuckDB the threads that our own steps give it."""
        config["threads"] = Limits.read(Environment(os.environ)).threads

    def configure_cursor(self, cursor: Any) -> None:
        """Let macros read the digest of the code: getvariable('code_digest')."""
        cursor.execute(f"set variable code_digest = '{self._code_digest}'")
