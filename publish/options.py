"""What the command line of publish needs beyond click."""

import click


class RunByDefault(click.Group):
    """`publish`, `publish FILE` and `publish --due` mean `publish run ...`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before words that name no command."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)
