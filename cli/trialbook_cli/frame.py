"""What commands that ask the book share: the options that say which book, cursors, JSON. Light: `--help` loads it."""

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

if TYPE_CHECKING:
    from trialbook_book.book import Book
    from trialbook_book.paged import PagedLedger

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table for people.")]
Limit = Annotated[int, typer.Option(metavar="COUNT", min=1, max=10_000, help="How many on a page.")]
After = Annotated[
    str | None, typer.Option(metavar="CURSOR", help="The cursor that the page before ended with, to go on from there.")
]


_BOOK, _STACK, _ACCOUNT = "Which book", "Which stack", "Which account"


@dataclass(frozen=True, slots=True)
class Source:
    """Which book is asked."""

    stack: str = "trialbook"
    table: str | None = None
    book: Path | None = None
    profile: str | None = None
    region: str | None = None

    def open(self) -> "Book":
        """The book. Raises InvalidInput if it is not there."""
        return self._opened(fresh=False)

    def open_to_write(self) -> "Book":
        """The book of the stack as it is now: nothing is written to the table of a stack that is gone."""
        return self._opened(fresh=True)

    def _opened(self, *, fresh: bool) -> "Book":
        from trialbook_book.book import Book

        return Book.open(
            self.stack, table=self.table, folder=self.book, profile=self.profile, region=self.region, fresh=fresh
        )


def _which(
    name: str, kind: Any, default: str | None, metavar: str, text: str, envvar: str | None = None, title: str = _BOOK
) -> inspect.Parameter:
    option = typer.Option(metavar=metavar, help=text, envvar=envvar, rich_help_panel=title)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


_TEXT = str | None


def _account(title: str) -> tuple[inspect.Parameter, ...]:
    return (
        _which("profile", _TEXT, None, "PROFILE", "The AWS profile.", title=title),
        _which("region", _TEXT, None, "REGION", "The AWS region, instead of the profile's.", title=title),
    )


def _stack(title: str) -> inspect.Parameter:
    return _which("stack", str, "trialbook", "STACK", "The deployed stack.", "TRIALBOOK_STACK", title)


_A_FOLDER = "A folder that replay, export or backfill --book left, instead of AWS."
_ANY_BOOK = (
    _stack(_BOOK),
    _which("table", _TEXT, None, "TABLE", "The ledger's table, instead of asking the stack for it."),
    _which("book", Path | None, None, "DIR", _A_FOLDER, "TRIALBOOK_BOOK"),
    *_account(_BOOK),
)


def asks(command: Callable[..., int]) -> Callable[..., None]:
    """A command of the book: gets the options that say which one, and hands them on as its `source`; its number is the
    exit code."""
    return _with(_ANY_BOOK, command)


def asks_stack(command: Callable[..., int]) -> Callable[..., None]:
    """The same for a command that needs a deployment."""
    return _with((_stack(_STACK), *_account(_STACK)), command)


def asks_account(command: Callable[..., int]) -> Callable[..., None]:
    """The same for a command that needs an account, but nothing of ours in it."""
    return _with(_account(_ACCOUNT), command)


def _with(options: Sequence[inspect.Parameter], command: Callable[..., int]) -> Callable[..., None]:
    @wraps(command)
    def run(**given: Any) -> None:
        source = Source(**{option.name: given.pop(option.name) for option in options})
        raise typer.Exit(guarded(lambda: command(source=source, **given), source.book))

    own = [each for name, each in inspect.signature(command).parameters.items() if name != "source"]
    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    run.__signature__ = inspect.Signature([*keyword, *options])  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return run


def guarded(question: Callable[[], int], book: Path | None = None) -> int:
    """The question's exit code; what went wrong is said in a line that says what to do. What no one expected may come
    of a folder that somebody edited: then its damaged line is told."""
    try:
        return question()
    except Exception as error:
        from trialbook_cli.problems import damage_in, told

        if (code := told(error)) is None and (code := damage_in(book)) is None:
            raise
        return code


def complete_experiments(context: typer.Context, incomplete: str) -> Sequence[str]:
    """Experiments that begin so: one Query."""
    return _completed(context, lambda ledger: [each.name for each in ledger.experiments_like(incomplete)])


def complete_names(context: typer.Context, incomplete: str) -> Sequence[str]:
    """Experiments and sweeps that begin so: nothing is scanned for them."""

    def names(ledger: "PagedLedger") -> list[str]:
        return [*(each.name for each in ledger.experiments_like(incomplete)), *ledger.sweeps_like(incomplete)]

    return _completed(context, names)


def _completed(context: typer.Context, names: "Callable[[PagedLedger], list[str]]") -> list[str]:
    """What a shell is told; nothing where there is no book to ask: it has no place for errors."""
    try:
        chosen = {each.name: context.params.get(each.name) or _from_environment(each) for each in _ANY_BOOK}
        return names(Source(**chosen).open().ledger)
    except Exception:  # noqa: BLE001 whatever it was, the command itself will tell
        return []


def _from_environment(option: inspect.Parameter) -> Any:
    """What the command itself would take: Typer reads no variables while a shell completes."""
    variable = get_args(option.annotation)[1].envvar
    return os.environ.get(variable or "") or option.default
