"""`trialbook redrive`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialbook_cli.command_classes import StackCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.options import source_of
from trialbook_cli.panels import OPERATE

if TYPE_CHECKING:
    from trialbook_cli.dead_letters import DeadLetters

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=StackCommand, rich_help_panel=OPERATE)
def redrive(
    context: typer.Context,
    queue: Annotated[
        str, typer.Option(metavar="TEXT", help="Only dead-letter queues whose logical id contains this text.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the messages; move nothing.")] = False,
) -> int:
    """Moves messages from the dead-letter queues back.

    Each message returns to the queue that it came from and is tried again. Jobs and sweeps whose changes the ledger's
    stream could not deliver are announced again. Use it after removing the cause, which doctor and the alarms name. Can
    be interrupted and repeated.

    Example: trialbook redrive --dry-run --stack trialbook
    """
    from trialbook_cli.announcing_again import announce_again
    from trialbook_cli.dead_letters import OF_THE_STREAM, dead_letter_queues
    from trialbook_cli.usage_error import UsageError

    source = source_of(context)
    ledger = source.open_to_write().ledger
    session = ledger.session
    sqs: Any = session.create_client("sqs")
    queues = list(dead_letter_queues(session.create_client("cloudformation"), sqs, source.stack))
    if not queues:
        raise UsageError(f"Stack {source.stack} has no dead-letter queue.")
    chosen = [each for each in queues if queue.lower() in each.name.lower()]
    if not chosen:
        names = ", ".join(each.name for each in queues)
        raise UsageError(f"--queue: no dead-letter queue has {queue!a} in its name. Queues: {names}.")
    failed = 0
    for each in chosen:
        if each.name == OF_THE_STREAM:
            announce_again(ledger, sqs, each.queue.url, each.messages, dry_run=dry_run)
        else:
            failed += _redrive(sqs, each, dry_run=dry_run)
    return FAILED if failed else OK


def _redrive(sqs: Any, queue: "DeadLetters", *, dry_run: bool) -> int:
    """Moves a queue's messages and prints how many; returns how many could not be moved."""
    from trialbook_cli.dead_letters import NO_WAY_BACK, moved
    from trialbook_cli.plain_output import say
    from trialbook_cli.rich_output import progress

    if not queue.messages:
        say(f"{queue.name}: empty")
        return 0
    if queue.source is None:
        reason = NO_WAY_BACK.get(queue.name, "they came from no queue of this stack")
        say(f"{queue.name}: {queue.messages} kept; {reason}")
        return 0
    if dry_run:
        say(f"{queue.name}: {queue.messages} would be moved back")
        return 0
    done = failed = 0
    reason = ""
    with progress() as bar:
        task = bar.add_task(queue.name, total=queue.messages)
        for each in moved(sqs, queue.queue, queue.source):
            done, failed, reason = done + each.done, failed + each.failed, each.reason or reason
            bar.update(task, completed=done)
    because = f" ({reason})" if reason else ""
    say(f"{queue.name}: {done} moved back" + (f", {failed} could not be moved{because}" if failed else ""))
    return failed
