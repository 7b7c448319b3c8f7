"""A group of commands one of which runs when none is named: `reproduce RESULT` besides `reproduce show`."""

from typing import Any

from typer.core import TyperGroup

DEFAULT = "run"


class RunByDefault(TyperGroup):
    """What does not begin with the name of one of its commands is meant for the command `run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name in front where none is named."""
        named = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if named else [DEFAULT, *args])
