"""The command `trialbook`. Commands load what they need when they are called: `--help` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli import declared_asking as asking
from trialbook_cli import declared_keeping as keeping
from trialbook_cli.frame import AsJson

app = typer.Typer(
    name="trialbook",
    help="The lab book of every SageMaker job: experiment tracking without a line of training code.",
    epilog="Exit codes: 0 done, 1 failed, 2 the input can't be used.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", help="Folder for the outcome; files of an earlier run are replaced.")]


@app.command()
def replay(
    recording: Annotated[Path, typer.Argument(help="Folder with events.jsonl and, as a rule, sagemaker.jsonl.")],
    out: Out = Path("replay-out"),
    dynamodb_url: Annotated[
        str | None, typer.Option(help="A DynamoDB to keep the ledger in, such as DynamoDB Local; in memory otherwise.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="A rules document (YAML) to be in force; everything has its default otherwise.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Runs a recording through the deployed wiring on this machine, without AWS.

    Writes jobs.jsonl, sweeps.jsonl, experiments.json and reports/ to the folder given by --out.

    Example: trialbook replay events/recordings/churn-min-child-weight --out build/churn
    """
    from trialbook_cli.commands.replay import run

    raise typer.Exit(run(recording, out, dynamodb_url, rules, as_json=as_json))


@app.command()
def demo(out: Out = Path("demo-out")) -> None:
    """Replays two recordings of real training and shows their trials, best first.

    A loop of five XGBoost trainings over min_child_weight, and a tuning job with sixty.
    """
    from trialbook_cli.commands.demo import run

    raise typer.Exit(run(out))


for declared in (asking.experiments, asking.sweeps, asking.trials, asking.best, asking.show, asking.compare):
    app.command()(declared)
for declared in (asking.report, asking.watch, keeping.export, keeping.backfill, keeping.rerank):
    app.command()(declared)
for declared in (keeping.record, keeping.doctor, keeping.prune):
    app.command()(declared)
app.add_typer(keeping.rules, name="rules")


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
