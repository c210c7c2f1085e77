"""`trialbook mlflow`."""

from typing import Annotated, Any

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.help_format import Group
from trialbook_cli.options import source_of
from trialbook_cli.panels import MAINTAIN


class MlflowGroup(Group):
    """The group in its panel of `trialbook --help`, which Typer sets for commands alone."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "rich_help_panel": MAINTAIN})


app = typer.Typer(
    name="mlflow",
    cls=MlflowGroup,
    help="Writes the book to MLflow.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Keeps `push` a command of the group while it is the only one."""


@app.command(cls=BookCommand)
def push(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="URI", help="An MLflow server: its address, or the ARN of an App or tracking server."
        ),
    ],
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Start: a date (2026-01-01) or an age (30d, 12h).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the runs; write nothing.")] = False,
) -> int:
    """Writes the book's history to MLflow as runs, with its own dates.

    Each sweep becomes a parent run, each job a run. Existing runs are updated. After an interruption, repeat the
    command: it continues where it stopped. Tokens, passwords and certificates are read as MLflow's own client reads
    them: MLFLOW_TRACKING_TOKEN, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD,
    MLFLOW_TRACKING_SERVER_CERT_PATH.

    Example: trialbook mlflow push --to http://localhost:5000 --book build/churn
    """
    from trialbook.core.analysis.wording import plural
    from trialbook.core.messages.delivery import NotSent
    from trialbook.runtime import clock
    from trialbook.runtime.observability import quiet
    from trialbook_book.book import session_of
    from trialbook_cli.backfilling import parse_since
    from trialbook_cli.mlflow_access import why_not
    from trialbook_cli.mlflow_push import channel, planned, pushed, there
    from trialbook_cli.rich_output import console, fail, progress, safe

    source = source_of(context)
    with quiet():
        book = source.open() if dry_run or source.book is not None else source.open_to_write()
        is_signed = to.startswith("arn:")
        session = session_of(source.profile, source.region) if is_signed else book.ledger.session
        plan = planned(book, None if since is None else parse_since(since, clock.now()))
        channel_to = channel(book, plan, to, session)
        before = there(plan, channel_to)
        jobs, sweeps = plural(plan.jobs, "job"), plural(len(plan.sweeps), "sweep")
        counted = f"{jobs}, {sweeps}; {plural(before, 'job has a run', 'jobs have a run')} already"
        if dry_run:
            console.print(safe(f"{counted}. Nothing was written.", 500))
            return OK
        try:
            with progress() as bar:
                task = bar.add_task("runs", total=plan.jobs)
                for more in pushed(book, plan, channel_to):
                    bar.update(task, advance=more)
        except NotSent as error:
            why = why_not(channel_to.mlflow.server, error)
            return fail(f"{why}. Repeat the command to continue.", FAILED)
    console.print(safe(f"{jobs} and {sweeps} are in MLflow; {before:,} were before.", 500))
    return OK
