"""`trialbook redrive`: what waits in dead-letter queues goes back to the queues it came from."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trialbook.core.errors import InvalidInput
from trialbook_cli.announcing_again import announce_again
from trialbook_cli.frame import Source
from trialbook_cli.plain import FAILED, OK, say
from trialbook_cli.terminal import progress

_AT_ONCE = 10  # messages that SQS hands out and takes
_STREAM = "StreamDeadLetters"
_HIDDEN = 120  # seconds; a message that this command takes and does not move is seen again then
_NO_WAY_BACK = {
    "ScheduleDeadLetters": "runs of a schedule: the next run does their work",
}


@dataclass(frozen=True, slots=True)
class Dead:
    """A dead-letter queue: its name in the template, its URL, how many messages it holds, and the URL of the queue that
    they came from, None where they came from no queue."""

    name: str
    url: str
    messages: int
    source: str | None


def run(source: Source, wanted: str, *, dry_run: bool) -> int:
    """Moves messages, or with `dry_run` counts them. Exit code 1 where one could not be moved."""
    book = source.open_to_write()
    session = book.ledger.session
    sqs: Any = session.create_client("sqs")
    queues = list(_dead_letter_queues(session.create_client("cloudformation"), sqs, source.stack))
    chosen = [each for each in queues if wanted.lower() in each.name.lower()]
    if not chosen:
        names = ", ".join(each.name for each in queues) or "none; the stack has no dead-letter queue"
        raise InvalidInput("--queue", wanted, f"a part of one of these names: {names}")
    failed = 0
    for queue in chosen:
        if queue.name == _STREAM:
            announce_again(book.ledger, sqs, queue.url, queue.messages, dry_run=dry_run)
        else:
            failed += _redrive(sqs, queue, dry_run=dry_run)
    return FAILED if failed else OK


def _dead_letter_queues(cloudformation: Any, sqs: Any, stack: str) -> Iterator[Dead]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [each for page in pages for each in page["StackResourceSummaries"]]
    urls = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in resources
        if each["ResourceType"] == "AWS::SQS::Queue"
    }
    told = {
        name: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for name, url in urls.items()
    }
    sources = {
        json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"]: urls[name]
        for name, attributes in told.items()
        if "RedrivePolicy" in attributes
    }
    for name, url in urls.items():
        if "DeadLetters" in name:
            messages = int(told[name]["ApproximateNumberOfMessages"])
            yield Dead(name, url, messages, sources.get(told[name]["QueueArn"]))


def _redrive(sqs: Any, queue: Dead, *, dry_run: bool) -> int:
    """Moves a queue's messages and says how many; gives how many could not be moved."""
    if not queue.messages:
        say(f"{queue.name}: empty")
        return 0
    if queue.source is None:
        why = _NO_WAY_BACK.get(queue.name, "they came from no queue of this stack")
        say(f"{queue.name}: {queue.messages} stay, {why}")
        return 0
    if dry_run:
        say(f"{queue.name}: {queue.messages} would go back")
        return 0
    moved = failed = 0
    with progress() as bar:
        task = bar.add_task(queue.name, total=queue.messages)
        for done, not_done in _moved(sqs, queue.url, queue.source):
            moved, failed = moved + done, failed + not_done
            bar.update(task, completed=moved)
    say(f"{queue.name}: {moved} went back" + (f", {failed} could not be moved" if failed else ""))
    return failed


def _moved(sqs: Any, url: str, source: str) -> Iterator[tuple[int, int]]:
    """Moves messages until none is left that was not seen before: how many went, and how many did not, at a time. Each
    is sent before it is deleted: interrupted in between, it comes twice, which nothing minds, and is never lost."""
    seen: set[str] = set()
    while True:
        # Without waiting, SQS asks a few of its servers and may find nothing where there is something.
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=_AT_ONCE, VisibilityTimeout=_HIDDEN, WaitTimeSeconds=1
        )
        messages = [each for each in answer.get("Messages", []) if each["MessageId"] not in seen]
        if not messages:
            return
        seen |= {each["MessageId"] for each in messages}
        entries = [{"Id": str(at), "MessageBody": each["Body"]} for at, each in enumerate(messages)]
        refused = {each["Id"] for each in sqs.send_message_batch(QueueUrl=source, Entries=entries).get("Failed", [])}
        gone = [
            {"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]}
            for at, each in enumerate(messages)
            if str(at) not in refused
        ]
        if gone:
            sqs.delete_message_batch(QueueUrl=url, Entries=gone)
        yield len(gone), len(refused)
