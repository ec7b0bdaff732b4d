"""A project with one declared source, `shop`, and what it landed."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import yaml
from commands import clean_environment

from extract import contract
from extract.copying import Settings
from extract.declared import copying
from runtime.environment import Environment, Limits


class DeclaredProject:
    """A folder with extract/sources/shop.yml.

    Attributes:
        root: the folder.
        data: its data directory.
        file: the declaration.
        env: the variables of all commands.
    """

    def __init__(self, root: Path, **env: object) -> None:
        """Make the folder; `env` is added to the variables."""
        self.root, self.data = root, root / "data dir"
        (root / "extract/sources").mkdir(parents=True)
        (root / "dbt_project.yml").write_text("name: shop\n")
        self.file = root / "extract/sources/shop.yml"
        self.env: dict[str, object] = {
            "FEEDS_DATA": self.data,
            "FEEDS_HTTP_LONGEST_WAIT": 0.05,
            "FEEDS_HTTP_TIMEOUT": 20,
            **env,
        }

    def write(self, declaration: dict[str, Any]) -> None:
        """Write the declaration."""
        self.file.write_text(yaml.safe_dump(declaration, sort_keys=False))

    def environment(self, **more: object) -> dict[str, str]:
        """Return the variables of a process."""
        env = clean_environment(**{**self.env, **more})
        return env | {"PATH": f"{Path(sys.executable).parent}:{env['PATH']}"}

    def extract(self, *words: str, **more: object) -> subprocess.CompletedProcess[str]:
        """Run `extract`, as a user does."""
        return subprocess.run(
            ["extract", *(words or ("shop",))], cwd=self.root, text=True,
            capture_output=True, env=self.environment(**more), timeout=120, check=False,
        )  # fmt: skip

    def copy(self, **more: object) -> dict[str, Any]:
        """Copy the source in this process: dlt takes a second to import."""
        variables = Environment(
            {name: str(value) for name, value in {**self.env, **more}.items()}
        )
        settings = Settings.read(variables)
        with contextlib.chdir(self.root):
            return copying.copy("shop", variables, settings, False, False)

    def check(self) -> dict[str, Any]:
        """Check what was landed, as `extract --check` does."""
        return contract.check(self.data / "landing", "shop", Limits("500MB", 1))

    @property
    def report(self) -> dict[str, Any]:
        """The current extract.json."""
        path = self.data / "landing/current/shop/extract.json"
        return json.loads(path.read_text())

    def rows(self, what: str, name: str = "parts") -> list[Any]:
        """Query a list that was landed."""
        file = self.data / f"landing/current/shop/{name}.parquet"
        query = f"select {what} from read_parquet(?, hive_partitioning = false) "
        query += "order by all"
        return duckdb.execute(query, [str(file)]).fetchall()
