"""The commands that need no account, declared: the demo and replays."""

from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli.frame import AsJson
from trialbook_cli.writing_to import a_folder

Out = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="DIR",
        callback=a_folder,
        help="Folder for the outcome; files of an earlier run are replaced.",
    ),
]
Recording = Annotated[
    Path,
    typer.Argument(metavar="RECORDING", help="A folder with events.jsonl and, as a rule, sagemaker.jsonl."),
]


def demo(out: Out = Path("demo-out")) -> None:
    """Replays two recordings of real training on this machine.

    A loop of five XGBoost trainings over min_child_weight, and a tuning job with sixty. Needs no AWS account.

    Example: trialbook demo
    """
    from trialbook_cli.commands.demo import run

    raise typer.Exit(run(out))


def replay(
    recording: Recording,
    out: Out = Path("replay-out"),
    dynamodb_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A DynamoDB to keep the ledger in, such as DynamoDB Local; else in memory."),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A rules document (YAML) to be in force; else everything has its default."),
    ] = None,
    smtp: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="A mail server that gets the mails too, such as localhost:2525."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Runs a recording through the deployed wiring, without AWS.

    Writes jobs.jsonl, sweeps.jsonl, experiments.json, reports/, slack/, email/ and the ledger itself to the folder
    given by --out, which --book then reads. The clock goes on until all is told; the weekly report is among it for each
    Monday that lies within the recording.

    Example: trialbook replay events/recordings/churn-min-child-weight --out build/churn
    """
    from trialbook_cli.commands.replay import run

    raise typer.Exit(run(recording, out, dynamodb_url, rules, smtp, as_json=as_json))


def preview(
    recording: Recording,
    out: Out = Path("preview-out"),
    slack: Annotated[bool, typer.Option("--slack", help="Only what stands in Slack.")] = False,
    email: Annotated[bool, typer.Option("--email", help="Only the mails.")] = False,
    dark: Annotated[bool, typer.Option("--dark", help="Pictures of a dark screen.")] = False,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A rules document (YAML) to be in force; else everything has its default."),
    ] = None,
) -> None:
    """Shows what people will see in Slack and in their mail, before anything is sent.

    Replays the recording, up to the weekly report after it, and writes to the folder given by --out: slack.html, which
    looks as Slack shows the blocks, each mail's HTML, a picture of each where there is a Chromium, and everything as
    sent in slack/ and email/.

    Example: trialbook preview events/recordings/churn-min-child-weight --out build/preview
    """
    from trialbook_cli.commands.preview import run

    raise typer.Exit(run(recording, out, rules, slack=slack, mail=email, dark=dark))
