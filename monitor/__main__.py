"""The command line: `monitor COMMAND`. Only the command that runs is imported."""

from importlib import import_module

import click

from runtime.command import run
from runtime.garbage import no_collection

# name: (module, what it does). The module has the click command `command`.
_COMMANDS = {
    "ack": ("monitor.commands.ack", "Acknowledge a problem: no more reminders."),
    "alert": ("monitor.commands.alert", "Send each new problem once, and its end."),
    "backup": ("monitor.commands.backup", "Copy the data directory while it is used."),
    "drift": ("monitor.commands.drift", "Report unusual figures of the newest files."),
    "health": (
        "monitor.commands.health",
        "Check the feeds: what is wrong, what to do.",
    ),
    "metrics": ("monitor.commands.metrics", "Print figures as OpenMetrics text."),
    "report": ("monitor.commands.report", "Write a page for every package."),
    "why": ("monitor.commands.why", "Explain what happened to a part or an order."),
}


class _Lazy(click.Group):
    """Lists the commands without importing them, so that `why` starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        with no_collection():
            command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 nothing found or a person must act, 2 usage, "
    "configuration or bug, 75 retry later.",
)
def cli() -> None:
    """Check what was extracted, built and delivered."""


def main() -> None:
    """Run the command."""
    run(cli)


if __name__ == "__main__":
    main()
