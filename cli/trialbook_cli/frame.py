"""What commands that ask the book share: the options that say which book, cursors, JSON. Light: `--help` loads it."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from trialbook.book import Book

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table for people.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many on a page.")]
After = Annotated[str | None, typer.Option(help="The cursor that the page before ended with, to go on from there.")]


@dataclass(frozen=True, slots=True)
class Source:
    """Which book is asked."""

    stack: str = "trialbook"
    table: str | None = None
    book: Path | None = None
    profile: str | None = None
    region: str | None = None

    def open(self) -> "Book":
        """The book. Raises InvalidInput where it is not there."""
        from trialbook.book import Book

        return Book.open(self.stack, table=self.table, folder=self.book, profile=self.profile, region=self.region)


def _option(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


_WHICH = "Which book"
_SOURCE = (
    _option(
        "stack",
        Annotated[str, typer.Option(envvar="TRIALBOOK_STACK", help="The deployed stack.", rich_help_panel=_WHICH)],
        "trialbook",
    ),
    _option(
        "table",
        Annotated[
            str | None,
            typer.Option(help="The ledger's table, instead of asking the stack for it.", rich_help_panel=_WHICH),
        ],
        None,
    ),
    _option(
        "book",
        Annotated[
            Path | None,
            typer.Option(
                envvar="TRIALBOOK_BOOK",
                help="A folder that replay, export or backfill --book left, instead of AWS.",
                rich_help_panel=_WHICH,
            ),
        ],
        None,
    ),
    _option("profile", Annotated[str | None, typer.Option(help="The AWS profile.", rich_help_panel=_WHICH)], None),
    _option(
        "region",
        Annotated[str | None, typer.Option(help="The AWS region, instead of the profile's.", rich_help_panel=_WHICH)],
        None,
    ),
)


def asks(command: Callable[..., int]) -> Callable[..., None]:
    """A command of the book: gets the options that say which one, and hands them on as its `source`; its number is the
    exit code."""

    @wraps(command)
    def run(**given: Any) -> None:
        source = Source(**{name: given.pop(name) for name in Source.__slots__})
        raise typer.Exit(_guarded(lambda: command(source=source, **given)))

    own = [each for name, each in inspect.signature(command).parameters.items() if name != "source"]
    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    run.__signature__ = inspect.Signature([*keyword, *_SOURCE])  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return run


def _guarded(question: Callable[[], int]) -> int:
    """The exit code; what went wrong is said in a line that says what to do."""
    from trialbook_cli.problems import guarded

    return guarded(question)


def complete_names(context: typer.Context, incomplete: str) -> Sequence[str]:
    """Experiments and sweeps that begin so, one or two Queries; nothing where there is no book to ask."""
    try:
        source = Source(**{name: context.params.get(name) or default for name, default in _defaults()})
        ledger = source.open().ledger
        return [*(each.name for each in ledger.experiments_like(incomplete)), *ledger.sweeps_like(incomplete)]
    except Exception:  # noqa: BLE001 a shell that completes has no place for errors
        return []


def _defaults() -> list[tuple[str, Any]]:
    return [(each.name, each.default) for each in _SOURCE]
