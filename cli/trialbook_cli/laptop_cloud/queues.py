"""The stack's queues, as Lambda polls them and EventBridge fills them: moto's SQS, without a request for each step.

What the functions themselves send goes through their own clients. Polling is Lambda's affair: as requests it took a
third of a replay's time, and moto copies each message that it hands out.
"""

from typing import Any
from urllib.parse import urlparse

from moto.sqs.models import sqs_backends

from trialbook_cli.sagemaker_stand_in import Account


class Queues:
    """The queues of an account in a region, whose clients ask the endpoint."""

    def __init__(self, account: Account, endpoint: str) -> None:
        self._account, self._endpoint = account, urlparse(endpoint)
        self._backend: Any = sqs_backends[account.id][account.region]

    def create(self, queue: str, **attributes: str) -> str:
        """Makes a queue; its URL."""
        return str(self._backend.create_queue(queue, **attributes).url(self._endpoint))

    def send(self, queue: str, body: str) -> None:
        """A message arrives."""
        self._backend.send_message(queue, body)

    def receive(self, queue: str, most: int) -> list[dict[str, Any]]:
        """The messages that are up, as Lambda hands them to a function."""
        found, arn = self._queue(queue), self._account.arn("sqs", queue)
        records: list[dict[str, Any]] = []
        for message in found.messages:
            if found.dead_letter_queue is not None and _is_exhausted(message, found.redrive_policy):
                found._messages.remove(message)  # noqa: SLF001 as moto's own receive_message does
                found.dead_letter_queue.add_message(message)
                continue
            found.pending_messages.add(message)
            message.mark_received(visibility_timeout=int(found.visibility_timeout))
            records.append(_record(message, arn, self._account.region))
            if len(records) == most:
                break
        return records

    def delete(self, queue: str, record: dict[str, Any]) -> None:
        """A message is done with."""
        self._backend.delete_message(queue, record["receiptHandle"])

    def taken(self, queue: str) -> list[str]:
        """The messages' bodies, in order, which leave the queue: with each message that is sent, moto counts those that
        are there."""
        messages = self.messages(queue)
        bodies = [each.body for each in messages]
        messages.clear()
        return bodies

    def come_up(self, queue: str) -> list[float]:
        """When each message comes up, in epoch milliseconds."""
        return [max(each.visible_at, each.delayed_until) for each in self.messages(queue)]

    def bodies(self, queue: str) -> list[str]:
        """The messages' bodies, in order."""
        return [each.body for each in self.messages(queue)]

    def messages(self, queue: str) -> list[Any]:
        """All of moto's messages, those that are delayed or being handled too."""
        found: list[Any] = self._queue(queue)._messages  # noqa: SLF001 it has no public way to those
        return found

    def _queue(self, name: str) -> Any:
        return self._backend.queues[name]


def _is_exhausted(message: Any, policy: Any) -> bool:
    return bool(message.approximate_receive_count >= policy["maxReceiveCount"])


def _record(message: Any, arn: str, region: str) -> dict[str, Any]:
    attributes = {
        "SenderId": message.sender_id,
        "SentTimestamp": str(message.sent_timestamp),
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    header = (message.system_attributes or {}).get("AWSTraceHeader")
    if header:
        attributes["AWSTraceHeader"] = header.get("StringValue")
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }
