"""SQS, as far as Lambda's own polling leaves something to do."""

from collections.abc import Callable
from typing import Any

from botocore.session import Session


def giving_up(session: Session, dead_letters_url: str) -> Callable[[str], None] | None:
    """What puts a message's body into the dead-letter queue at once; None where no queue is given."""

    def give_up(body: str) -> None:
        client: Any = session.create_client("sqs")
        client.send_message(QueueUrl=dead_letters_url, MessageBody=body)

    return give_up if dead_letters_url else None


def postponing(session: Session, queue_url: str) -> Callable[[str, int], None]:
    """What makes a message of the queue, by its receipt, come again after so many seconds rather than after the queue's
    timeout."""

    def postpone(receipt_handle: str, delay: int) -> None:
        client: Any = session.create_client("sqs")
        client.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=delay)

    return postpone
