"""The command `trialbook`. Commands import what they need when they are called, so that `--help` answers at once."""

from typing import Annotated

import typer

from trialbook_cli.commands import (
    backfill,
    best,
    compare,
    demo,
    doctor,
    experiments,
    export,
    preview,
    prune,
    record,
    redrive,
    replay,
    report,
    rerank,
    rules,
    show,
    sweeps,
    test_message,
    trials,
    watch,
)
from trialbook_cli.help_format import Group

app = typer.Typer(
    name="trialbook",
    cls=Group,
    help="The lab book of every SageMaker job: experiment tracking without a line of training code.",
    epilog="Exit codes: 0 success, 1 failure, 2 invalid input. Details of a command: trialbook COMMAND --help",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# In the order of `--help`.
for _command in (
    *(experiments, sweeps, trials, best, show, compare),
    *(report, watch),
    *(demo, replay, preview),
    *(backfill, export, rerank, prune, record),
    *(doctor, redrive, test_message, rules),
):
    app.add_typer(_command.app)


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


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
