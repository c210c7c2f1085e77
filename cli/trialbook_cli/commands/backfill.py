"""`trialbook backfill`: the account's history into the ledger, or into a folder."""

from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from trialbook.adapters.sagemaker import SageMaker, SageMakerError
from trialbook.runtime import clock
from trialbook.runtime.observability import quiet
from trialbook.services import Services
from trialbook_book.book import session_of
from trialbook_book.folder import open_folder
from trialbook_cli.backfilling import Span, backfill, parse_since
from trialbook_cli.frame import Source
from trialbook_cli.plain import FAILED, OK
from trialbook_cli.problems import explained
from trialbook_cli.terminal import console, fail, progress


def run(source: Source, since: str, name_contains: str, *, dry_run: bool) -> int:
    """Fills the ledger with what ran before."""
    with quiet():
        return _filled(source, since, name_contains, dry_run=dry_run)


def _filled(source: Source, since: str, name_contains: str, *, dry_run: bool) -> int:
    now = clock.now()
    begin = parse_since(since, now)
    session = session_of(source.profile, source.region)
    services = _services(source, session)
    sts: Any = session.create_client("sts")
    account = sts.get_caller_identity()["Account"]
    span = Span(account, session.get_config_variable("region"), begin, now, name_contains)
    try:
        return _run(span, services, dry_run=dry_run)
    except (BotoCoreError, ClientError, SageMakerError) as error:
        return fail(f"{explained(error)}. What is recorded stays; call it again to go on", FAILED)


def _services(source: Source, session: Session) -> Services:
    """The ledger to be filled, with SageMaker asked by the person's own session."""

    @cache
    def sagemaker(account: str, region: str) -> SageMaker:
        return SageMaker(session, region)

    if source.book is not None:
        return Services(open_folder(source.book, create=True), sagemaker)
    book = source.open_to_write()
    rules = book.rules()
    return Services(book.ledger, sagemaker, lambda: rules)


def _run(span: Span, services: Services, *, dry_run: bool) -> int:
    """The bar shows how much of the time is covered: nobody knows beforehand how many jobs it holds."""
    length = (span.until - span.since).total_seconds()
    totals: dict[str, tuple[int, int]] = {}
    with progress() as bar:
        tasks: dict[str, Any] = {}
        for step in backfill(span, services, dry_run=dry_run):
            kind = step.kind.value
            if kind not in tasks:
                tasks[kind] = bar.add_task(kind, total=length)
            covered = (step.reached - span.since).total_seconds()
            bar.update(tasks[kind], completed=covered, description=f"{kind}: {step.seen} seen")
            totals[kind] = (step.seen, step.recorded)
    for kind, (seen, recorded) in totals.items():
        verb = "would be recorded" if dry_run else "recorded"
        console.print(f"{kind}: {seen} seen, {recorded} {verb}")
    return OK
