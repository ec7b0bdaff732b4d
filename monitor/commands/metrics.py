"""`monitor metrics`: figures for a monitoring system, as OpenMetrics text."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.commands.health import check_all
from monitor.context import Context, read_context
from monitor.findings import Finding
from monitor.health.report import Report
from runtime.clock import Time
from runtime.exits import Misuse, Stop
from runtime.files import atomic_write, parse_time
from runtime.log import LOG, start_logging
from store.ledger import Record

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_FILE = ("feed", "file", "destination")


@click.command("metrics")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write this file, for node_exporter's textfile collector.  [default: stdout]",
)
@click.option("--at", type=Time(), help="Check as of this time, UTC.  [default: now]")
@click.option("--quiet", is_flag=True, help="No log lines but warnings.")
def command(out: Path | None, at: datetime | None, quiet: bool) -> None:
    """Print figures of extracts, deliveries and problems as OpenMetrics text.

    docs/health.md lists all names. The exit code is 0 also if something is wrong: an
    alert is a rule of the monitoring system. Nothing else is changed.
    """
    start_logging("", quiet)
    text = exposition(read_context(at))
    if out is None:
        click.echo(text, nl=False)
        return
    with atomic_write(out) as part:
        part.write_bytes(text.encode())
    LOG.info("wrote", path=out)


def exposition(context: Context) -> str:
    """Return all figures as OpenMetrics text.

    Every metric is a gauge, so that readers of Prometheus' older text format take the
    same text. Times are seconds since 1970 (UTC).

    Raises:
        Misuse: prometheus-client is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry
        from prometheus_client.openmetrics.exposition import generate_latest
    except ImportError:
        raise Misuse(
            "expected the package prometheus-client, found none. Install "
            "partner-feeds[metrics]."
        ) from None

    health = check_all(context)
    registry = CollectorRegistry()
    registry.register(_Figures(context, health))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


class _Figures:
    """Collects the figures once."""

    def __init__(self, context: Context, health: Report) -> None:
        self._context, self._health = context, health
        try:
            self._feeds, self._sources = context.feeds, context.sources
        except Stop:  # nothing was built yet; health says so
            self._feeds, self._sources = (), ()

    def collect(self) -> Iterator["Metric"]:
        """Yield every metric."""
        yield _gauge(
            "written_timestamp_seconds", "When these figures were written.", (),
            [((), self._context.at.timestamp())],
        )  # fmt: skip
        yield from self._extracts()
        yield from self._deliveries()
        yield from self._problems()

    def _extracts(self) -> Iterator["Metric"]:
        landed = {
            source: report
            for source in self._sources
            if (report := self._context.landed_if_readable(source))
        }
        yield _gauge(
            "extract_finished_timestamp_seconds",
            "When the last complete extract of a source ended.",
            ("source",),
            [((name,), _seconds(each["finished_at"])) for name, each in landed.items()],
        )
        yield _gauge(
            "extract_rows",
            "Rows of a table in the last complete extract.",
            ("source", "table"),
            [
                ((name, table), entity["rows"])
                for name, each in landed.items()
                for table, entity in each["entities"].items()
            ],
        )

    def _deliveries(self) -> Iterator["Metric"]:
        ledger, at = self._context.ledger, self._context.at
        last: dict[tuple[str, ...], Record] = {}
        held: list[tuple[tuple[str, ...], float]] = []
        due = []
        for feed in self._feeds:
            due.append(((feed.name,), feed.cadence.last_due(at).timestamp()))
            for record in ledger.all("delivered", feed=feed.name):
                last[feed.name, record["file"], record["destination"]] = record
            for file, record in ledger.newest(feed.name).items():
                held.append(((feed.name, file), record["event"] == "held"))
        for name, help_, figure in (
            (
                "timestamp_seconds",
                "When the file was last delivered.",
                lambda record: _seconds(record["at"]),
            ),
            ("rows", "Rows of the file that was last delivered.", itemgetter("rows")),
            (
                "bytes",
                "Size of the file that was last delivered.",
                itemgetter("bytes"),
            ),
        ):
            samples = [(labels, figure(record)) for labels, record in last.items()]
            yield _gauge(f"delivered_{name}", help_, _FILE, samples)
        yield _gauge(
            "due_timestamp_seconds", "When the feed was last due.", ("feed",), due
        )
        yield _gauge(
            "held", "1 if the newest file is held, else 0.", ("feed", "file"), held
        )

    def _problems(self) -> Iterator["Metric"]:
        yield _gauge(
            "health_exit_code",
            "Exit code of monitor health: 0 well, 1 somebody must act, 75 unsure.",
            (),
            [((), self._health.exit_code)],
        )
        yield _gauge(
            "problem",
            "1 for each finding of monitor health.",
            ("id", "about", "severity", "acknowledged"),
            [
                (labels, 1)
                for labels in dict.fromkeys(map(self._labels, self._health.findings))
            ],
        )

    def _labels(self, finding: Finding) -> tuple[str, ...]:
        is_acknowledged = "yes" if self._health.acknowledgement(finding) else "no"
        return finding.id, finding.about, finding.kind.severity, is_acknowledged


def _gauge(
    name: str,
    help_: str,
    labels: tuple[str, ...],
    samples: Sequence[tuple[tuple[str, ...], float]],
) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    metric = GaugeMetricFamily(f"partner_feeds_{name}", help_, labels=labels)
    for values, number in samples:
        metric.add_metric(values, number)
    return metric


def _seconds(time: Any) -> float:
    return parse_time(time).timestamp()
