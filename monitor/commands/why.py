"""`monitor why`: one row's fate, in one second."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from monitor.why import as_of, format, search
from monitor.why.explain import Asker
from monitor.why.search import Match
from monitor.why.subjects import SUBJECTS, Subject
from runtime import duck
from runtime.command import log_options, report, start_logging
from runtime.environment import Environment, Limits, Place
from runtime.exits import Misuse


@click.command("why")
@click.argument("key")
@click.option(
    "--feed", metavar="FILE", help="Only this file, such as onpart_inventory."
)
@click.option(
    "--run", "run_id", metavar="RUN", help="As of this run, or its beginning."
)
@click.option(
    "--runs", default=5, show_default=True, type=click.IntRange(0, 1000),
    help="How many runs back to tell.",
)  # fmt: skip
@log_options
def command(
    key: str,
    feed: str | None,
    run_id: str | None,
    runs: int,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Tell what became of KEY, and why.

    KEY is a SKU, a part number in any spelling, an OEM, Partslink or UPC number, an
    order id or a section id; `part:5` and `order:5` name an item or order by its id.
    RUN is a package's run id, as in the outbox, or an extract's, as in landing.
    """
    start_logging(log_format, quiet)
    variables = Environment.read()
    place, limits = Place.of(variables), Limits.of(variables)
    with duck.open_warehouse(place.warehouse, limits) as connection:
        subjects = _subjects(place, feed)
        found = search.matches(connection, subjects, key)
        if not found:
            near = search.nearest(connection, subjects, key)
            told = {"status": "not found", "exit_code": 1, "key": key, "nearest": near}
            report(told, format.nothing(key, near), as_json)
            sys.exit(1)
        chosen, others = _chosen(found, key)
        asker = Asker(connection, place, feed, runs, whole=as_json)
        rows = asker.explain(chosen)
        if run_id:
            rows = as_of.explain(asker, chosen, rows, run_id)
    result = {
        "status": "done",
        "key": key,
        "rows": rows,
        "others": [format.brief(match) for match in others],
    }
    report(result, format.of(key, rows, others), as_json)


def _chosen(
    found: Sequence[Match], key: str
) -> tuple[Sequence[Match], Sequence[Match]]:
    """Split into what is told in full and what is only listed.

    One item or order is told in full: the only one, or the only one that is spelled
    just so. Else all are listed, for the asker to name one.
    """
    same = [m for m in found if str(m.row[m.subject.label]) == key.strip()]
    for some in (found, same):
        if len({(match.subject.name, match.id) for match in some}) == 1:
            return some, [match for match in found if match not in some]
    return [], found


def _subjects(place: Place, feed: str | None) -> Sequence[Subject]:
    """Return what a file is about; everything, if none was named."""
    from monitor.why import audit_search

    if feed is None:
        return SUBJECTS
    named = [each for each in SUBJECTS if feed in (each.name, f"{each.name}s")]
    about = named or [each for each in SUBJECTS if audit_search.of(place, each, feed)]
    if not about:
        known: list[Any] = sorted(
            {path.name for path in place.outbox.glob("[!.]*")}
        ) or ["(no package yet)"]
        raise Misuse(f"--feed: expected one of {', '.join(known)}; found {feed!r}")
    return about
