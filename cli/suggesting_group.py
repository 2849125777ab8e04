"""A group of commands that suggests what was meant."""

from __future__ import annotations

from typing import Any

import click


class SuggestingGroup(click.Group):
    """A group that suggests what was meant by a command or an option that does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; suggest others for an unknown one."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            from cli.usage_errors import suggest_commands  # noqa: PLC0415  (only for an error)

            suggestion = suggest_commands(error.command_name, args[1:], self, ctx)
            raise click.UsageError(f"No such command {error.command_name!r}. {suggestion}".rstrip(), ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; suggest others for an unknown option."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if error.ctx is None:
                raise
            from cli.usage_errors import suggest_options  # noqa: PLC0415  (only for an error)

            suggestion = suggest_options(error.option_name, error.ctx)
            raise click.UsageError(f"No such option {error.option_name!r}. {suggestion}".rstrip(), error.ctx) from None
