"""Dead-letter queues, and moving their messages back."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

_AT_ONCE = 10  # messages that SQS hands out and takes
_HIDDEN = 120  # seconds until a message that was taken and not moved is visible again
_BETWEEN_LOOKS = 1  # seconds between two looks at SQS's own task
_LIVE = frozenset({"RUNNING", "CANCELLING"})
OF_THE_STREAM = "StreamDeadLetters"  # its messages name positions in the ledger's stream
NO_WAY_BACK = {
    "ScheduleDeadLetters": "runs of a schedule: the next run does their work",
}


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue's URL and ARN."""

    url: str
    arn: str


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A dead-letter queue: its name in the template, its number of messages, and the queue that they came from; None if
    they came from no queue."""

    name: str
    queue: Queue
    messages: int
    source: Queue | None


@dataclass(frozen=True, slots=True)
class Moved:
    """How many messages moved, how many could not, and why."""

    done: int
    failed: int = 0
    reason: str = ""


def dead_letter_queues(cloudformation: Any, sqs: Any, stack: str) -> Iterator[DeadLetters]:
    """The dead-letter queues of a stack."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [each for page in pages for each in page["StackResourceSummaries"]]
    urls = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in resources
        if each["ResourceType"] == "AWS::SQS::Queue"
    }
    attributes = {
        name: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for name, url in urls.items()
    }
    sources = {
        json.loads(each["RedrivePolicy"])["deadLetterTargetArn"]: Queue(urls[name], each["QueueArn"])
        for name, each in attributes.items()
        if "RedrivePolicy" in each
    }
    for name, url in urls.items():
        if "DeadLetters" in name:
            messages = int(attributes[name]["ApproximateNumberOfMessages"])
            arn = attributes[name]["QueueArn"]
            yield DeadLetters(name, Queue(url, arn), messages, sources.get(arn))


def moved(sqs: Any, queue: Queue, to: Queue) -> Iterator[Moved]:
    """Moves the messages of a dead-letter queue; yields now and then what has happened since.

    SQS does it by a task of its own, which continues if this program is stopped. Where SQS refuses one (its user may
    not start it, or an emulator does not know it), the messages are received and sent one by one."""
    try:
        if not any(each["Status"] in _LIVE for each in _tasks(sqs, queue)):
            # Functions put malformed messages there themselves: SQS does not know where those came from.
            sqs.start_message_move_task(SourceArn=queue.arn, DestinationArn=to.arn)
    except ClientError:
        return _moved_one_by_one(sqs, queue.url, to.url)
    return _moved_by_sqs(sqs, queue)


def _tasks(sqs: Any, queue: Queue) -> list[dict[str, Any]]:
    """The latest move tasks of a dead-letter queue, newest first."""
    found: list[dict[str, Any]] = sqs.list_message_move_tasks(SourceArn=queue.arn).get("Results", [])
    return found


def _moved_by_sqs(sqs: Any, queue: Queue) -> Iterator[Moved]:
    before = 0
    while True:
        task = _tasks(sqs, queue)[0]
        now = task.get("ApproximateNumberOfMessagesMoved", 0)
        if task["Status"] not in _LIVE:
            break
        yield Moved(now - before)
        before = now
        time.sleep(_BETWEEN_LOOKS)
    left = 0 if task["Status"] == "COMPLETED" else task.get("ApproximateNumberOfMessagesToMove", now) - now
    yield Moved(now - before, max(0, left), task.get("FailureReason", ""))


def _moved_one_by_one(sqs: Any, url: str, source: str) -> Iterator[Moved]:
    """Moves each message once. A message is sent before it is deleted: after an interruption it may arrive twice, which
    is harmless, and is never lost."""
    seen: set[str] = set()
    while True:
        # Without waiting, SQS asks only some of its servers and may miss messages.
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=_AT_ONCE, VisibilityTimeout=_HIDDEN, WaitTimeSeconds=1
        )
        messages = [each for each in answer.get("Messages", []) if each["MessageId"] not in seen]
        if not messages:
            return
        seen |= {each["MessageId"] for each in messages}
        entries = [{"Id": str(at), "MessageBody": each["Body"]} for at, each in enumerate(messages)]
        failed = sqs.send_message_batch(QueueUrl=source, Entries=entries).get("Failed", [])
        refused = {each["Id"] for each in failed}
        done = [
            {"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]}
            for at, each in enumerate(messages)
            if str(at) not in refused
        ]
        if done:
            sqs.delete_message_batch(QueueUrl=url, Entries=done)
        yield Moved(len(done), len(refused), failed[0]["Code"] if failed else "")
