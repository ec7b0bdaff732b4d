"""The command line of `publish preview`."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
import yaml

from publish.build import selectors
from publish.package import provenance
from publish.preview import FeedPreview, FilePreview, preview
from publish.preview.reasons import Moved
from publish.replay.command import work_folder
from publish.settings import Settings
from runtime.clock import Time
from runtime.command import log_options, report, show_progress
from runtime.environment import DataDirectory, Environment, Limits
from runtime.exits import Misuse
from runtime.log import LOG, start_logging

_KINDS = ("added", "removed", "changed")
_MOST = 12  # kinds of decisions that are shown


class Variables(click.ParamType[dict[str, Any]]):
    """Values of dbt's variables: a mapping in YAML, as for `dbt build --vars`."""

    name = "yaml"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        """Return the mapping."""
        try:
            content = yaml.safe_load(value)
        except yaml.YAMLError:
            content = None
        if not isinstance(content, dict) or not all(
            isinstance(k, str) for k in content
        ):
            self.fail(
                f"expected a mapping, such as '{{od_min_on_hand: 12}}', found {value}"
            )
        return content


@click.command("preview")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--vars", "variables", type=Variables(), default="{}",
    help="Values of dbt's variables, as for `dbt build --vars`.",
)  # fmt: skip
@click.option(
    "--same-extract",
    is_flag=True,
    help="Read what the last delivery was made of, not what was landed last.",
)
@click.option("--at", type=Time(), help="Logical time, UTC.  [default: now]")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="An empty folder to work in; keeps the packages, and gets their pages.",
)
@click.option("--exit-code", is_flag=True, help="End with 1 if something changes.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
@log_options
def command(
    files: tuple[str, ...],
    variables: dict[str, Any],
    same_extract: bool,
    at: datetime | None,
    folder: Path | None,
    exit_code: bool,
    markdown: bool,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Show what the rules in this folder would change for the partners.

    dbt builds the changed rules in a data directory of its own. The files are compared
    with what the partners have: rows that are added, removed and changed, and the rows
    of the source that have another decision. Nothing is sent, and nothing of the data
    directory is replaced. Exit code 0, also if something changes.
    """
    if markdown and as_json:
        raise Misuse("expected --markdown or --json, found both")
    start_logging(log_format, quiet)
    selectors(files)  # refuses a wrong name before anything else is done
    environment = Environment.read()
    settings = Settings(
        root=Path.cwd(),
        variables=environment,
        place=DataDirectory.read(environment),
        limits=Limits.read(environment),
        at=at or datetime.now(UTC).replace(microsecond=0),
        due=False,
        dry_run=True,
        accept_first=environment.flag("FEEDS_ACCEPT_FIRST"),
        bar=show_progress(quiet),
    )
    _check_variables(settings.root, variables)
    with work_folder(folder, "preview") as work:
        feeds = preview(settings, files, variables, work, same_extract=same_extract)
        pages = _write_pages(settings, work, feeds) if folder else {}
        code = int(exit_code and any(feed.changed for feed in feeds))
        result = _to_json(settings, feeds, pages, code)
    text = _to_markdown(feeds) if markdown else _to_text(feeds, pages)
    if markdown:
        click.echo(text)
    else:
        report(result, text, as_json)
    sys.exit(code)


def _check_variables(root: Path, variables: Mapping[str, Any]) -> None:
    """Refuse a variable that the project does not have: dbt would ignore it."""
    known = provenance.thresholds(root, None)
    for name in variables:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"perhaps {near[0]}" if near else f"they are {', '.join(known)}"
            raise Misuse(
                f"--vars: expected variables of dbt_project.yml, found {name!r}; {hint}"
            )


def _write_pages(
    settings: Settings, work: Path, feeds: Sequence[FeedPreview]
) -> dict[str, str]:
    """Write the pages of the preview's files below `work`; return them by file."""
    command = [
        *(sys.executable, "-m", "monitor", "report", "--quiet"),
        *("--out", str(work / "report"), "--run", f"{settings.at:%Y%m%dT%H%M%SZ}"),
    ]
    environment = {
        **os.environ,
        "FEEDS_ENVIRONMENT": settings.place.environment,
        "FEEDS_DATA": str(work / "data"),
        "DBT_TARGET_PATH": str(work / "target"),
    }
    done = subprocess.run(  # noqa: S603 (our own words, no shell)
        command, cwd=settings.root, env=environment, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        LOG.warning("no page", because=" ".join(done.stderr.split())[-300:])
    pages = {
        file.file: work / "report" / file.file / f"{file.package.name}.html"
        for feed in feeds
        for file in feed.files
        if file.package
    }
    return {file: str(page) for file, page in pages.items() if page.exists()}


def _to_json(
    settings: Settings,
    feeds: Sequence[FeedPreview],
    pages: Mapping[str, str],
    code: int,
) -> dict[str, Any]:
    return {
        "status": "done",
        "exit_code": code,
        "at": settings.logical_time,
        "environment": settings.place.environment,
        "changed": any(feed.changed for feed in feeds),
        "feeds": [
            {
                "feed": feed.feed,
                "extracts": [
                    {"source": source, "before": before, "now": now}
                    for source, (before, now) in feed.extracts.items()
                ],
                "reasons": None
                if feed.reasons is None
                else [_moved_json(moved) for moved in feed.reasons],
                "files": [
                    {
                        "file": file.file,
                        "destination": file.destination,
                        "status": file.status,
                        "message": file.message,
                        "against": file.against,
                        "changes": file.changes,
                        "held_by": list(file.held_by),
                        "page": pages.get(file.file),
                    }
                    for file in feed.files
                ],
            }
            for feed in feeds
        ],
    }


def _moved_json(moved: Moved) -> dict[str, Any]:
    def decision(pair: tuple[str, str] | None) -> dict[str, str] | None:
        return dict(zip(("output", "reason"), pair, strict=True)) if pair else None

    return {
        "before": decision(moved.before),
        "after": decision(moved.after),
        "rows": moved.rows,
        "examples": list(moved.examples),
    }


def _to_text(feeds: Sequence[FeedPreview], pages: Mapping[str, str]) -> str:
    lines = []
    for feed in feeds:
        for file in feed.files:
            lines.append(f"{file.file}: {_sentence(file)}")
            lines += [f"  {line}" for line in _details(file)]
            if page := pages.get(file.file):
                lines.append(f"  page: {page}")
        lines += [
            f"  {_rows(moved.rows)}: {_arrow(moved)}{_such_as(moved)}"
            for moved in (feed.reasons or ())[:_MOST]
        ]
        lines += [f"  {note}" for note in _notes(feed)]
    return "\n".join(lines) or "No file is declared."


def _to_markdown(feeds: Sequence[FeedPreview]) -> str:
    lines = ["### Preview of the partner files", ""]
    files = [file for feed in feeds for file in feed.files]
    if files:
        lines += [
            "| file | status | rows before | rows after | added | removed | changed |",
            "|---|---|---:|---:|---:|---:|---:|",
            *map(_markdown_row, files),
        ]
    for feed in feeds:
        details = [line for file in feed.files for line in _details(file)]
        lines += ["", f"**{feed.feed}**", ""] if details or feed.reasons else []
        lines += [f"- {_escaped(line)}" for line in details]
        if feed.reasons:
            lines += ["", "| rows | before | after | such as |", "|---:|---|---|---|"]
        for moved in (feed.reasons or ())[:_MOST]:
            cells = _decision(moved.before), _decision(moved.after), _examples(moved)
            row = " | ".join(map(_escaped, cells))
            lines.append(f"| {moved.rows:,} | {row} |")
        if notes := _notes(feed):
            lines += ["", *map(_escaped, notes)]
    return "\n".join(lines)


def _markdown_row(file: FilePreview) -> str:
    names = ("rows_before", "rows_after", "added", "removed", "changed")
    figures = [f"{file.changes[name]:,}" if file.changes else "" for name in names]
    return "| " + " | ".join([_escaped(file.file), file.status, *figures]) + " |"


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is, in one cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", " ".join(text.split()))


def _sentence(file: FilePreview) -> str:
    """Say what becomes of a file, in one sentence."""
    if file.changes is None:
        words = {
            "unchanged": f"{file.destination} has exactly these bytes",
            "skipped": "nothing changes, so there is no file",
        }
        return words.get(file.status, f"{file.status}: {file.message}")
    changes = file.changes
    counts = ", ".join(f"{changes[kind]:,} {kind}" for kind in _KINDS)
    since = (
        f"against {file.against['name']} of {file.against['at']}"
        if file.against
        else "this would be the first file"
    )
    return (
        f"{file.status}, {changes['rows_before']:,} rows become "
        f"{changes['rows_after']:,}: {counts} ({since})"
    )


def _details(file: FilePreview) -> list[str]:
    """Return the checks that would hold the file, and what moved most, by line."""
    lines = [f"held by {check['id']}: {check['says']}" for check in file.held_by]
    if not file.changes:
        return lines
    if columns := file.changes.get("columns"):
        most = sorted(columns.items(), key=lambda each: (-each[1], each[0]))
        shown = ", ".join(f"{name} {count:,}" for name, count in most[:_MOST])
        lines.append(f"changed columns: {shown}")
    for name, measure in file.changes.get("measures", {}).items():
        if measure["moves"] or measure["before"] != measure["after"]:
            moves = "; ".join(
                f"{_key(move['key'])} {_number(move['before'])} to "
                f"{_number(move['after'])}"
                for move in measure["moves"]
            )
            line = f"{name}: sum {_number(measure['before'])} to "
            line += _number(measure["after"])
            lines.append(line + (f"; the biggest moves: {moves}" if moves else ""))
    return lines


def _notes(feed: FeedPreview) -> list[str]:
    notes = []
    if more := (feed.reasons or ())[_MOST:]:
        rows = sum(moved.rows for moved in more)
        notes.append(f"And {rows:,} rows with {len(more)} other pairs of decisions.")
    if feed.reasons is None:
        notes.append("The decisions are not compared: no audit of a delivery is here.")
    for source, (before, now) in feed.other_extracts.items():
        notes.append(
            f"The last delivery was made of the extract {before} of {source}; this "
            f"preview reads {now}. So changes of the source are among these. "
            "`--same-extract` leaves them out."
        )
    return notes


def _rows(number: int) -> str:
    return f"{number:,} {'row' if number == 1 else 'rows'}"


def _arrow(moved: Moved) -> str:
    return f"{_decision(moved.before)} -> {_decision(moved.after)}"


def _decision(decision: tuple[str, str] | None) -> str:
    return " ".join(filter(None, decision)) if decision else "no row"


def _such_as(moved: Moved) -> str:
    return f", such as {_examples(moved)}" if moved.examples else ""


def _examples(moved: Moved) -> str:
    return "; ".join(map(_key, moved.examples))


def _key(key: Mapping[str, Any]) -> str:
    return " ".join(
        f"{name}={value}" for name, value in key.items() if value is not None
    )


def _number(number: float | None) -> str:
    return "unknown" if number is None else f"{number:,}"
