"""How anything is sent once: claimed before the call, looked for where a former call's outcome is unknown, written down
after it. What sends is given; what it raises as NotSent says whether it may have been sent all the same."""

from collections.abc import Callable, Sequence
from datetime import datetime
from math import ceil

from trialbook.core.destination import Channel, Destination
from trialbook.core.message import Message
from trialbook.core.messages.delivery import Delivery, NotSent, Sent
from trialbook.core.messages.remedies import remedy
from trialbook.ledger.deliveries import Deliveries
from trialbook.ledger.table import Conflict
from trialbook.runtime import clock
from trialbook.runtime.observability import count, logger
from trialbook.runtime.sqs_batch import TryLater, backoff

LONGEST_DELAY = 43_000  # seconds; SQS takes 12 hours, counted from when the message came up
LONGEST_PAUSE = 900  # seconds; after that a channel that works again is noticed
_WAITS_FOR_ANOTHER = 5  # seconds


class WaitsForItsParent(TryLater):
    """A reply whose thread is not there yet: it waits as the message that begins the thread does."""


FindSent = Callable[[datetime], Sent | None]
Pair = tuple[Message, Destination]


def deliver_each(pairs: Sequence[Pair], deliver: Callable[[Message, Destination], None], received: int) -> int:
    """Delivers each message to its destination; gives how many. `received` is how often their event came up.

    A destination in trouble keeps no other waiting: all have their turn, then what went wrong is raised, TryLater with
    the shortest delay where only that did; a reply has none of its own beside that of the message it waits for. When
    the event comes again, what was delivered is not repeated.
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
        except Exception as error:  # noqa: BLE001 whatever it is, the other destinations have their turn
            wrong.append(error)
    if wrong:
        raise wrong[0]
    if waits:
        own = [each for each in waits if not isinstance(each, WaitsForItsParent)]
        raise min(own or waits, key=lambda each: each.delay)
    return len(pairs)


def _refusal(error: NotSent, message: Message, to: Destination, received: int) -> TryLater:
    """When it is tried again. Metric and log say why; an email address belongs in neither."""
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
    told = f"{error.reason}; {todo}" if todo else error.reason
    return TryLater(f"{to.channel} took no message: {told}", delay_after(error, received))


def wait_for_quiet_hours(to: Destination) -> None:
    """Raises TryLater during the destination's quiet hours."""
    now = clock.now()
    if to.not_before is not None and now < to.not_before:
        raise TryLater("quiet hours", min(ceil((to.not_before - now).total_seconds()), LONGEST_DELAY))


def claim(deliveries: Deliveries, delivery: Delivery, *, for_edit: bool = False) -> Delivery:
    """Writes down that it is about to be sent or edited. Raises TryLater where somebody else is at it."""
    now = clock.now()
    if delivery.is_held(now) and delivery.held_until is not None:
        raise TryLater("somebody else is sending it", ceil((delivery.held_until - now).total_seconds()) + 1)
    try:
        return deliveries.put(delivery.claimed_for_edit(now) if for_edit else delivery.claimed(now), now)
    except Conflict:
        raise TryLater("somebody else was faster", _WAITS_FOR_ANOTHER) from None


def send_once(
    deliveries: Deliveries,
    delivery: Delivery,
    send: Callable[[], Sent],
    find_sent: FindSent,
    shows: Callable[[Delivery], Delivery],
) -> Delivery:
    """Sends it unless it is there already, which `find_sent` finds out since a moment where a former call's outcome is
    unknown. `shows` adds what it shows now. Raises NotSent, and TryLater where somebody else is at it."""
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
    """How many seconds a message waits that was not sent, after it came up so many times: as long as the channel asks,
    otherwise longer each time up to a quarter of an hour; that long at once where somebody has to do something.

    A message comes up 700 times before it is given up for dead: that is a week in any case, of the two that it is kept.
    """
    if error.after is not None:
        return max(1, min(error.after, LONGEST_DELAY))
    return backoff(received, 10, LONGEST_PAUSE) if error.passes else LONGEST_PAUSE
