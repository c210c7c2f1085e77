"""The layout of `--help`: commands by purpose, shared options apart, the example on its own line.

Typer's own layout by Rich needs twice the time that all of `--help` may take.
"""

import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_EXAMPLE = "Example: "


class CommandWithExample(TyperCommand):
    """A command whose docstring ends with an example; options are listed by panel."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parses arguments; suggests the option that an unknown one is likely to mean."""
        with _options_suggested():
            return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """`NAME` if required, `[NAME]` if optional, `NAME...` if repeatable; Typer writes `{NAME}`."""
        given = [each for each in self.get_params(ctx) if each.param_type_name == "argument"]
        names = [f"{each.metavar or each.name}{'...' if each.nargs != 1 else ''}" for each in given]
        shown = [name if each.required else f"[{name}]" for each, name in zip(given, names, strict=True)]
        return [self.options_metavar or "", *shown]

    def format_help_text(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """The text, then the example on one line, so that it can be copied."""
        for paragraph in text_of(self).split("\n\n"):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(" ".join(paragraph.split()))
        if example := example_of(self):
            with formatter.section("Example"):
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")

    def format_options(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Arguments, then options."""
        for title, records in records_of(self, ctx):
            with formatter.section(title):
                formatter.write_dl(records)


class Group(TyperGroup):
    """A group that lists its commands by panel."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """The names in order, without loading the commands."""
        return list(self.commands)

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parses arguments; suggests the option that an unknown one is likely to mean."""
        with _options_suggested():
            return super().parse_args(ctx, args)

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Each command with the first sentence of its text."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if not command.hidden:
                title = getattr(command, "rich_help_panel", None) or "Commands"
                sections.setdefault(title, []).append((name, summary_of(command)))
        width = max(len(name) for rows in sections.values() for name, _ in rows)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in rows])


@contextmanager
def _options_suggested() -> Iterator[None]:
    """Words an unknown option's error as an unknown command's. Typer does not export its class, NoSuchOption."""
    try:
        yield
    except Exception as error:
        if near := getattr(error, "possibilities", None):
            vars(error).update(
                possibilities=None, message=f"{vars(error)['message']}. Did you mean {' or '.join(sorted(near))}?"
            )
        raise


def text_of(command: Any) -> str:
    """The command's description without its example."""
    return inspect.cleandoc(command.help or "").partition(f"\n\n{_EXAMPLE}")[0]


def summary_of(command: Any) -> str:
    """Its first sentence."""
    return " ".join(text_of(command).partition("\n\n")[0].split())


def example_of(command: Any) -> str:
    """A call that can be copied; empty if the docstring has none."""
    return " ".join(inspect.cleandoc(command.help or "").partition(f"\n\n{_EXAMPLE}")[2].split())


def records_of(command: Any, ctx: typer.Context) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    """Name and text of each visible argument and option, by section."""
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for parameter in command.get_params(ctx):
        is_argument = parameter.param_type_name == "argument"
        title = "Arguments" if is_argument else getattr(parameter, "rich_help_panel", None) or "Options"
        if record := parameter.get_help_record(ctx):
            name = str(parameter.metavar or parameter.name) if is_argument else record[0]
            sections.setdefault(title, []).append((name, record[1]))
    return [(title, records) for title, records in sections.items() if records]
