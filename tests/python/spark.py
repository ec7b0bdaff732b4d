"""Run dbt on Apache Spark, by the environment that `make .venv/spark/.ready` makes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import ROOT, clean_environment

DBT = ROOT / ".venv/spark/bin/dbt"
# Of a Java process that lives for a minute on few rows.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC -Xss8m"
_DEFAULTS = {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.default.parallelism": "2",
}


def require() -> None:
    """Skip a test where Spark is not installed; fail there if it is required."""
    if os.environ.get("FEEDS_REQUIRE_SPARK") == "1":
        return
    if not DBT.exists() or shutil.which("java") is None:
        pytest.skip("`make .venv/spark/.ready` installs Spark, which needs Java")


def faults(ran: subprocess.CompletedProcess[str]) -> str:
    """Return what dbt said, without nodes that were right and without Java's calls."""
    usual = (" START ", " OK ", " PASS ", "\tat ")
    lines = (ran.stdout + ran.stderr).splitlines()
    return "\n".join(line for line in lines if not any(map(line.__contains__, usual)))


def dbt(
    folder: Path, data: Path, *words: str, project: Path = ROOT, **variables: object
) -> subprocess.CompletedProcess[str]:
    """Run dbt with the target spark, by FEEDS_ENGINE if that is given.

    Its exit code may be any.

    Args:
        folder: for what dbt and Spark leave besides the data directory.
        data: the data directory.
        words: the command and its options.
        project: the folder of dbt_project.yml.
        variables: more of the environment.
    """
    settings = folder / "spark settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "spark-defaults.conf").write_text(
        "".join(f"{name} {value}\n" for name, value in _DEFAULTS.items())
    )
    target = () if "FEEDS_ENGINE" in variables else ("--target", "spark")
    return subprocess.run(
        [DBT, "--no-use-colors", words[0], *target, *words[1:]],
        cwd=project, check=False, capture_output=True, text=True,
        env=clean_environment(**{
            "FEEDS_DATA": data,
            "DBT_TARGET_PATH": folder / "spark target",
            "DBT_LOG_PATH": folder / "spark logs",
            "MASTER": "local[2]",
            "SPARK_CONF_DIR": settings,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": folder / "spark local",
            "JDK_JAVA_OPTIONS": _JAVA,
            **variables,
        }),
    )  # fmt: skip
