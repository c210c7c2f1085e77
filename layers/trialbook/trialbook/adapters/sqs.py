"""SQS, as far as Lambda's own polling leaves something to do."""

from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.session import Session


def giving_up(session: Session, dead_letters_url: str) -> Callable[[str], None] | None:
    """A function that moves a message's body to the dead-letter queue at once; None if no queue is given."""
    client = _client(session)

    def give_up(body: str) -> None:
        client().send_message(QueueUrl=dead_letters_url, MessageBody=body)

    return give_up if dead_letters_url else None


def postponing(session: Session, queue_url: str) -> Callable[[str, int], None]:
    """A function that makes a message of the queue, by its receipt, come again after so many seconds instead of after
    the queue's timeout."""
    client = _client(session)

    def postpone(receipt_handle: str, delay: int) -> None:
        client().change_message_visibility(QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=delay)

    return postpone


def _client(session: Session) -> Callable[[], Any]:
    """Creates the client when it is first needed, which it rarely is: most messages succeed."""
    return cache(lambda: session.create_client("sqs"))
