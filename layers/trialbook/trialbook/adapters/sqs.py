"""A function's own queue, as far as Lambda's polling leaves something to do, and those of others."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session


class Queue:
    """A queue and its dead-letter queue. The client is created when it is first needed, which it rarely is: most
    messages succeed."""

    def __init__(self, session: Session, dead_letters_url: str, url: str = "") -> None:
        self._session = session
        self._dead_letters_url = dead_letters_url
        self._url = url
        self._made: Any = None

    def postpone(self, receipt_handle: str, delay: int) -> None:
        """Delivers the message again after `delay` seconds. Without the queue's address its timeout decides."""
        if self._url:
            self._client().change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=delay
            )

    def hide(self, receipts: Mapping[str, int]) -> None:
        """Delivers each message again after so many seconds, unless it is deleted or postponed before. If this fails,
        the queue's timeout decides."""
        if not self._url:
            return
        entries = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": delay}
            for number, (receipt, delay) in enumerate(receipts.items())
        ]
        with suppress(BotoCoreError, ClientError):
            self._client().change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def give_up(self, body: str) -> None:
        """Moves a message's body to the dead-letter queue at once."""
        self._client().send_message(QueueUrl=self._dead_letters_url, MessageBody=body)

    def _client(self) -> Any:
        if self._made is None:
            self._made = self._session.create_client("sqs")
        return self._made


class SendQueue:
    """Another function's queue. The client is created when it is first needed."""

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url
        self._made: Any = None

    def send(self, body: Mapping[str, Any]) -> None:
        """Sends a message."""
        if self._made is None:
            self._made = self._session.create_client("sqs")
        self._made.send_message(QueueUrl=self._url, MessageBody=json.dumps(body))
