"""Options that several commands share, and completion of names. Light: `--help` loads this module."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialbook_cli.output_paths import output_folder

if TYPE_CHECKING:
    from trialbook_book.book import Book


@dataclass(frozen=True, slots=True)
class Source:
    """The book that a command asks."""

    stack: str = "trialbook"
    table: str | None = None
    book: Path | None = None
    profile: str | None = None
    region: str | None = None

    def open(self) -> "Book":
        """The book. Raises InvalidInput if there is none."""
        return self._opened(fresh=False)

    def open_to_write(self) -> "Book":
        """The book of the stack as it is now, so that nothing is written to the table of a deleted stack."""
        return self._opened(fresh=True)

    def _opened(self, *, fresh: bool) -> "Book":
        from trialbook_book.book import Book

        return Book.open(
            stack=self.stack, table=self.table, folder=self.book, profile=self.profile, region=self.region, fresh=fresh
        )


def source_of(context: typer.Context) -> Source:
    """The source that the command's class made of its shared options."""
    assert isinstance(context.obj, Source), f"{context.command_path} is of a class without shared options"
    return context.obj


# -- which book ---------------------------------------------------------------------------------------------------

_BOOK, _STACK, _ACCOUNT = "Which book", "Which stack", "Which account"


def _stack(panel: str) -> Any:
    return typer.Option(
        metavar="STACK", help="Name of the deployed stack.", envvar="TRIALBOOK_STACK", rich_help_panel=panel
    )


def _profile(panel: str) -> Any:
    return typer.Option(metavar="PROFILE", help="AWS profile.", rich_help_panel=panel)


def _region(panel: str) -> Any:
    return typer.Option(metavar="REGION", help="AWS region; overrides the profile's.", rich_help_panel=panel)


def any_book(
    stack: Annotated[str, _stack(_BOOK)] = "trialbook",
    table: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE", help="Name of the ledger's table; the stack is not asked.", rich_help_panel=_BOOK
        ),
    ] = None,
    book: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder written by demo, replay, export or backfill --book; needs no AWS account.",
            envvar="TRIALBOOK_BOOK",
            rich_help_panel=_BOOK,
        ),
    ] = None,
    profile: Annotated[str | None, _profile(_BOOK)] = None,
    region: Annotated[str | None, _region(_BOOK)] = None,
) -> Source:
    """A deployed book or one in a folder."""
    return Source(stack, table, book, profile, region)


def deployed_stack(
    stack: Annotated[str, _stack(_STACK)] = "trialbook",
    profile: Annotated[str | None, _profile(_STACK)] = None,
    region: Annotated[str | None, _region(_STACK)] = None,
) -> Source:
    """A deployed stack."""
    return Source(stack=stack, profile=profile, region=region)


def aws_account(
    profile: Annotated[str | None, _profile(_ACCOUNT)] = None,
    region: Annotated[str | None, _region(_ACCOUNT)] = None,
) -> Source:
    """An AWS account, with or without a stack."""
    return Source(profile=profile, region=region)


# -- completion ---------------------------------------------------------------------------------------------------

_MOST = 20  # names that a shell is offered


def complete_experiments(context: typer.Context, incomplete: str) -> Sequence[str]:
    """Experiments that begin so: one Query."""
    return _completed(context, lambda book: _experiments(book, incomplete))


def complete_names(context: typer.Context, incomplete: str) -> Sequence[str]:
    """Experiments and sweeps that begin so; scans nothing."""
    return _completed(context, lambda book: _experiments_and_sweeps(book, incomplete))


def complete_anything(context: typer.Context, incomplete: str) -> Sequence[str]:
    """Experiments, sweeps and jobs that begin so; scans nothing."""
    return _completed(context, lambda book: [*_experiments_and_sweeps(book, incomplete), *_jobs(book, incomplete)])


def _experiments(book: "Book", incomplete: str) -> list[str]:
    return [each.name for each in book.ledger.experiments_like(incomplete)]


def _experiments_and_sweeps(book: "Book", incomplete: str) -> list[str]:
    return [*_experiments(book, incomplete), *book.ledger.sweeps_like(incomplete)]


def _jobs(book: "Book", incomplete: str) -> list[str]:
    from trialbook_book.names import jobs_like

    return [each.job.name for each in jobs_like(book, incomplete, _MOST)]


def _completed(context: typer.Context, names: "Callable[[Book], Iterable[str]]") -> list[str]:
    """Names for the shell; none if there is no book: a shell has no place for errors."""
    try:
        chosen = {each.name: context.params.get(each.name) or _default(each) for each in shared_parameters(any_book)}
        folder = chosen.pop("book")
        return list(dict.fromkeys(names(Source(book=Path(folder) if folder else None, **chosen).open())))
    except Exception:  # noqa: BLE001 whatever it is, the command itself will report it
        return []


def _default(parameter: Any) -> Any:
    """The value that the command itself would take: Typer reads no variables while a shell completes."""
    return os.environ.get(parameter.envvar or "") or parameter.default


# -- options and arguments ----------------------------------------------------------------------------------------

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Limit = Annotated[int, typer.Option(metavar="COUNT", min=1, max=10_000, help="Maximum number of rows.")]
After = Annotated[
    int, typer.Option(metavar="COUNT", min=0, max=1_000_000, help="Number of rows to skip: those of earlier pages.")
]
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A sweep or experiment, or an unambiguous prefix.", autocompletion=complete_names
    ),
]
SweepName = Annotated[
    str,
    typer.Argument(
        metavar="SWEEP",
        help="A sweep or an unambiguous prefix; of an experiment, its latest sweep.",
        autocompletion=complete_names,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="DIR",
        callback=output_folder,
        help="Output folder; files of an earlier run are replaced.",
    ),
]
Recording = Annotated[
    Path,
    typer.Argument(metavar="RECORDING", help="A folder with events.jsonl and, if there is one, sagemaker.jsonl."),
]
RulesFile = Annotated[Path, typer.Argument(metavar="FILE", help="The rules document, a YAML file.")]
RulesInForce = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Rules document (YAML) to apply; without it, all defaults apply."),
]
SlackUrl = Annotated[str | None, typer.Option(help="Another address of Slack's API, for tests.", hidden=True)]


def shared_parameters(source: Callable[..., Source]) -> Sequence[Any]:
    """The options that make a Source, as Typer declares them."""
    found: Sequence[Any] = declared_options(source).params
    return found


@cache
def declared_options(source: Callable[..., Source]) -> Any:
    """The command that Typer makes of a function whose parameters are the options of a Source."""
    app = typer.Typer(add_completion=False)
    app.command()(source)
    return typer.main.get_command(app)
