"""`trialbook backfill`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.options import Source, source_of
from trialbook_cli.panels import MAINTAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

    from botocore.session import Session

    from trialbook.adapters.sagemaker import SageMaker
    from trialbook.core.jobs import Job
    from trialbook.services import Services
    from trialbook_cli.backfilling import BackfillProgress, Span

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=MAINTAIN)
def backfill(
    context: typer.Context,
    since: Annotated[str, typer.Option(metavar="WHEN", help="Start: a date (2026-01-01) or an age (30d, 12h).")],
    name_contains: Annotated[str, typer.Option(metavar="TEXT", help="Only jobs whose name contains this text.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the missing jobs; change nothing.")] = False,
    curves: Annotated[
        bool, typer.Option("--curves/--no-curves", help="Also keep the training jobs' curves, as far as AWS has them.")
    ] = True,
) -> int:
    """Records the jobs that ran before Trialbook was deployed.

    Uses your credentials and writes to the deployed ledger or to a folder. With --book nothing need be deployed: the
    command only reads the account, and sweeps, best and report then ask the folder. Closed sweeps are recorded as
    history: nothing is posted about them. SageMaker is asked about several jobs at once, at the rate that it allows.
    After an interruption, repeat the command with the same --since and --name-contains: it continues where it stopped.
    Jobs that cannot be read are named at the end, and do not stop the others.

    Example: trialbook backfill --since 30d --book ./book
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from pynamodb.exceptions import PynamoDBException

    from trialbook.adapters.sagemaker import SageMakerError
    from trialbook.ledger.table import Conflict
    from trialbook.runtime import clock
    from trialbook.runtime.observability import quiet
    from trialbook_book.book import session_of
    from trialbook_cli.account_recording import kinds_in
    from trialbook_cli.asking_ahead import asking_ahead
    from trialbook_cli.backfilling import Span, parse_since
    from trialbook_cli.errors import explained
    from trialbook_cli.output_paths import output_folder
    from trialbook_cli.rich_output import fail

    source = source_of(context)
    output_folder(source.book)
    with quiet():
        now = clock.now()
        begin = parse_since(since, now)
        session = session_of(source.profile, source.region)
        sts: Any = session.create_client("sts")
        account = sts.get_caller_identity()["Account"]
        region = session.get_config_variable("region")
        span = Span(account, region, begin, now, name_contains, kinds_in(session, region))
        try:
            with asking_ahead(session) as sagemaker:
                services = _services(source, session, sagemaker)
                if curves:
                    services = _capturing(source, session, services)
                return _fill(span, services, dry_run=dry_run)
        except KeyboardInterrupt:
            return fail("Interrupted. Recorded jobs are kept: repeat the command to continue.", FAILED)
        except (BotoCoreError, ClientError, PynamoDBException, SageMakerError, Conflict) as error:
            reason = explained(error).rstrip(".")
            return fail(f"{reason}. Recorded jobs are kept: repeat the command to continue.", FAILED)


def _services(source: Source, session: "Session", sagemaker: "Callable[[str, str], SageMaker]") -> "Services":
    """The ledger to fill, and SageMaker by the person's own session."""
    from trialbook.services import Services
    from trialbook_book.folder import open_folder

    if source.book is not None:
        return Services(open_folder(source.book, create=True), sagemaker)
    book = source.open_to_write()
    rules = book.rules()
    return Services(book.ledger, sagemaker, lambda: rules)


def _capturing(source: Source, session: "Session", services: "Services") -> "Services":
    """The services, which also keep curves: in the book's folder, or in the stack's bucket if it has one."""
    from dataclasses import replace

    from trialbook.adapters.s3 import Bucket
    from trialbook.capture_job import Sources, capture_earlier
    from trialbook_book.curves import FolderStore

    if source.book is not None:
        store: FolderStore | Bucket = FolderStore(source.book)
    else:
        stack = source.open_to_write().stack
        bucket = stack.outputs.get("ReportsBucket") if stack else None
        if bucket is None:
            return services
        store = Bucket(session, bucket)
    sources = Sources.of(session, session.get_config_variable("region"))

    def capture(job: "Job") -> None:
        capture_earlier(job, services, store, sources)

    return replace(services, capture=capture)


def _fill(span: "Span", services: "Services", *, dry_run: bool) -> int:
    """Fills the ledger. The bar shows the share of the time covered: the number of jobs is not known beforehand."""
    from trialbook.runtime import clock
    from trialbook_cli.backfilling import backfilled
    from trialbook_cli.rich_output import console, share_of_time

    length = (span.until - span.since).total_seconds()
    steps: dict[str, BackfillProgress] = {}
    began = clock.now()
    with share_of_time() as bar:
        tasks: dict[str, Any] = {}
        for step in backfilled(span, services, dry_run=dry_run):
            kind = step.kind.value
            if kind not in tasks:
                tasks[kind] = bar.add_task(kind, total=length)
            steps[kind] = step
            rate = _rate(steps.values(), clock.now() - began)
            covered = (step.reached - span.since).total_seconds()
            bar.update(tasks[kind], completed=covered, description=f"{kind}: {step.seen} found, {rate}")
    for kind, step in steps.items():
        verb = "would be recorded" if dry_run else "recorded"
        console.print(f"{kind}: {step.seen} found, {step.recorded} {verb}")
    return _left_out(steps.values())


def _rate(steps: "Iterable[BackfillProgress]", passed: "timedelta") -> str:
    return f"{sum(each.seen for each in steps) / max(passed.total_seconds(), 1):.3g} jobs/s"


def _left_out(steps: "Iterable[BackfillProgress]") -> int:
    """Names the jobs that could not be recorded; the exit code."""
    from trialbook.core.analysis.wording import plural
    from trialbook_cli.rich_output import errors, safe

    problems = [each for step in steps for each in step.problems]
    for each in problems:
        errors.print(safe(f"{each.name or 'a job without a name'}: {each.reason}", 1000), soft_wrap=True)
    if problems:
        jobs, them = plural(len(problems), "job"), "it" if len(problems) == 1 else "them"
        errors.print(f"{jobs} could not be recorded. The same command tries {them} again.", soft_wrap=True)
    return FAILED if problems else OK
