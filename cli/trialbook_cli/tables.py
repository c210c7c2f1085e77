"""Listings: tables for people, and how to see more."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from trialbook_cli.rich_output import errors

Cell = str | Text
# No edges: the first column begins where other lines begin, and no line is empty.
STYLE: dict[str, Any] = {
    "header_style": "bold",
    "box": SIMPLE_HEAD,
    "show_edge": False,
    "pad_edge": False,
    "padding": 0,
}


def table_of(headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, right: Sequence[str] = ()) -> Table:
    """A table; columns named in `right` hold numbers. Long texts fold; nothing is cut."""
    table = Table(**STYLE)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def say_how_to_see_more(left: int | None, after: int) -> None:
    """Prints how to see the rest, on stderr, so that programs read stdout undisturbed. `left` is None if nobody counted
    it."""
    if left != 0:
        count = "more" if left is None else f"{left:,} more"
        errors.print(Text.assemble((f"{count}: ", "dim"), f"--after {after}"), soft_wrap=True)


def minute(time: str | None) -> str:
    """A time to the minute."""
    return "unknown" if time is None else time[:16].replace("T", " ")
