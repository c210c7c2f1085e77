"""The command `trialbook`. Commands load what they need when they are called: `--help` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

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
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table for people.")]


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


Stack = Annotated[str, typer.Option(help="The deployed stack.")]
LedgerTable = Annotated[
    str | None, typer.Option("--table", help="The ledger's table, instead of asking the stack for it.")
]
Profile = Annotated[str | None, typer.Option(help="The AWS profile to use.")]
Region = Annotated[str | None, typer.Option(help="The AWS region, instead of the profile's.")]


@app.command()
def sweeps(
    experiment: Annotated[str | None, typer.Argument(help="Only the sweeps of this experiment.")] = None,
    as_json: AsJson = False,
    stack: Stack = "trialbook",
    table: LedgerTable = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Lists sweeps in order of time, with their counts and best value.

    Example: trialbook sweeps churn-xgb
    """
    from trialbook_cli.commands import query

    raise typer.Exit(
        query.ask(stack, table, profile, region, lambda ledger: query.sweeps(ledger, experiment, as_json=as_json))
    )


@app.command()
def trials(
    name: Annotated[str, typer.Argument(help="A sweep or an experiment.")],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, best first.")] = 20,
    as_json: AsJson = False,
    stack: Stack = "trialbook",
    table: LedgerTable = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Lists the jobs of a sweep or an experiment, best first, with the hyperparameters that vary.

    Example: trialbook trials churn-xgb --limit 5
    """
    from trialbook_cli.commands import query

    raise typer.Exit(
        query.ask(stack, table, profile, region, lambda ledger: query.trials(ledger, name, limit, as_json=as_json))
    )


@app.command()
def best(
    name: Annotated[str, typer.Argument(help="A sweep or an experiment.")],
    as_json: AsJson = False,
    stack: Stack = "trialbook",
    table: LedgerTable = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Tells the best job of a sweep or an experiment: its value, hyperparameters and model.

    Example: trialbook best churn-xgb
    """
    from trialbook_cli.commands import query

    raise typer.Exit(query.ask(stack, table, profile, region, lambda ledger: query.best(ledger, name, as_json=as_json)))


@app.command()
def backfill(
    since: Annotated[str, typer.Option(help="From when on: a date (2026-01-01) or a time back from now (30d, 12h).")],
    stack: Annotated[str, typer.Option(help="The deployed stack whose ledger is filled.")] = "trialbook",
    table: Annotated[str | None, typer.Option(help="The ledger's table, instead of asking the stack for it.")] = None,
    name_contains: Annotated[str, typer.Option(help="Only jobs whose name contains this.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what is missing; change nothing.")] = False,
    profile: Annotated[str | None, typer.Option(help="The AWS profile to use.")] = None,
    region: Annotated[str | None, typer.Option(help="The AWS region, instead of the profile's.")] = None,
) -> None:
    """Records the jobs that ran before Trialbook was deployed, with your credentials, from this machine.

    Closed sweeps are marked as history: nothing is announced or posted for them. Can be interrupted: called again with
    the same --since and --name-contains, it goes on where it stopped.

    Example: trialbook backfill --since 2026-01-01 --name-contains churn --dry-run
    """
    from trialbook_cli.commands.backfill import run

    raise typer.Exit(run(since, stack, table, name_contains, profile, region, dry_run=dry_run))


@app.command()
def rerank(
    experiment: Annotated[str, typer.Argument(help="The experiment whose jobs are ranked anew.")],
    stack: Annotated[str, typer.Option(help="The deployed stack.")] = "trialbook",
    table: Annotated[str | None, typer.Option(help="The ledger's table, instead of asking the stack for it.")] = None,
    rules: Annotated[Path | None, typer.Option(help="A rules document, instead of the deployed one.")] = None,
    profile: Annotated[str | None, typer.Option(help="The AWS profile to use.")] = None,
    region: Annotated[str | None, typer.Option(help="The AWS region, instead of the profile's.")] = None,
) -> None:
    """Ranks an experiment's jobs anew, after its objective was changed in the rules document.

    Can be interrupted and repeated: jobs that are ranked right are left alone. Closed sweeps whose ranking changes are
    told as revised.

    Example: trialbook rerank churn-xgb
    """
    from trialbook_cli.commands.rerank import run

    raise typer.Exit(run(experiment, stack, table, rules, profile, region))


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
