"""A project in a repository of its own, and a run that the real commands made in it."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conftest import PROJECT, ROOT, clean_environment

from runtime.files import sha256_of

CODE = (*PROJECT, "publish", "runtime", "requirements.lock")
NIGHT = """
set -e
extract --quiet ordertime
dbt --quiet build --select +exposure:onpart_inventory
publish onpart_inventory --quiet --at "$AT"
"""


@dataclass(frozen=True)
class House:
    """Everything lies below `folder`; `made_by` is the commit of the run."""

    folder: Path
    made_by: str

    @classmethod
    def make(cls, folder: Path) -> "House":
        """Copy the code, commit it."""
        return cls(folder, committed(folder / "project"))

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def data(self) -> Path:
        return self.folder / "data dir"

    @property
    def package(self) -> Path:
        """The newest one."""
        return max((self.data / "outbox/onpart_inventory").iterdir())

    def night(self) -> "House":
        """Extract from a stand-in, build, deliver to a stand-in's server."""
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        words = ("sandbox", "run", "--items", "60", "--", "sh", "-c", NIGHT)
        done = self._run(*words, FEEDS_ACCEPT_FIRST=1, AT=at)
        assert done.returncode == 0, done.stderr
        return self

    def replay(self, *words: str, **variables: object) -> tuple[int, Any, str]:
        """Replay the run: exit code, what it said as JSON, its log."""
        words = ("python", "-m", "publish", "replay", self.package.name, *words)
        done = self._run(*words, "--json", **variables)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout), done.stderr

    def _run(
        self, *words: str, **variables: object
    ) -> subprocess.CompletedProcess[str]:
        environment = clean_environment(
            FEEDS_DATA=self.data,
            PYTHONPATH=self.project,
            DBT_TARGET_PATH=self.folder / "target",
            DBT_LOG_PATH=self.folder / "logs",
            **variables,
        )
        return subprocess.run(
            words, cwd=self.project, env=environment, capture_output=True, text=True,
            timeout=240, check=False,
        )  # fmt: skip


def committed(project: Path) -> str:
    """Copy the code into a repository of its own; return its first commit."""
    for name in CODE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        project.mkdir(exist_ok=True)
        copy(ROOT / name, project / name)
    (project / ".gitignore").write_text("__pycache__/\n")
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "first")
    return git(project, "rev-parse", "HEAD")


def git(project: Path, *words: str) -> str:
    tool = shutil.which("git")
    assert tool
    who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    done = subprocess.run(
        [tool, *who, *words], cwd=project, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its hash, every folder."""
    return {
        str(path.relative_to(folder)): sha256_of(path) if path.is_file() else "folder"
        for path in folder.rglob("*")
    }
