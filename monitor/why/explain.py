"""One row's story: what the source said, what the rules saw, where it went."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from monitor.why import audit_search, duplicates
from monitor.why.audit_search import Package
from monitor.why.history import DECISION, history, last_out
from monitor.why.rules import Rules
from monitor.why.search import Match, Parallel
from monitor.why.subjects import Subject
from runtime.duck import Row, rows, sql_text
from runtime.environment import Place


@dataclass(slots=True)
class Asker:
    """What explaining rows has in common: the warehouse, the rules, the packages.

    Attributes:
        connection: the warehouse.
        place: where everything lies.
        feed: only this file, if one was named.
        runs: how many runs back to tell.
        whole: whether records are told with what they say twice.
    """

    connection: duckdb.DuckDBPyConnection
    place: Place
    feed: str | None
    runs: int
    whole: bool
    _read: "dict[str, Future[list[dict[str, Any]]]]" = field(default_factory=dict)

    def sources(self, found: Sequence[Match], run: str) -> list[dict[str, Any]]:
        """Return the landed records of each row; of the same rows at every call."""
        self._begin(found, run)
        return self._read[run].result()

    def _begin(self, found: Sequence[Match], run: str) -> None:
        """Begin to read the landed records: nothing but the answer waits for them."""
        if run not in self._read:
            self._read[run] = Parallel(self.connection).begin(
                lambda cursor: source_records(
                    cursor, self.place.landing, found, run, self.whole
                )
            )

    def explain(self, found: Sequence[Match]) -> list[dict[str, Any]]:
        """Tell everything about some rows of one subject."""
        if not found:
            return []
        subject = found[0].subject
        for match in found:
            self._begin(found, match.row["extract_run_id"])
        rules = Rules(self.connection, subject)
        known = self._codes(subject)
        sent = audit_search.of(self.place, subject, self.feed)
        told = [self._explain(match, rules, known, sent) for match in found]
        for place, match in enumerate(found):
            run = match.row["extract_run_id"]
            told[place]["source"] = self.sources(found, run)[place]
        return told

    def _explain(
        self,
        match: Match,
        rules: Rules,
        known: Mapping[str, Row],
        sent: Sequence[Package],
    ) -> dict[str, Any]:
        subject, row = match.subject, match.row
        return {
            "subject": subject.name,
            "by": list(match.by),
            **{name: row[name] for name in (subject.id, subject.label)},
            "decision": {
                **{name: row[name] for name in DECISION},
                **self.meaning(subject, row["reason_code"]),
            },
            "source": {},  # comes last: it is read meanwhile
            "values": self._values(match),
            "rules": self._rules(subject, rules, known, row),
            "files": last_out(match, sent, self.runs),
            "history": history(match, sent, self.runs),
        }

    def _codes(self, subject: Subject) -> dict[str, Row]:
        found = rows(
            self.connection, f"select * from {subject.reasons} order by position"
        )
        return {row["reason_code"]: row for row in found}

    def meaning(self, subject: Subject, code: str | None) -> dict[str, Any]:
        """Return what a reason code means and what to do about it."""
        told = self._codes(subject).get(code or "", {})
        return {name: told.get(name) for name in ("meaning", "remedy")}

    def _values(self, match: Match) -> dict[str, Any]:
        """Return the row as normalised: what the feed says, or would say."""
        row = {
            name: value
            for name, value in match.row.items()
            if not name.endswith("_raw") and name not in DECISION
        }
        subject = match.subject
        if subject.details:
            row["records"] = rows(
                self.connection,
                f"select * exclude ({subject.id}) from {subject.details}"
                f" where {subject.id} = {match.id} order by all limit 50",
            )
        return row

    def _rules(
        self, subject: Subject, rules: Rules, known: Mapping[str, Row], row: Row
    ) -> list[dict[str, Any]]:
        """Return every rule in order: whether it fired, and what it looked at."""
        fired = (row["reason_codes"] or "").split("|")
        answers = rules.ask(row, fired)
        shared = duplicates.duplicates_of(self.connection, subject.audit, subject, row)
        return [
            {
                "code": code,
                "fired": code in fired,
                "decided": code == row["reason_code"],
                **{name: told[name] for name in ("step", "status", "meaning")},
                # A code may have several rules: those that hold first.
                "values": [
                    list(answer.values)
                    for answer in sorted(
                        answers.get(code, ()), key=lambda answer: not answer.holds
                    )
                ],
                # What the partner holds may have changed since the build.
                "is_so_still": code not in fired
                or any(answer.holds for answer in answers.get(code, ())),
                **({"twins": shared[code]} if code in shared else {}),
            }
            for code, told in known.items()
            if told["status"] != "ELIGIBLE"
        ]


def source_records(
    connection: duckdb.DuckDBPyConnection,
    landing: Path,
    found: Sequence[Match],
    run: str,
    whole: bool,
) -> list[dict[str, Any]]:
    """Return the records each row came from, as `extract` landed them in a run.

    A list is read once for all rows: it takes longer than all the rest.

    Args:
        connection: the warehouse.
        landing: the landed runs.
        found: rows of one subject.
        run: the run that landed the records.
        whole: also what a record says again, beside the columns made of it.
    """
    folder = landing / run / found[0].subject.source
    ids = sorted({match.id for match in found if match.id is not None})
    landed: dict[str, list[tuple[Any, Row]]] = {}
    for each in found[0].subject.landed:
        path = folder / f"{each.entity}.parquet"
        if ids and path.is_file():
            told = "*"
            if each.again and not whole:
                told = f"columns(name -> name <> {sql_text(each.again)})"
            wanted = ", ".join(map(str, ids))
            records = rows(
                connection,
                f"select {each.column} as _of, {told}"
                f" from read_parquet({sql_text(str(path))})"
                f" where {each.column} in ({wanted})",
            )
            landed[each.entity] = [(record["_of"], _said(record)) for record in records]
    return [
        {
            "run_id": run,
            "folder": str(folder),
            "records": {
                entity: [
                    record
                    for of, record in records
                    if of == match.id and _is_here(match, entity, record)
                ]
                for entity, records in landed.items()
            },
        }
        for match in found
    ]


def _said(record: Row) -> Row:
    """Leave out what a record does not say."""
    return {
        name: value
        for name, value in record.items()
        if value is not None and name != "_of"
    }


def _is_here(match: Match, entity: str, record: Row) -> bool:
    """Tell whether a record is of this row: stock lies in one place."""
    if entity != "stock_by_location" or "stock_row_id" not in match.row:
        return True
    place = record.get("LocationRef") or {}
    return bool(place.get("Id") == match.row["location_id"])
