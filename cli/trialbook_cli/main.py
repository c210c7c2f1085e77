"""The command `trialbook`. A command loads what it needs when it is called, so that `--help` answers at once."""

import atexit
import gc
from typing import Annotated, Any

import typer

from trialbook_cli.help_format import Group
from trialbook_cli.lazy_commands import LazyCommands


class Trialbook(Group):
    """All commands, each loaded when it is asked for."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = LazyCommands()


app = typer.Typer(
    name="trialbook",
    cls=Trialbook,
    help="The lab book of every SageMaker job: experiment tracking without a line of training code.",
    epilog="Exit codes: 0 success, 1 failure, 2 invalid input. Details of a command: trialbook COMMAND --help",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"trialbook {version('trialbook')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


_COLLECT_AFTER = 100_000  # new objects; Python's default collects dozens of times while a command's modules load


def main() -> None:
    """The console script."""
    gc.set_threshold(_COLLECT_AFTER)
    atexit.register(gc.freeze)  # or the interpreter searches all modules for garbage once more as it ends
    app()


if __name__ == "__main__":
    main()
