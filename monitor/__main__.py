"""The command line: `monitor COMMAND`. A command is loaded when it is asked for."""

from importlib import import_module

import click

from runtime.command import run

# name: (module, what it does). The module has the click command `command`.
_COMMANDS = {
    "ack": ("monitor.commands.ack", "Take a problem over: no more reminders."),
    "alert": ("monitor.commands.alert", "Tell each open problem once, and its end."),
    "drift": ("monitor.commands.drift", "Say what does not look as it used to."),
    "health": ("monitor.commands.health", "Say whether the feeds are well."),
    "report": ("monitor.commands.report", "Write the page people look at."),
    "why": ("monitor.commands.why", "Tell what became of a part or an order, and why."),
}


class _Lazy(click.Group):
    """Lists the commands without importing them: `why` does not wait for a plot."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in _COMMANDS.items()])


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 nothing found or a person must act, 2 usage, "
    "configuration or bug, 75 retry later.",
)
def cli() -> None:
    """Look at what was landed, built and delivered."""


def main() -> None:
    """Run the command."""
    run(cli)


if __name__ == "__main__":
    main()
