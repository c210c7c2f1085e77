"""The command `trialbook`. Commands load what they need when they are called: `--help` answers at once."""

from typing import Annotated

import typer

from trialbook_cli import declared_asking as asking
from trialbook_cli import declared_keeping as keeping
from trialbook_cli import declared_trying as trying
from trialbook_cli.helping import Command, Group

app = typer.Typer(
    name="trialbook",
    cls=Group,
    help="The lab book of every SageMaker job: experiment tracking without a line of training code.",
    epilog="Exit codes: 0 done, 1 failed, 2 the input can't be used. 'trialbook COMMAND --help' says more.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for title, commands in {
    "Ask the book": (asking.experiments, asking.sweeps, asking.trials, asking.best, asking.show, asking.compare),
    "See a sweep": (asking.report, asking.watch),
    "Try it without AWS": (trying.demo, trying.replay, trying.preview),
    "Fill and keep the book": (keeping.backfill, keeping.export, keeping.rerank, keeping.prune, keeping.record),
    "Look after a deployment": (keeping.doctor, keeping.redrive),
}.items():
    for command in commands:
        app.command(cls=Command, rich_help_panel=title)(command)
app.command("test-message", cls=Command, rich_help_panel="Look after a deployment")(keeping.try_channel)
app.add_typer(keeping.rules, name="rules", rich_help_panel="Look after a deployment")


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
    """What holds for every command."""


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
