"""SQS, as far as Lambda's own polling leaves something to do."""

from typing import Any

from botocore.session import Session


def postpone(session: Session, queue_url: str, receipt_handle: str, delay: int) -> None:
    """The message that is being handled comes again after `delay` seconds rather than after the queue's timeout."""
    client: Any = session.create_client("sqs")
    client.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=delay)
