"""`trialbook backfill`: the account's history into the ledger."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trialbook import clock
from trialbook.adapters.sagemaker import SageMakerError
from trialbook.core.errors import InvalidInput
from trialbook.services import open_services
from trialbook.settings import Settings
from trialbook_cli.accounts import session_of, settings_of
from trialbook_cli.backfilling import Span, backfill, parse_since
from trialbook_cli.terminal import BAD_INPUT, FAILED, OK, console, fail, progress


def run(
    since: str,
    stack: str,
    table: str | None,
    name_contains: str,
    profile: str | None,
    region: str | None,
    *,
    dry_run: bool,
) -> int:
    """Fills the ledger with what ran before."""
    try:
        now = clock.now()
        begin = parse_since(since, now)
        session = session_of(profile, region)
        settings = settings_of(session, stack, table)
        account = session.client("sts").get_caller_identity()["Account"]
        span = Span(account, session.region_name, begin, now, name_contains)
        return _run(span, settings, dry_run=dry_run)
    except InvalidInput as error:
        return fail(str(error), BAD_INPUT)
    except (BotoCoreError, ClientError, SageMakerError) as error:
        return fail(f"{error}. What is recorded stays; call it again to go on", FAILED)


def _run(span: Span, settings: Settings, *, dry_run: bool) -> int:
    """The bar shows how much of the time is covered: nobody knows beforehand how many jobs it holds."""
    length = (span.until - span.since).total_seconds()
    totals: dict[str, tuple[int, int]] = {}
    with progress() as bar:
        tasks: dict[str, Any] = {}
        for step in backfill(span, open_services(settings), dry_run=dry_run):
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
