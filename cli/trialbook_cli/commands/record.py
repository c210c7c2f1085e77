"""`trialbook record`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trialbook_cli.command_classes import AccountCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.options import source_of
from trialbook_cli.output_paths import output_folder
from trialbook_cli.panels import MAINTAIN

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=AccountCommand, rich_help_panel=MAINTAIN)
def record(
    context: typer.Context,
    since: Annotated[str, typer.Option(metavar="WHEN", help="Start: a date (2026-01-01) or an age (7d, 12h).")],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", callback=output_folder, help="Output folder for the recording."),
    ],
    name_contains: Annotated[str, typer.Option(metavar="TEXT", help="Only jobs whose name contains this text.")] = "",
    mask: Annotated[
        bool, typer.Option("--mask", help="Replace the account number, environment variables and secrets.")
    ] = False,
) -> int:
    """Writes jobs of your account as a recording.

    replay, rules test and bug reports use recordings. The command only reads the account. It derives the events from
    SageMaker's answers, because EventBridge keeps none. metrics.jsonl has the curves of the training jobs and, of those
    that failed, the end of the log, as far as AWS keeps them. Secrets in logs are always masked.

    Example: trialbook record --since 7d --name-contains churn --mask --out recording
    """
    from trialbook.core.analysis.wording import plural
    from trialbook.core.kinds import LISTED
    from trialbook.core.masking import MASKED_ACCOUNT, masked
    from trialbook.core.times import iso
    from trialbook.runtime import clock
    from trialbook.runtime.observability import quiet
    from trialbook_book.book import session_of
    from trialbook_cli.account_recording import answers_of, events_of, measured_of, write_lines
    from trialbook_cli.backfilling import parse_since
    from trialbook_cli.rich_output import console, fail, safe
    from trialbook_cli.sagemaker_stand_in import Account

    source, now = source_of(context), clock.now()
    begin = parse_since(since, now)
    session = session_of(source.profile, source.region)
    sts: Any = session.create_client("sts")
    account = Account(str(sts.get_caller_identity()["Account"]), str(session.get_config_variable("region")))
    with quiet():
        answers = answers_of(session, account, begin, now, name_contains)
        if not answers:
            named = f" with {name_contains!a} in its name" if name_contains else ""
            return fail(f"No job{named} has changed since {iso(begin)}.", FAILED)
        measured = list(measured_of(session, answers, account))
        if mask:
            measured = [masked(line, account.id) for line in measured]
            answers = [masked(answer, account.id) for answer in answers]
            account = Account(MASKED_ACCOUNT, account.region)
        events = list(events_of(answers, account, now))
    out.mkdir(parents=True, exist_ok=True)
    write_lines(out / "sagemaker.jsonl", answers)
    write_lines(out / "events.jsonl", events)
    if measured:
        write_lines(out / "metrics.jsonl", measured)
    described = {kind.facts.describe for kind in LISTED}
    jobs = sum(answer["operation"] in described for answer in answers)
    console.print(
        safe(f"{plural(jobs, 'job')} and {plural(len(events), 'event')} written to {out}", 2000), soft_wrap=True
    )
    if not mask:
        console.print("Account number and texts are unmasked; --mask replaces them.", style="dim")
    return OK
