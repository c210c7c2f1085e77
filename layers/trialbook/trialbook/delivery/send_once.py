"""Sends each message once: a claim in the ledger before the call, a record of it after. If the outcome of an earlier
call is unknown, the message is looked for first. A sender raises NotSent, which says whether it may have been sent
after all."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from trialbook.core.destination import Channel, Destination
from trialbook.core.messages.delivery import LEASE, Delivery, NotSent, Sent
from trialbook.core.messages.remedies import remedy
from trialbook.ledger.deliveries import Deliveries, ReadOnce
from trialbook.ledger.table import Conflict
from trialbook.runtime import clock
from trialbook.runtime.observability import count, logger
from trialbook.runtime.sqs_batch import TryLater, backoff

if TYPE_CHECKING:
    from trialbook.core.message import Message

LONGEST_DELAY = 43_000  # seconds; SQS allows 12 hours from when it hands the message out
LONGEST_PAUSE = 900  # seconds; after that a channel that works again is noticed
_WAITS_FOR_ANOTHER = 5  # seconds


class WaitsForItsParent(TryLater):
    """A reply whose thread does not exist yet. It waits as long as the message that begins the thread."""


FindSent = Callable[[datetime], Sent | None]
Pair = tuple["Message", Destination]


def deliver_each(pairs: Sequence[Pair], deliver: Callable[["Message", Destination], None], received: int) -> int:
    """Delivers each message to its destination; returns how many. `received` is how often SQS has handed out their
    event.

    A destination in trouble does not hold up the others. After all have been tried, the first error is raised; if all
    were TryLater, the one with the shortest delay. A reply that waits for its parent does not shorten that delay. When
    the event is handed out again, only what was not delivered is sent.
    """
    waits: list[TryLater] = []
    wrong: list[Exception] = []
    for message, to in pairs:
        try:
            deliver(message, to)
        except NotSent as error:
            waits.append(_refusal(error, message, to, received))
        except TryLater as later:
            waits.append(later)
        except Exception as error:  # noqa: BLE001 the other destinations are still tried
            wrong.append(error)
    if wrong:
        raise wrong[0]
    if waits:
        own = [each for each in waits if not isinstance(each, WaitsForItsParent)]
        raise min(own or waits, key=lambda each: each.delay)
    return len(pairs)


def _refusal(error: NotSent, message: "Message", to: Destination, received: int) -> TryLater:
    """When to try again. Metric and log give the reason, without an email address."""
    count("MessagesFailed", channel=to.channel, reason=error.reason)
    if not error.passes:
        count("MessagesRefused")
    todo = remedy(error.reason, to.address)
    where = None if to.channel is Channel.EMAIL else to.address
    logger.warning(
        "a message was not taken",
        channel=to.channel,
        address=where,
        about=message.about,
        reason=error.reason,
        todo=todo,
    )
    why = f"{error.reason}; {todo}" if todo else error.reason
    return TryLater(f"{to.channel} took no message: {why}", delay_after(error, received))


def wait_for_quiet_hours(to: Destination) -> None:
    """Raises TryLater during the destination's quiet hours."""
    now = clock.now()
    if to.not_before is not None and now < to.not_before:
        raise TryLater("quiet hours", min(ceil((to.not_before - now).total_seconds()), LONGEST_DELAY))


def claim(
    deliveries: Deliveries | ReadOnce, delivery: Delivery, *, for_edit: bool = False, lease: timedelta = LEASE
) -> Delivery:
    """Records that it is about to be sent or edited. Raises TryLater if another process is doing so."""
    now = clock.now()
    if delivery.is_held(now) and delivery.held_until is not None:
        raise TryLater("another process is sending it", ceil((delivery.held_until - now).total_seconds()) + 1)
    try:
        return deliveries.put(delivery.claimed_for_edit(now, lease) if for_edit else delivery.claimed(now, lease), now)
    except Conflict:
        raise another_was_faster() from None


def another_was_faster() -> TryLater:
    """What to do after a Conflict: what the other process wrote is read soon."""
    return TryLater("another process was faster", _WAITS_FOR_ANOTHER)


def send_once(
    deliveries: Deliveries,
    delivery: Delivery,
    send: Callable[[], Sent],
    find_sent: FindSent,
    shows: Callable[[Delivery], Delivery],
) -> Delivery:
    """Sends it unless it was sent. If the outcome of an earlier call is unknown, `find_sent` looks for it since that
    call. `shows` adds what the message shows now. Raises NotSent, and TryLater if another process is sending it."""
    held = claim(deliveries, delivery)
    is_known = not delivery.may_be_there()
    try:
        found = None if is_known or delivery.claimed_at is None else find_sent(delivery.claimed_at)
        is_known = True
        sent = found or send()
    except NotSent as error:
        doubtful = error.is_unsure or not is_known
        deliveries.put(held.unsure(error.reason) if doubtful else held.not_sent(error.reason), clock.now())
        raise
    done = held.sent(clock.now(), sent.id, sent.place)
    return deliveries.put(done if found else shows(done), clock.now())


def delay_after(error: NotSent, received: int) -> int:
    """Seconds until an unsent message is tried again, after `received` tries: as long as the channel asks; otherwise
    longer each time up to a quarter of an hour, or a quarter of an hour at once if a person has to act.

    A message is tried 700 times before it becomes a dead letter: at least a week, of the two that SQS keeps it.
    """
    if error.after is not None:
        return max(1, min(error.after, LONGEST_DELAY))
    return backoff(received, 10, LONGEST_PAUSE) if error.passes else LONGEST_PAUSE
