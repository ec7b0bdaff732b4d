"""`monitor report`: the page people look at."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import duckdb

from monitor.report import index
from monitor.report.build import House, make
from runtime.command import (
    LOG,
    log_options,
    raise_if_interrupted,
    report,
    start_logging,
)
from runtime.environment import Environment, Limits, Place
from runtime.exits import Refused
from store.package import Package


@click.command("report")
@click.option(
    "--run", "run_id", metavar="RUN",
    help="Make the pages of this run again: its id, or its beginning.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the pages; default FEEDS_DATA/report.",
)  # fmt: skip
@log_options
def command(
    run_id: str | None, out: Path | None, as_json: bool, log_format: str, quiet: bool
) -> None:
    """Write a page for every package, and an index over them.

    Each page is one HTML file that opens from disk: no server, no network. Pages whose
    evidence has not changed are left as they are.
    """
    start_logging(log_format, quiet)
    variables = Environment.read()
    place = Place.of(variables)
    house = House(
        place,
        Limits.of(variables),
        Path.cwd(),
        Path.cwd() / variables.text("DBT_TARGET_PATH", "target"),
        out or place.data / "report",
    )
    chosen = _chosen(house.packages, run_id)
    pages: list[dict[str, Any]] = []
    unreadable: dict[Package, str] = {}
    for package in chosen:
        began = time.monotonic()
        try:
            size = make(house, package, run_id is not None)
        except (OSError, ValueError, LookupError, TypeError, duckdb.Error) as error:
            raise_if_interrupted()
            unreadable[package] = f"{type(error).__name__}: {error}"
            LOG.warning(f"no page of {package.file}/{package.run_id}: {error}")
            continue
        if size is not None:
            pages.append(
                {
                    "file": package.file,
                    "run_id": package.run_id,
                    "path": str(house.page(package)),
                    "bytes": size,
                    "seconds": round(time.monotonic() - began, 3),
                }
            )
            LOG.info(f"page of {package.file}/{package.run_id}: {size:,} bytes")
    index.write(house, unreadable)
    _tell(house, pages, unreadable, as_json)


def _chosen(packages: Sequence[Package], run_id: str | None) -> Sequence[Package]:
    if run_id is None:
        return packages
    found = [each for each in packages if each.run_id.startswith(run_id)]
    if not found:
        newest = sorted({each.run_id for each in packages}, reverse=True)[:3]
        raise Refused(
            f"expected a run that begins with {run_id!r} in the outbox, found none. "
            f"The newest are: {', '.join(newest) or 'none, nothing was published yet'}."
        )
    return found


def _tell(
    house: House,
    pages: list[dict[str, Any]],
    unreadable: dict[Package, str],
    as_json: bool,
) -> None:
    code = 1 if unreadable else 0
    told = {
        "status": "incomplete" if unreadable else "written",
        "exit_code": code,
        "index": str(house.index),
        "pages": pages,
        "unreadable": {
            f"{each.file}/{each.run_id}": why for each, why in unreadable.items()
        },
    }
    lines = [
        f"no page of {each.file}/{each.run_id}: {why}"
        for each, why in unreadable.items()
    ]
    lines.append(f"{len(pages)} pages written; open {house.index}")
    report(told, "\n".join(lines), as_json)
    sys.exit(code)
