"""Listings: tables for people, JSON lines' values for programs, and where the next page begins."""

import json
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from trialbook_cli.terminal import console, errors, safe

Cell = str | Text


def table_of(headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, right: Sequence[str] = ()) -> Table:
    """A table; columns named in `right` hold numbers. Long texts fold, nothing is cut away."""
    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=0)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def print_json(value: Any) -> None:
    """JSON on one line, which no terminal's width breaks."""
    print(json.dumps(value, ensure_ascii=True, allow_nan=False))  # noqa: T201 not for people


def told_more(cursor: str | None) -> None:
    """Where there is more: how to see it; on stderr, where it disturbs no program."""
    if cursor is not None:
        errors.print(Text.assemble(("more: ", "dim"), f"--after {cursor}"), soft_wrap=True)


def facts(pairs: Sequence[tuple[str, str | None]]) -> None:
    """Names and values, one a line; what is not known is left out."""
    width = max((len(name) for name, value in pairs if value is not None), default=0)
    for name, value in pairs:
        if value is not None:
            console.print(Text(f"{name:<{width}}  ", "dim").append(safe(value, 2000)), soft_wrap=True)
