"""What `make .venv/spark/.ready` says where Java is missing or too old."""

import shutil
import subprocess
from pathlib import Path

import pytest
from commands import ROOT


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("", "found none as"),
        ("1.8.0_402", "found 1 as"),
        ("11.0.2", "found 11 as"),
        ("17.0.15", ""),
        ("21", ""),
    ],
)
def test_java_is_checked(version: str, message: str, tmp_path: Path) -> None:
    """The program is a script that prints what Java prints."""
    if version:
        java = tmp_path / "bin/java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026' >&2\n")
        java.chmod(0o755)
    ran = subprocess.run(
        [shutil.which("sh") or "sh", ROOT / ".ci/java"],
        env={"JAVA_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == (1 if message else 0)
    assert message in ran.stderr
    assert not message or "expected Java 17 or later" in ran.stderr
