"""Explain a row: its decision, its source record, its file, its last runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import duckdb

from monitor.why.audit_search import (
    extract_runs,
    is_about,
    may_have,
    packages_about,
    read_decision,
    read_sent,
)
from monitor.why.duplicates import duplicates_of
from monitor.why.search import Match
from monitor.why.subjects import DECISION
from runtime.duck import Row, name, parquet, rows, tables, text
from runtime.environment import DataDirectory
from runtime.exits import Misuse, Refused
from store import adopted, confirmations, feedback, holds
from store.confirmations import Confirmation
from store.ledger import Ledger, Record
from store.package import Package
from store.partner_state import path_of

# Compared between runs, beside the decision.
_FIGURES = ("qty_on_hand", "list_price", "sell_price", "rows", "order_updated")
_COMPARED = (*DECISION, *_FIGURES)
_ITEMS = 50


class Explainer:
    """Explains rows of one subject."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        place: DataDirectory,
        matches: Sequence[Match],
        *,
        feed: str | None,
        runs: int,
        whole: bool,
    ) -> None:
        """Read which packages and reason codes there are.

        Args:
            connection: the warehouse.
            place: where the data lies.
            matches: the rows, of one subject; at least one.
            feed: only the packages of this feed or file.
            runs: how many runs back to look.
            whole: whether source records include columns that repeat others.
        """
        self._connection, self._place, self._matches = connection, place, matches
        self._subject, self._runs, self._whole = matches[0].subject, runs, whole
        self._ledger = Ledger.read(place.ledger)
        self._order = self._ledger.run_order()
        self._files = packages_about(place.outbox, self._ledger, self._subject, feed)
        self._confirmed = [*confirmations.history(self._ledger)]
        built, reasons = tables(connection), self._subject.reasons
        seed = rows(connection, f"from {reasons}") if reasons in built else []
        self._codes = {code["reason_code"]: code for code in seed}
        self._landed: dict[str, dict[str, list[Row]]] = {}

    def as_built(self) -> list[dict[str, Any]]:
        """Explain the rows as of the last build."""
        return [self._as_built(match) for match in self._matches]

    def as_of(self, run: str) -> list[dict[str, Any]]:
        """Explain the rows as of an earlier run.

        Args:
            run: the run id of a package or an extract, or its beginning.

        Raises:
            Misuse: there is no such run.
        """
        chosen = self._packages_of(run)
        return [self._as_of(match, _best(match, chosen)) for match in self._matches]

    def _as_built(self, match: Match) -> dict[str, Any]:
        row, subject = match.row, match.subject
        run = row["extract_run_id"] or "-"
        answer = self._answer(match, row, subject.audit, run)
        if subject.details:
            answer["values"]["records"] = rows(
                self._connection,
                f"select * exclude ({subject.id}) from {subject.details}"
                f" where {subject.id} = {match.id} order by all limit {_ITEMS}",
            )
        return answer | {
            "files": self._last_sent(match),
            "on_hold": self._on_hold(match),
            "rejected": self._rejected(match),
            "adopted": self._adopted(match),
        }

    def _adopted(self, match: Match) -> list[str]:
        """Return the adopted files that the partner still has, with the row in each."""
        ledger, key = self._ledger, match.subject.file_key
        feeds = {record["feed"] for record in ledger.all("adopted")}
        lines = []
        for record in (
            r for feed in sorted(feeds) for r in adopted.current(ledger, feed)
        ):
            if not {*key} <= {*record["columns"]} & match.row.keys():
                continue
            state = record["state"]
            path = path_of(self._place.delivered, state["model"], state["sha256"])
            where = " and ".join(
                f"{name(column)}::varchar = {text(str(match.row[column]))}"
                for column in key
            )
            # Former rows are not with the partner any more.
            where += " and _is_former is not true"
            query = f"select * from {parquet([path])} where {where} limit 1"
            held = rows(self._connection, query) if path.is_file() else []
            shown = [f"{n} {held[0][n]}" for n in _FIGURES if held and n in held[0]]
            row = ("; it has the row: " + ", ".join(shown)) if held else (
                "; it does not have the row")  # fmt: skip
            lines.append(f"{record['file']}: {adopted.sentence(record)}{row}")
        return lines

    def _rejected(self, match: Match) -> list[Mapping[str, Any]]:
        """Return what partners answered about a row, the newest report first."""
        row, answers = match.row, []
        for package in self._newest_first(*self._files):
            for record in package.records:
                if record["event"] == "feedback":
                    columns = record["columns"]["key"].values()
                    key = {column: row[column] for column in columns if column in row}
                    if match.subject.file_key[-1] in key and None not in key.values():
                        answers += self._answers(record, key)
        return answers

    def _answers(
        self, record: Record, key: Mapping[str, Any]
    ) -> list[Mapping[str, Any]]:
        path = feedback.part_of(self._place.data, record)
        where = " and ".join(f"{name(n)} = {text(str(v))}" for n, v in key.items())
        query = "select distinct _code as code, _text as text from {} where {}"
        try:
            source = feedback.rows_of(path, record["columns"])
            answers = rows(self._connection, query.format(source, where))
        except (Refused, duckdb.Error) as error:
            answers = [{"code": None, "text": f"the report cannot be read: {error}"}]
        about = {field: record[field] for field in ("file", "run_id", "name", "at")}
        return [{**about, **answer} for answer in answers]

    def _on_hold(self, match: Match) -> list[str]:
        """Return which files that may have a row a person stopped, and why."""
        now = datetime.now(UTC)
        return [
            f"{file} is {holds.sentence(hold)}"
            for file in sorted(self._files_of(match))
            if (
                hold := holds.active(self._ledger, self._files[file][0].feed, file, now)
            )
        ]

    def _readable(self, some: Iterable[Package]) -> Iterator[Package]:
        """Yield the packages that can be read and have an audit of the subject."""
        return (package for package in some if is_about(package, self._subject))

    def _files_of(self, match: Match) -> list[str]:
        """Return the files that may have a row; one of other split values has not."""
        return [
            file
            for file, known in self._files.items()
            if any(may_have(p, match) for p in islice(self._readable(known), 1))
        ]

    def _newest_first(self, *files: str) -> list[Package]:
        """Return the packages of some files, readable or not."""
        some = chain.from_iterable(self._files[file] for file in files)
        return sorted(some, key=lambda p: self._order(p.file, p.run_id), reverse=True)

    def _packages_of(self, run: str) -> list[Package]:
        """Return the packages of a run or, if there are none, of an extract run."""
        known = self._newest_first(*self._files)
        named = (package for package in known if package.run_id.startswith(run))
        by_run = [*self._readable(named)]
        by_extract = [
            package
            for package in ([] if by_run else self._readable(known))
            if any(str(each).startswith(run) for each in extract_runs(package).values())
        ]
        if not by_run and not by_extract:
            newest = ", ".join(dict.fromkeys(package.run_id for package in known[:5]))
            expected = newest or "(no package yet)"
            raise Misuse(f"--run: expected a run such as {expected}; found {run!r}")
        return by_run or by_extract

    def _history(self, match: Match) -> list[dict[str, Any]]:
        """Return the decisions of the last runs, newest first, and their changes."""
        possible = self._readable(self._newest_first(*self._files_of(match)))
        runs: list[dict[str, Any]] = []
        had = []
        for package in islice(possible, self._runs):
            row = read_decision(package, match)
            had.append(row)
            runs.append(
                {
                    "run_id": package.run_id,
                    "file": package.file,
                    "fate": package.outcome,
                    "held_by": (package.last_outcome or {}).get("checks", []),
                    **{name: row.get(name) for name in DECISION},
                    **{name: row[name] for name in _FIGURES if name in row},
                    "is_there": bool(row),
                }
            )
        for run, (newer, older) in zip(runs, pairwise(had), strict=False):
            # A file without an audit has no decision to compare.
            columns = newer | older if self._subject.is_file else _COMPARED
            run["changed"] = [n for n in columns if newer.get(n) != older.get(n)]
        return runs

    def _last_sent(self, match: Match) -> list[dict[str, Any]]:
        """Return for each file the newest delivery that has the row.

        At least one delivery of each file is looked through.
        """
        newest = []
        for file in self._files_of(match):
            known = self._readable(self._files[file])
            delivered = (each for each in known if each.outcome == "delivered")
            # A file of changes has a row only when it changed: all of them are read.
            first = next(delivered, None)
            is_delta = first is not None and "delta" in first.run
            most = None if is_delta else max(self._runs, 1)
            some = islice(chain([first] if first else [], delivered), most)
            lines = (read_sent(each, match) for each in some)
            newest += [*islice(filter(None, lines), 1)]
        return newest

    def _as_of(self, match: Match, package: Package) -> dict[str, Any]:
        """Explain a row by a package's audit and the extract it was made from."""
        row = read_decision(package, match)
        table = package.table("audit")
        audit = package.read_csv(table) if table else ""  # without, nothing repeats
        extract_run = extract_runs(package).get(match.subject.source) or "-"
        lines = read_sent(package, match)
        return {
            **self._answer(match, row, audit, extract_run),
            "as_of": package.run_id,
            "limits": package.run.get("thresholds", {}),
            "files": [lines] if lines else [],
        }

    def _answer(
        self, match: Match, row: Mapping[str, Any], audit: str, extract_run: str
    ) -> dict[str, Any]:
        """Explain a row as an audit has it; an audit without the row has no values."""
        subject = match.subject
        source = self._source(match, extract_run) if subject.landed else {}
        code = self._codes.get(row.get("reason_code") or "", {})
        repeats = duplicates_of(self._connection, audit, subject, row) if row else {}
        return {
            "subject": subject.name,
            "by": list(match.by),
            "named": match.row[subject.label],
            **{each: match.row[each] for each in (subject.id, subject.label)},
            "decision": {
                **{name: row.get(name) for name in DECISION},
                **{name: code.get(name) for name in ("meaning", "remedy")},
            },
            "source": source,
            "values": {
                name: value
                for name, value in row.items()
                if not name.endswith("_raw") and name not in DECISION
            },
            "codes": _fired(row, self._codes, source, repeats),
            "confirmed": [
                asdict(each) for each in self._confirmed if _is_about(each, match)
            ],
            "history": self._history(match),
        }

    def _source(self, match: Match, run: str) -> dict[str, Any]:
        """Return the records that `extract` landed for a row in a run."""
        folder = self._place.landing / run / self._subject.source
        if run not in self._landed:
            self._landed[run] = self._read_landed(folder)
        return {
            "run_id": run,
            "folder": str(folder),
            "records": {
                entity: [
                    _without_nulls(record)
                    for record in records
                    if record["_id"] == match.id and _is_here(match, entity, record)
                ]
                for entity, records in self._landed[run].items()
            },
        }

    def _read_landed(self, folder: Path) -> dict[str, list[Row]]:
        """Read the landed records of all matches at once: reading takes long."""
        ids = sorted({match.id for match in self._matches if match.id is not None})
        landed = {}
        for each in self._subject.landed:
            path = folder / f"{each.entity}.parquet"
            if ids and path.is_file():
                columns = "*"
                if each.omit and not self._whole:
                    columns = f"columns(name -> name <> {text(each.omit)})"
                landed[each.entity] = rows(
                    self._connection,
                    f"select {each.column} as _id, {columns}"
                    f" from read_parquet({text(str(path))})"
                    f" where {each.column} in ({', '.join(map(str, ids))})",
                )
        return landed


def _best(match: Match, chosen: Sequence[Package]) -> Package:
    """Return the newest package that sent the row, else one that has it, else any."""
    having = [package for package in chosen if read_decision(package, match)]
    sending = [package for package in having if read_sent(package, match)]
    return [*sending, *having, *chosen][0]


def _fired(
    row: Mapping[str, Any],
    codes: Mapping[str, Row],
    source: Mapping[str, Any],
    repeats: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return the codes of a row in their order, with the values they looked at.

    `looks_at` of the seed names columns of the audit, and fields of the source's
    record that the audit lacks.
    """
    landed = [rec for records in source.get("records", {}).values() for rec in records]
    record = {name: value for each in landed[::-1] for name, value in each.items()}
    record |= row
    fired = []
    reasons = row.get("reason_codes") or row.get("reason_code") or ""
    for code in filter(None, reasons.split("|")):
        seed = codes.get(code, {})
        names = (seed.get("looks_at") or "").split("|")
        if any(name.startswith("last_") for name in names):
            names.append("last_delivered_at")  # the day of the value
        fired.append(
            {
                "code": code,
                "decided": code == row.get("reason_code"),
                **{n: seed.get(n) for n in ("step", "status", "meaning", "remedy")},
                "values": {name: record[name] for name in names if name in record},
                **({"duplicates": repeats[code]} if code in repeats else {}),
            }
        )
    return fired


def _is_about(confirmation: Confirmation, match: Match) -> bool:
    """Whether a confirmed value is one of a row of the audit."""
    key = confirmation.key
    return all(str(match.row.get(name)) == value for name, value in key.items())


def _without_nulls(record: Row) -> Row:
    return {
        name: value
        for name, value in record.items()
        if value is not None and name != "_id"
    }


def _is_here(match: Match, entity: str, record: Row) -> bool:
    """Whether a record is about the row: a stock record is about one location."""
    if entity != "stock_by_location" or "stock_row_id" not in match.row:
        return True
    location = record.get("LocationRef") or {}
    return bool(location.get("Id") == match.row["location_id"])
