"""`monitor why`: what became of one part or order, and why."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from monitor.why import format, search, subjects
from monitor.why.audit_search import packages_about
from monitor.why.explain import Explainer
from monitor.why.search import Match
from monitor.why.subjects import Subject
from runtime.command import log_options, report
from runtime.environment import DataDirectory, Environment, Limits
from runtime.exits import Misuse
from runtime.log import start_logging
from store import mart
from store.feeds import artifacts
from store.ledger import Ledger


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
    help="How many runs back to show.",
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
    """Show what became of KEY, and why.

    KEY is a SKU, a part number in any spelling, an OEM, Partslink or UPC number, an
    order id or a section id; `part:5` and `order:5` name an item or order by its id.
    RUN is a package's run id, as in the outbox, or an extract's, as in landing.
    """
    start_logging(log_format, quiet)
    variables = Environment.read()
    place, limits = DataDirectory.read(variables), Limits.read(variables)
    with mart.find(place).open(limits) as connection:
        declared = subjects.read(artifacts.read_declarations(Path.cwd(), variables))
        fitting = search.fitted(connection, _about(declared, place, feed))
        matches = search.matches(connection, fitting, key)
        if not matches:
            near = search.nearest(connection, fitting, key)
            answer = {
                "status": "not found", "exit_code": 1, "key": key, "nearest": near,
            }  # fmt: skip
            report(answer, format.not_found(key, near), as_json)
            sys.exit(1)
        chosen, others = _chosen(matches, key)
        rows = []
        if chosen:
            explainer = Explainer(
                connection, place, chosen, feed=feed, runs=runs, whole=as_json
            )
            rows = explainer.as_of(run_id) if run_id else explainer.as_built()
    answer = {
        "status": "done",
        "key": key,
        "rows": rows,
        "others": [format.brief(match) for match in others],
    }
    report(answer, format.to_text(key, rows, others), as_json)


def _chosen(
    matches: Sequence[Match], key: str
) -> tuple[Sequence[Match], Sequence[Match]]:
    """Split matches into those to explain and those to list.

    Rows of one item or order are explained: of the only one, or of the only one whose
    name is exactly the key. Rows of files without an audit are then only listed.
    Otherwise all are listed, and the user names one.
    """
    decided = [m for m in matches if not m.subject.is_file]
    exact = [m for m in matches if str(m.row[m.subject.label]) == key.strip()]
    for some in (matches, decided, exact):
        if len({(match.subject.name, match.id) for match in some}) == 1:
            return some, [match for match in matches if match not in some]
    return [], matches


def _about(
    declared: Sequence[Subject], place: DataDirectory, feed: str | None
) -> Sequence[Subject]:
    """Return what a feed or file is about; everything if none is named."""
    if feed is None:
        return declared
    named = [each for each in declared if feed in (each.name, f"{each.name}s")]
    ledger = Ledger.read(place.ledger)
    about = named or [
        each for each in declared if packages_about(place.outbox, ledger, each, feed)
    ]
    if not about:
        known = sorted({path.name for path in place.outbox.glob("[!.]*")})
        expected = ", ".join(known) or "(no package yet)"
        raise Misuse(f"--feed: expected one of {expected}; found {feed!r}")
    return about
