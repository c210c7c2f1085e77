"""post_email: an event of Trialbook's bus becomes mails. An address in trouble keeps no other waiting."""

from trialbook.batches import TryLater
from trialbook.core.messages.delivery import NotSent
from trialbook.core.messages.destination import Channel, Destination
from trialbook.core.messages.model import Message
from trialbook.delivering import delay_after
from trialbook.observability import count, logger
from trialbook.telling import Told
from trialbook.to_email import ToEmail


def post_email(told: Told, to_email: ToEmail, received: int = 1) -> int:
    """Delivers what an event made people be told; gives to how many addresses. `received` is how often the event came
    up.

    What could not be delivered is tried again when the event comes again; what was delivered is not repeated. Raises
    TryLater then, or what else went wrong once all others have had their turn.
    """
    pairs = [(message, to) for message, destinations in told for to in destinations if to.channel is Channel.EMAIL]
    waits: list[TryLater] = []
    wrong: list[Exception] = []
    for message, to in pairs:
        try:
            to_email.deliver(message, to)
        except NotSent as error:
            waits.append(_refusal(error, message, to, received))
        except TryLater as later:
            waits.append(later)
        except Exception as error:  # noqa: BLE001 whatever it is, the other addresses have their turn
            wrong.append(error)
    if wrong:
        raise wrong[0]
    if waits:
        raise min(waits, key=lambda each: each.delay)
    return len(pairs)


def _refusal(error: NotSent, message: Message, to: Destination, received: int) -> TryLater:
    """When it is tried again. Metric and log say why, and to no address."""
    count("MessagesFailed", channel=to.channel, reason=error.reason)
    if not error.passes:
        count("MessagesRefused")
    logger.warning("a mail was not taken", about=message.about, reason=error.reason)
    return TryLater(f"{to.channel} took no message: {error.reason}", delay_after(error, received))
