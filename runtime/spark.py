"""What dbt needs for its target spark: Java, and the packages of the extra `spark`."""

import os
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from runtime.exits import Misuse

_OLDEST = 17
_VERSION = re.compile(r' version "(\d+)')


def require(variables: Mapping[str, str] = os.environ) -> None:
    """Check that this environment can run dbt with the target spark.

    Raises:
        Misuse: Java is missing or too old, or the extra `spark` is not installed.
    """
    if complaint := without_java(variables):
        raise Misuse(complaint)
    try:
        version("dbt-spark")
    except PackageNotFoundError:
        raise Misuse(
            "expected dbt-spark, because FEEDS_ENGINE is spark, found none in this "
            "environment. Use the one that `make .venv/spark/.ready` makes, or install "
            "partner-feeds[spark]."
        ) from None


def without_java(variables: Mapping[str, str] = os.environ) -> str | None:
    """Return what is wrong with Java; None if Spark can run.

    A server of Spark Connect has its own Java, so that none is needed here.
    """
    if variables.get("SPARK_REMOTE"):
        return None
    home = variables.get("JAVA_HOME")
    java = str(Path(home, "bin/java")) if home else "java"
    try:
        ran = subprocess.run(  # noqa: S603 (as pyspark starts it)
            [java, "-version"], check=False, capture_output=True, text=True,
            env=dict(variables),
        )  # fmt: skip
        answer = ran.stderr + ran.stdout
    except OSError:
        answer = ""
    number = _VERSION.search(answer)
    release = number[1] if number else "none"
    if number and int(release) >= _OLDEST:
        return None
    return (
        f"expected Java {_OLDEST} or later for Spark, found {release} as {java}. "
        "Install openjdk-17-jre-headless, or set JAVA_HOME."
    )
