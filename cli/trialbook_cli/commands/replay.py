"""`trialbook replay`."""

from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli.command_classes import LaptopCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.options import AsJson, Out, Recording, RulesInForce
from trialbook_cli.panels import TRY

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=LaptopCommand, rich_help_panel=TRY)
def replay(
    recording: Recording,
    out: Out = Path("replay-out"),
    dynamodb_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A DynamoDB for the ledger, such as DynamoDB Local; in memory by default."),
    ] = None,
    rules: RulesInForce = None,
    smtp: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Also send the emails to this mail server, such as localhost:2525."),
    ] = None,
    mlflow: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Also write runs to this MLflow server, such as http://localhost:5000."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Runs a recording through the deployed functions, without AWS.

    Writes jobs.jsonl, sweeps.jsonl, experiments.json, reports/, slack/, email/ and the ledger to the folder given by
    --out, which --book reads. Time continues until all messages are sent; each Monday within the recording has its
    weekly report. For --mlflow, tokens, passwords and certificates are read as by `trialbook mlflow push`.

    Example: trialbook replay events/recordings/churn-min-child-weight --out build/churn
    """
    from trialbook.core.errors import InvalidInput
    from trialbook_cli.mlflow_replay import MlflowRefuses
    from trialbook_cli.plain_output import print_json
    from trialbook_cli.recordings import recording_in
    from trialbook_cli.replay_summary import replay_with_progress, show_replay
    from trialbook_cli.replaying import write_outcome
    from trialbook_cli.rich_output import fail
    from trialbook_cli.rules_files import read_rules_text
    from trialbook_cli.sagemaker_stand_in.recording import UnreadableAnswer
    from trialbook_cli.smtp import send_on

    document = None if rules is None else read_rules_text(rules)
    try:
        outcome = replay_with_progress(recording_in(recording), dynamodb_url, document, mlflow)
    except UnreadableAnswer as error:
        return fail(f"{recording / 'sagemaker.jsonl'}:{error.line}: {error.problem}")
    except MlflowRefuses as error:
        return fail(f"{error}. Nothing was replayed.", FAILED)
    write_outcome(outcome, out)
    if smtp is not None:
        try:
            send_on(smtp, outcome.mails)
        except InvalidInput as error:
            return fail(str(error), FAILED)
    if as_json:
        print_json({"jobs": outcome.job_lines(), "sweeps": outcome.sweep_lines(), "out": str(out)})
    else:
        show_replay(recording.resolve().name, outcome, out)
    return OK
