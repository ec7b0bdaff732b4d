"""What all tests share: the project's root, and commands run as a user runs them."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory of one's own, with a space in its path."""
    return tmp_path / "data dir"


def clean_environment(**variables: object) -> dict[str, str]:
    """The environment without anything that configures us, plus `variables`."""
    ours = ("FEEDS_", "ORDERTIME_", "ORDER_TOOL_", "DEST_", "DBT_", "PYTEST_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    scripts = str(Path(sys.executable).parent)
    kept["PATH"] = f"{scripts}{os.pathsep}{kept['PATH']}"
    return {**kept, **{name: str(value) for name, value in variables.items()}}


@pytest.fixture
def command() -> Command:
    """Run a command in a child process from the project's root; text is captured."""

    def run(
        *words: object, env: Mapping[str, object] | None = None, **options: object
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(word) for word in words],
            cwd=options.get("cwd", ROOT),
            env=clean_environment(**(env or {})),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run
