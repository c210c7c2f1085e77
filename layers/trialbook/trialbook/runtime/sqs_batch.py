"""Batches of SQS messages: one bad message never holds up the others.

Powertools' batch processor does the same, but it imports asyncio and the classes of all other event sources, which
lengthens each cold start by a tenth.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from trialbook.core.errors import InvalidInput, MalformedEvent, NotAJobEvent
from trialbook.core.times import parse_time
from trialbook.runtime import clock, deadline
from trialbook.runtime.observability import age, correlate, count, logger

_FOR_A_MESSAGE = 15  # seconds; one call that hangs fits
_SOON = 20  # seconds until a message comes again after a death
_QUICK_TRIES = 3  # after a death; what kills each time comes again more and more slowly


class TryLater(Exception):
    """The message can't be handled yet: SQS delivers it again after `delay` seconds."""

    def __init__(self, reason: str, delay: int) -> None:
        super().__init__(f"{reason}: again in {delay} s")
        self.delay = delay


class Queue(Protocol):
    """A batch's view of its queue."""

    def postpone(self, receipt_handle: str, delay: int) -> None:
        """Delivers the message again after `delay` seconds."""

    def hide(self, receipts: Mapping[str, int]) -> None:
        """Delivers each message again after so many seconds, unless it is deleted or postponed before."""

    def give_up(self, body: str) -> None:
        """Makes the message's body a dead letter at once."""


@dataclass(frozen=True, slots=True)
class SqsMessage:
    """A message as Lambda hands it over. `delivery` is how often it was delivered, this time included."""

    message_id: str
    receipt_handle: str
    body: str
    delivery: int

    @staticmethod
    def of(record: Mapping[str, Any]) -> "SqsMessage":
        """A record of the event."""
        delivery = int(record["attributes"]["ApproximateReceiveCount"])
        return SqsMessage(record["messageId"], record["receiptHandle"], record["body"], delivery)


def envelope_of(message: SqsMessage) -> Mapping[str, Any]:
    """The EventBridge envelope in a message's body. Later log lines carry its correlation id, and its age is measured.
    Raises NotAJobEvent if it is no JSON object."""
    try:
        body = json.loads(message.body)
    except (TypeError, ValueError) as error:
        raise NotAJobEvent("body", message.body, "an EventBridge envelope as JSON") from error
    if not isinstance(body, dict):
        raise NotAJobEvent("body", body, "an EventBridge envelope (a JSON object)")
    correlate(body)
    _measure_age(body)
    return body


def _measure_age(envelope: Mapping[str, Any]) -> None:
    try:
        sent_at = parse_time(envelope.get("time"), "time")
    except InvalidInput:
        return  # the code that needs the time reports what is wrong with it
    if sent_at is not None:
        age("EventAge", sent_at, clock.now())


def backoff(delivery: int, first: int, longest: int) -> int:
    """Seconds until the next delivery: `first`, then twice as long each time, up to `longest`."""
    return int(min(longest, first * 2 ** min(delivery - 1, 20)))


def process(
    event: Mapping[str, Any],
    handle: Callable[[SqsMessage], None],
    queue: Queue,
    *,
    longest_pause: int | None = None,
) -> Mapping[str, Any]:
    """Handles each message by itself. The answer names those that failed, and only they are delivered again.

    If `handle` raises TryLater, the message is postponed by as much as that says; after any other error the queue's
    visibility timeout decides. A message for which the invocation has no time left is not begun. A malformed message,
    which no retry can help, is given up.

    A queue hides its messages for six times the function's timeout, so if the process dies, the whole batch is late by
    minutes. With `longest_pause`, messages come again after 20 seconds at first, and after that pause at most. That
    costs a request for each batch. `handle` must then be safe while another process handles the same message.
    """
    messages = [SqsMessage.of(each) for each in event["Records"]]
    count("Messages", len(messages))
    if longest_pause is not None:
        queue.hide({message.receipt_handle: _pause(message, longest_pause) for message in messages})
    failed = []
    for message in messages:
        try:
            _handle_one(message, handle, queue, longest_pause)
        except Exception as error:  # noqa: BLE001 whatever it is, the others go on
            logger.warning(
                "the message will be delivered again", message_id=message.message_id, reason=repr(error)[:1000]
            )
            failed.append({"itemIdentifier": message.message_id})
    return {"batchItemFailures": failed}


def _handle_one(
    message: SqsMessage, handle: Callable[[SqsMessage], None], queue: Queue, longest_pause: int | None
) -> None:
    logger.set_correlation_id(None)
    try:
        if deadline.left() < _FOR_A_MESSAGE:
            raise TryLater("no time is left in this batch", backoff(message.delivery, 20, 640))
        handle(message)
    except TryLater as later:
        queue.postpone(message.receipt_handle, later.delay)
        raise
    except MalformedEvent as error:
        logger.error("a malformed message is a dead letter", message_id=message.message_id, reason=str(error))
        count("MessagesMalformed")
        queue.give_up(message.body)
    except Exception:
        if longest_pause is not None:
            queue.postpone(message.receipt_handle, _pause(message, longest_pause))
        raise


def _pause(message: SqsMessage, longest: int) -> int:
    return backoff(max(1, message.delivery - _QUICK_TRIES + 1), _SOON, longest)
