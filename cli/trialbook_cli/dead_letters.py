"""Dead-letter queues, and moving their messages back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_AT_ONCE = 10  # messages that SQS hands out and takes
_HIDDEN = 120  # seconds until a message that was taken and not moved is visible again
OF_THE_STREAM = "StreamDeadLetters"  # its messages name positions in the ledger's stream
NO_WAY_BACK = {
    "ScheduleDeadLetters": "runs of a schedule: the next run does their work",
}


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A dead-letter queue: its name in the template, its URL, its number of messages, and the URL of the queue they
    came from; None if they came from no queue."""

    name: str
    url: str
    messages: int
    source: str | None


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
        json.loads(each["RedrivePolicy"])["deadLetterTargetArn"]: urls[name]
        for name, each in attributes.items()
        if "RedrivePolicy" in each
    }
    for name, url in urls.items():
        if "DeadLetters" in name:
            messages = int(attributes[name]["ApproximateNumberOfMessages"])
            yield DeadLetters(name, url, messages, sources.get(attributes[name]["QueueArn"]))


def moved(sqs: Any, url: str, source: str) -> Iterator[tuple[int, int]]:
    """Moves each message once; yields after each batch how many moved and how many did not. A message is sent before it
    is deleted: after an interruption it may arrive twice, which is harmless, and is never lost."""
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
        refused = {each["Id"] for each in sqs.send_message_batch(QueueUrl=source, Entries=entries).get("Failed", [])}
        done = [
            {"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]}
            for at, each in enumerate(messages)
            if str(at) not in refused
        ]
        if done:
            sqs.delete_message_batch(QueueUrl=url, Entries=done)
        yield len(done), len(refused)
