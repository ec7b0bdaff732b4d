"""`publish build`: what the files need, with unit tests unless they have passed."""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from publish.gate.dbt import nodes_needed
from runtime import formats, spark
from runtime.code_digest import code_digest
from runtime.environment import DataDirectory, Environment, Limits
from runtime.exits import Misuse
from runtime.log import LOG, is_json, start_logging
from store import builds, mart
from store.feeds import artifacts, exposure_of
from store.mart import Mart

# dbt of this very interpreter. It keeps nearly all of its objects until it ends, so the
# search for garbage costs a tenth of its CPU time and finds little. `freeze` leaves out
# the last search too, when the process ends.
DBT = (
    "import atexit, gc; gc.disable(); atexit.register(gc.freeze); "
    "from dbt.cli.main import cli; cli()"
)


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--quiet", is_flag=True, help="Show only what went wrong.")
def build(files: tuple[str, ...], quiet: bool) -> None:
    """Run `dbt build` for what all files need, or those named, and its data tests.

    Unit tests run only if they have not passed for the same code, seeds and variables.
    The output and the exit code are those of dbt.
    """
    start_logging("", quiet)
    variables = Environment.read()
    place, limits, root = DataDirectory.read(variables), Limits.read(variables), Path()
    built = mart.find(place)
    if built.engine == "spark":
        spark.require()
    with suppress(OSError, ValueError):
        # dbt reads the ledger too, and knows no formats.
        formats.read("ledger", place.ledger.with_name("ledger.head"))
    words = ["build", "--select", *selectors(files)]
    if built.engine == "spark":
        words += ["--target", "spark"]
    digest = code_digest(root, {}, built.engine)
    if _unit_tests_passed(root, variables, built, limits, files, digest):
        words += ["--exclude-resource-type", "unit_test"]
    else:
        because = "they have not passed for this code before"
        LOG.info("unit tests run", because=because)
    if quiet:
        words.insert(0, "--quiet")
    environment = {
        **os.environ,
        "FEEDS_ENVIRONMENT": place.environment,
        "FEEDS_DATA": str(place.data),
        "FEEDS_MEMORY_LIMIT": limits.memory,
        "FEEDS_THREADS": str(limits.threads),
        # For the record of a build on Spark; on DuckDB dbt finds the digest itself.
        "FEEDS_CODE_DIGEST": digest,
        "DBT_TARGET_PATH": variables.text("DBT_TARGET_PATH", "target"),
        "DBT_LOG_FORMAT": variables.text(
            "DBT_LOG_FORMAT", "json" if is_json() else "default"
        ),
        # Every statement of a night in dbt's log costs half a second.
        "DBT_LOG_LEVEL_FILE": variables.text("DBT_LOG_LEVEL_FILE", "info"),
    }
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-c", DBT, *words], environment)  # noqa: S606


def selectors(files: Sequence[str]) -> list[str]:
    """Return dbt's selectors of what some files need; of all if none is named.

    Raises:
        Misuse: a name has a mark that dbt reads as a part of a selector, as a blank.
    """
    for name in files:
        if not re.fullmatch(r"[A-Za-z0-9_.@-]+", name):
            raise Misuse(
                f"expected names of files, such as onpart_inventory, found {name!r}"
            )
    names = dict.fromkeys(map(exposure_of, files)) or ("*",)
    return [f"+exposure:{name}" for name in names]


def _unit_tests_passed(
    root: Path,
    variables: Environment,
    built: Mart,
    limits: Limits,
    files: tuple[str, ...],
    digest: str,
) -> bool:
    """Return whether every unit test below the files passed for this code."""
    try:
        manifest = artifacts.read_declarations(root, variables)
    except Misuse:
        return False
    exposures = {
        id_: node["name"] for id_, node in manifest.manifest["exposures"].items()
    }
    needed = {
        node
        for id_, name in exposures.items()
        if not files or name in map(exposure_of, files)
        for node in nodes_needed(manifest, id_)
        if node.startswith("unit_test.")
    }
    if not needed or not built.exists:
        return False
    with built.session(limits, built.place.data) as connection:
        passed = builds.passed_for(connection, digest)
    return needed <= passed
