"""The form of `--help`: Typer's commands, with pages in one voice that fit the terminal.

Owns how a page looks, in every version of Typer alike, and that arguments are refused in our words. Knows no command.
"""

from __future__ import annotations

from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

from runner.cli.usage import UsageError, in_our_words, is_usage_error, nearest, shown

HELP: Final = ("-h, --help", "print this help and exit")
SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""For the application; its commands inherit them. Longer lines than these are hard to read."""


class Command(TyperCommand):
    """One command."""

    allow_extra_args = True  # parse_args refuses them, in our words

    @property
    def usage(self) -> str:
        """Its name and what must or may follow."""
        return " ".join([str(self.name), *(_placed(param) for param in _arguments(self))])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Understand the arguments; raises UsageError."""
        try:
            rest = super().parse_args(ctx, args)
        except Exception as error:
            if is_usage_error(error):
                raise in_our_words(error, ctx) from None
            raise
        if rest:
            hint = f"`{ctx.command_path} --help` says what it takes"
            raise UsageError(f"`{ctx.command_path}` does not take {rest[0]!r} as well", hint=hint)
        return rest

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the usage line."""
        formatter.write_usage(ctx.parent.command_path, f"{self.usage} [OPTIONS]")

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Typer's signature
        """Write its paragraphs."""
        _write_paragraphs(formatter, self.help)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Typer's signature
        """Write its arguments and options."""
        arguments = [(shown(param), str(getattr(param, "help", ""))) for param in _arguments(self)]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        with formatter.section("Options"):
            formatter.write_dl([*_options(self), HELP])


class Application(TyperGroup):
    """The application: its commands stand in groups, each below the title that it was registered with."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Understand what stands before the command; raises UsageError."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if is_usage_error(error):
                raise in_our_words(error, ctx) from None
            raise

    def get_help_option(self, ctx: Any) -> Any:
        """Its `--help`, which is False where nobody asked: of None, Typer asks pydantic, and `run --help` waits."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; raises UsageError, with the nearest one."""
        if args[0] not in self.commands:
            hint = nearest(args[0], self.commands) or f"`{ctx.command_path} --help` lists the commands"
            raise UsageError(f"`{ctx.command_path}` has no command {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the usage line."""
        formatter.write_usage(ctx.command_path, "COMMAND [OPTIONS]")

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Typer's signature
        """Write what it is."""
        _write_paragraphs(formatter, self.help)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the groups of commands, then the options, all aligned."""
        self.format_commands(ctx, formatter)
        with formatter.section("Options"):
            formatter.write_dl(self._aligned([*_options(self), HELP]))

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Typer's signature
        """Write the groups of commands, in the order of their registration; no summary is cut."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for command in self._ours():
            groups.setdefault(str(command.rich_help_panel), []).append((command.usage, str(command.short_help)))
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl(self._aligned(rows))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Typer's signature
        """Write where there is more."""
        _write_paragraphs(formatter, self.epilog)

    def _ours(self) -> list[Command]:
        return [command for command in self.commands.values() if isinstance(command, Command)]

    def _aligned(self, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Rows whose first columns are as wide as the widest of all sections."""
        width = max(len(command.usage) for command in self._ours())
        return [(name.ljust(width), text) for name, text in rows]


def _arguments(command: TyperCommand) -> list[Any]:
    return [param for param in command.params if param.param_type_name == "argument"]


def _placed(param: Any) -> str:
    name = f"{shown(param)}..." if param.nargs == -1 else shown(param)
    return name if param.required else f"[{name}]"


def _options(command: TyperCommand | TyperGroup) -> list[tuple[str, str]]:
    options: list[Any] = [param for param in command.params if param.param_type_name == "option"]
    return [
        (shown(param) if param.is_flag else f"{shown(param)} {param.metavar}", str(param.help)) for param in options
    ]


def _write_paragraphs(formatter: Any, text: str | None) -> None:
    for paragraph in (text or "").strip().split("\n\n"):
        formatter.write_paragraph()
        formatter.write_text(" ".join(paragraph.split()))
