"""The command line of publish."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import click

from publish.settings import Redelivery, Settings
from runtime import failpoints
from runtime.clock import Time
from runtime.command import Reason, log_options, report, run, show_progress
from runtime.environment import DataDirectory, Environment, Limits, operator
from runtime.exits import Misuse
from runtime.files import remove_leftovers
from runtime.lock import directory_lock
from runtime.log import LOG, start_logging
from store import copies, feeds, outbox
from store.feeds import artifacts
from store.ledger import Ledger

# name: (module, the click command in it).
_COMMANDS = {
    "adopt": ("publish.adopt.command", "command"),
    "build": ("publish.build", "build"),
    "check": ("publish.check.command", "check"),
    "confirm": ("publish.confirm", "confirm"),
    "feedback": ("publish.feedback", "command"),
    "hold": ("publish.hold", "hold"),
    "release": ("publish.hold", "release"),
    "lint": ("publish.lint", "command"),
    "new": ("publish.new", "command"),
    "preview": ("publish.preview.command", "command"),
    "prune": ("publish.prune.command", "command"),
    "replay": ("publish.replay.command", "command"),
    "resend": ("publish.resend", "resend"),
    "restored": ("publish.restored", "command"),
    "trust": ("publish.trust", "command"),
}


class RunByDefault(click.Group):
    """`publish`, `publish FILE` and `publish --due` mean `publish run ...`.

    Only the command that runs is imported.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*self.commands, *_COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before arguments that name no command."""
        if not args or args[0] not in (
            *self.list_commands(ctx),
            *ctx.help_option_names,
        ):
            args = ["run", *args]
        return super().parse_args(ctx, args)


_STATUS = {0: "done", 1: "refused", 2: "failed", 75: "temporary"}


@click.group(cls=RunByDefault, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Turn marts into partner files: render, judge, pack, deliver, record.

    Without a command, `run`: publish every declared file, or those named.
    """


@cli.command("run")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--at", type=Time(), help="Logical time, UTC.  [default: now]")
@click.option("--due", is_flag=True, help="Only files whose cadence fell due by then.")
@click.option("--dry-run", is_flag=True, help="Do everything except deliver.")
@click.option(
    "--again",
    is_flag=True,
    help="Deliver what the partner has already, or has of a later day.",
)
@click.option(
    "--because", type=Reason(), metavar="TEXT", help="Why again; for the ledger."
)
@log_options
def run_command(
    files: tuple[str, ...],
    at: datetime | None,
    due: bool,
    dry_run: bool,
    again: bool,
    because: str | None,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Publish files; a file that a gate holds is not sent."""
    from publish.due import due as is_due
    from publish.partner_files import PartnerFolders
    from publish.run import publish, refused, worst
    from publish.selection import choose

    start_logging(log_format, quiet)
    settings = _settings(at, dry_run, quiet, due)
    if again or because is not None:
        settings = replace(
            settings, redelivery=_redelivery(settings, files, again, because)
        )
    with _locked(settings) as ledger:
        if not dry_run:
            copies.refuse_copy(settings.place.data)
        built = artifacts.read(settings.root, settings.variables)
        choice = choose(built, files, settings.place.landing, ledger)
        for name, why in choice.left_out.items():
            LOG.info("left out", feed=name, because=why)
        chosen = list(choice.feeds)
        if due:
            chosen = [
                feed
                for feed in chosen
                # A split feed has a due time for each value: `publish.prepare`.
                if feed.split_by or is_due(feed, ledger, settings.at)
            ]
        folders = PartnerFolders(settings, ledger, chosen)
        outcomes = [
            outcome
            for feed in chosen
            for outcome in publish(settings, built, ledger, feed, folders)
            if outcome.summary["status"] != "not due"
        ]
        outcomes += [refused(name, why) for name, why in choice.refused.items()]
    code = worst(outcomes)
    result = {
        "status": _STATUS[code],
        "exit_code": code,
        "at": settings.logical_time,
        "environment": settings.place.environment,
        "dry_run": dry_run,
        "files": [outcome.summary for outcome in outcomes],
        "left_out": [
            {"file": name, "because": why} for name, why in choice.left_out.items()
        ],
    }
    report(result, "\n".join(o.text for o in outcomes) or "Nothing is due.", as_json)
    sys.exit(code)


@cli.command()
@click.argument("digest")
@click.option(
    "--because",
    type=Reason(),
    required=True,
    metavar="TEXT",
    help="Why the file is right.",
)
@click.option(
    "--file", metavar="FILE", help="Which one, if two held files have the same bytes."
)
@log_options
def approve(
    digest: str,
    because: str,
    file: str | None,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Release the held file with this SHA-256: those bytes, once."""
    from publish import approve as approval
    from publish.selection import choose

    start_logging(log_format, quiet)
    settings = _settings(None, False, quiet)
    with _locked(settings) as ledger:
        held = approval.releasable(ledger, settings.place.outbox, digest, because, file)
        built = artifacts.read(settings.root, settings.variables)
        landing = settings.place.landing
        # By the name of an exposure, all of its destinations are chosen.
        chosen = choose(built, [held["feed"]], landing, ledger).feeds
        feed = next(feed for feed in chosen if feed.name == held["feed"])
        approval.still_closed(settings, built, ledger, feed, held)
        record = approval.approve(ledger, held, operator(settings.variables), because)
    report(
        {"status": "done", **record},
        f"{record['name']} released by {record['by']}. It was held by "
        f"{', '.join(record['checks'])}. The next `publish {record['feed']}` "
        "delivers it, if it still makes the same bytes.",
        as_json,
    )


@cli.command()
@click.argument("attempt")
@click.option(
    "--as", "ended", required=True, type=click.Choice(["delivered", "not-delivered"])
)
@click.option(
    "--because", type=Reason(), required=True, metavar="TEXT", help="How you know."
)
@log_options
def settle(
    attempt: str, ended: str, because: str, as_json: bool, log_format: str, quiet: bool
) -> None:
    """Record how an unknown delivery ended, after you asked the partner."""
    from publish.deliver.reconcile import settle_unknown

    start_logging(log_format, quiet)
    settings = _settings(None, False, quiet)
    with _locked(settings) as ledger:
        record = settle_unknown(
            ledger, attempt, ended == "delivered", operator(settings.variables), because
        )
        if record["event"] == "delivered":
            outbox.write_receipt(settings.place.outbox, record)
    text = f"{record['name']}: recorded as {ended} by {record['by']}."
    report({"status": "done", **record}, text, as_json)


@cli.command()
@click.option("--at", type=Time(), help="Logical time, UTC.  [default: now]")
@click.option(
    "--look", is_flag=True, help="Look on the servers for files not picked up."
)
@log_options
def status(
    at: datetime | None, look: bool, as_json: bool, log_format: str, quiet: bool
) -> None:
    """Show what every partner has, what is held, what is due.

    Reads the ledger; with --look also the folders of partners that remove the files
    that they have read.
    """
    from publish import status as file_status

    start_logging(log_format, quiet)
    settings = _settings(at, True, quiet)
    project = feeds.declared(
        artifacts.read_declarations(settings.root, settings.variables)
    )
    if project.errors and not project.feeds:
        raise project.refusal()
    if look:
        with _locked(settings) as ledger:
            file_status.check_pickups(settings, ledger, project.feeds)
    ledger = Ledger(settings.place.ledger)
    states = file_status.status_of(project.feeds, ledger, settings.at)
    for name in project.errors:
        LOG.warning("left out", feed=name, because=project.refusal(name))
    report({"status": "done", "files": states}, file_status.to_text(states), as_json)


def _redelivery(
    settings: Settings, files: Sequence[str], again: bool, because: str | None
) -> Redelivery:
    if not (again and files and (because or "").strip()):
        raise Misuse(
            "expected the files to deliver again, --again and --because with a reason, "
            f"found {', '.join(files) or 'no file'}, {'--again' if again else 'no'} "
            f"and {because!r}"
        )
    return Redelivery(operator(settings.variables), str(because).strip())


@cli.command()
def key() -> None:
    """Print the public key that verifies the signature of packages, as PEM."""
    from publish.package import signature

    private = signature.key(Environment.read(Path.cwd()))
    if private is None:
        raise Misuse(
            "expected a signing key in FEEDS_SIGNING_KEY or FEEDS_SIGNING_KEY_FILE, "
            "found neither set. docs/package.md shows how one is made."
        )
    click.echo(signature.public(private), nl=False)


def _settings(
    at: datetime | None, dry_run: bool, quiet: bool, due: bool = False
) -> Settings:
    variables = Environment.read()
    failpoints.arm(variables)
    return Settings(
        root=Path.cwd(),
        variables=variables,
        place=DataDirectory.read(variables),
        limits=Limits.read(variables),
        at=at or datetime.now(UTC).replace(microsecond=0),
        due=due,
        dry_run=dry_run,
        accept_first=variables.flag("FEEDS_ACCEPT_FIRST"),
        bar=show_progress(quiet),
    )


@contextmanager
def _locked(settings: Settings) -> Iterator[Ledger]:
    wait = settings.variables.number("FEEDS_LOCK_WAIT", 0)
    with directory_lock(settings.place.data, "publish", wait):
        remove_leftovers(settings.place.data)
        yield Ledger(settings.place.ledger)


def main() -> None:
    """Run the command."""
    run(cli)


if __name__ == "__main__":
    main()
