"""A folder in which tests run commands, and what the commands leave there."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import commands

Record = dict[str, Any]


@dataclass
class Project:
    """A project with a data directory and a partner's folder.

    Attributes:
        folder: everything lies below it.
        variables: the environment of every command, besides that of `environment`.
    """

    folder: Path
    variables: dict[str, object] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder of dbt_project.yml; commands run there."""
        return self.folder

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data dir"

    @property
    def partner(self) -> Path:
        """The folder of the delivered files."""
        return self.folder / "partner"

    def environment(self) -> dict[str, object]:
        """Return the environment of every command."""
        destination = (self.folder / "partner").as_uri()
        return {
            "FEEDS_DATA": self.data,
            "DBT_TARGET_PATH": self.folder / "target",
            "DBT_LOG_PATH": self.folder / "logs",
            "DEST_ONPART_URL": destination,
            "DEST_ORDERS_URL": destination,
            **self.variables,
        }

    def run(
        self, *words: object, **variables: object
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with more variables."""
        return commands.run(
            *words, cwd=self.root, env={**self.environment(), **variables}
        )

    def start(self, *words: object, **variables: object) -> commands.Child:
        """Start `publish` with more variables, and do not wait for its end."""
        environment = {**self.environment(), **variables}
        return commands.Child(
            ["publish", *map(str, words)],
            self.root,
            commands.clean_environment(**environment),
        )

    def run_json(self, *words: object, **variables: object) -> dict[str, Any]:
        """Run a command with --json; return what it printed, and its log as stderr."""
        done = self.run(*words, "--json", **variables)
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        assert result.get("exit_code", done.returncode) == done.returncode, done.stderr
        return {**result, "stderr": done.stderr}

    def packages(self, file: str = "onpart_inventory") -> list[Path]:
        """Return the packages of a file, the oldest first."""
        return sorted((self.data / "outbox" / file).iterdir())

    @property
    def ledger_file(self) -> Path:
        """The file of the ledger."""
        return self.data / "ledger.jsonl"

    def records(self, *events: str) -> list[Record]:
        """Return the records of the ledger, or those of some events."""
        lines = self.ledger_file.read_bytes().splitlines()
        records = [json.loads(line) for line in lines]
        return [each for each in records if not events or each["event"] in events]

    def write_ledger(self, *records: Record) -> None:
        """Write another ledger; records are chained as `publish` chains them."""
        last, lines = "0" * 64, []
        for record in records:
            lines.append(json.dumps({**record, "previous": last}).encode() + b"\n")
            last = hashlib.sha256(lines[-1]).hexdigest()
        self.ledger_file.write_bytes(b"".join(lines))
        head = {"records": len(lines), "sha256": last}
        self.ledger_file.with_name("ledger.head").write_text(json.dumps(head))

    def edit(self, path: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Change a JSON file; `path` begins at the root."""
        file = self.root / path
        content = json.loads(file.read_bytes())
        change(content)
        file.write_text(json.dumps(content))

    def copy(self, folder: Path) -> Self:
        """Copy it, so that a test may change it."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return replace(deepcopy(self), folder=folder)
