"""`monitor report`: write a page for every package, and an index."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import duckdb

from monitor.commands.health import check_all
from monitor.context import read_context
from monitor.report import index
from monitor.report.build import Site, build
from runtime.command import log_options, raise_if_interrupted, report
from runtime.environment import DataDirectory, Environment, Limits
from runtime.exits import Refused
from runtime.log import LOG, start_logging
from store.package import Package


@click.command("report")
@click.option(
    "--run", "run_id", metavar="RUN",
    help="Write the pages of this run again: its id, or its first letters.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the pages; default FEEDS_DATA/report.",
)  # fmt: skip
@log_options
def command(
    run_id: str | None, out: Path | None, as_json: bool, log_format: str, quiet: bool
) -> None:
    """Write a page for every package, and an index with the result of `monitor health`.

    Each page is one HTML file that opens from disk. It needs no server and no network.
    Pages whose data has not changed are not written again.
    """
    start_logging(log_format, quiet)
    variables = Environment.read()
    place = DataDirectory.read(variables)
    site = Site(
        place,
        Limits.read(variables),
        Path.cwd(),
        Path.cwd() / variables.text("DBT_TARGET_PATH", "target"),
        out or place.data / "report",
    )
    packages = _selected(site.packages, run_id)
    pages: list[dict[str, Any]] = []
    unreadable: dict[Package, str] = {}
    for package in packages:
        start = time.monotonic()
        try:
            size = build(site, package, run_id is not None)
        except (OSError, ValueError, LookupError, TypeError, duckdb.Error) as error:
            raise_if_interrupted()
            unreadable[package] = f"{type(error).__name__}: {error}"
            LOG.warning(
                "no page",
                file=package.file,
                feed=package.feed,
                run_id=package.run_id,
                because=error,
            )
            continue
        if size is not None:
            page: dict[str, Any] = {
                "file": package.file,
                "run_id": package.run_id,
                "path": str(site.page(package)),
                "bytes": size,
                "seconds": round(time.monotonic() - start, 3),
            }
            pages.append(page)
            LOG.info("page", feed=package.feed, **page)
    index.write(site, unreadable, check_all(read_context(None)))
    _report(site, pages, unreadable, as_json)


def _selected(packages: Sequence[Package], run_id: str | None) -> Sequence[Package]:
    if run_id is None:
        return packages
    matches = [each for each in packages if each.run_id.startswith(run_id)]
    if not matches:
        newest = list(dict.fromkeys(each.run_id for each in reversed(packages)))[:3]
        raise Refused(
            f"expected a run that begins with {run_id!r} in the outbox, found none. "
            f"The newest are: {', '.join(newest) or 'none, nothing was published yet'}."
        )
    return matches


def _report(
    site: Site,
    pages: list[dict[str, Any]],
    unreadable: dict[Package, str],
    as_json: bool,
) -> None:
    code = 1 if unreadable else 0
    result = {
        "status": "incomplete" if unreadable else "written",
        "exit_code": code,
        "index": str(site.index),
        "pages": pages,
        "unreadable": {f"{each.name}": why for each, why in unreadable.items()},
    }
    lines = [f"no page of {each.name}: {why}" for each, why in unreadable.items()]
    lines.append(f"{len(pages)} pages written; open {site.index}")
    report(result, "\n".join(lines), as_json)
    sys.exit(code)
