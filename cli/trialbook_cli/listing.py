"""Listings: tables for people, and where the next page begins."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from trialbook_cli.terminal import errors

Cell = str | Text
# No edges: the first column begins where other lines do, and no line is empty.
LOOK: dict[str, Any] = {"header_style": "bold", "box": SIMPLE_HEAD, "show_edge": False, "pad_edge": False, "padding": 0}


def table_of(headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, right: Sequence[str] = ()) -> Table:
    """A table; columns named in `right` hold numbers. Long texts fold, nothing is cut away."""
    table = Table(**LOOK)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def told_more(cursor: str | None, left: int = 0) -> None:
    """Where there is more: how to see it; on stderr, where it disturbs no program."""
    if cursor is not None:
        errors.print(Text.assemble(("more: ", "dim"), f"--after {cursor}"), soft_wrap=True)
    elif left:
        errors.print(Text.assemble(("more: ", "dim"), f"{left:,} jobs; --limit shows as many as it says"))
