"""`trialbook backfill`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.options import Source, source_of
from trialbook_cli.panels import MAINTAIN

if TYPE_CHECKING:
    from botocore.session import Session

    from trialbook.core.jobs import Job
    from trialbook.services import Services
    from trialbook_cli.backfilling import Span

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
    history: nothing is posted about them. After an interruption, repeat the command with the same --since and
    --name-contains: it continues where it stopped.

    Example: trialbook backfill --since 30d --book ./book
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from trialbook.adapters.sagemaker import SageMakerError
    from trialbook.runtime import clock
    from trialbook.runtime.observability import quiet
    from trialbook_book.book import session_of
    from trialbook_cli.account_recording import kinds_in
    from trialbook_cli.backfilling import Span, parse_since
    from trialbook_cli.errors import explained
    from trialbook_cli.rich_output import fail

    source = source_of(context)
    with quiet():
        now = clock.now()
        begin = parse_since(since, now)
        session = session_of(source.profile, source.region)
        services = _services(source, session)
        if curves:
            services = _capturing(source, session, services)
        sts: Any = session.create_client("sts")
        account = sts.get_caller_identity()["Account"]
        region = session.get_config_variable("region")
        span = Span(account, region, begin, now, name_contains, kinds_in(session, region))
        try:
            return _fill(span, services, dry_run=dry_run)
        except (BotoCoreError, ClientError, SageMakerError) as error:
            reason = explained(error).rstrip(".")
            return fail(f"{reason}. Recorded jobs are kept: repeat the command to continue.", FAILED)


def _services(source: Source, session: "Session") -> "Services":
    """The ledger to fill, and SageMaker by the person's own session."""
    from functools import cache

    from trialbook.adapters.sagemaker import SageMaker
    from trialbook.services import Services
    from trialbook_book.folder import open_folder

    @cache
    def sagemaker(account: str, region: str) -> SageMaker:
        return SageMaker(session, region)

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
    from trialbook_cli.backfilling import backfilled
    from trialbook_cli.rich_output import console, progress

    length = (span.until - span.since).total_seconds()
    totals: dict[str, tuple[int, int]] = {}
    with progress() as bar:
        tasks: dict[str, Any] = {}
        for step in backfilled(span, services, dry_run=dry_run):
            kind = step.kind.value
            if kind not in tasks:
                tasks[kind] = bar.add_task(kind, total=length)
            covered = (step.reached - span.since).total_seconds()
            bar.update(tasks[kind], completed=covered, description=f"{kind}: {step.seen} found")
            totals[kind] = (step.seen, step.recorded)
    for kind, (found, recorded) in totals.items():
        verb = "would be recorded" if dry_run else "recorded"
        console.print(f"{kind}: {found} found, {recorded} {verb}")
    return OK
