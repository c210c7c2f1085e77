"""post_email: delivers an event of Trialbook's bus by mail. An address in trouble does not hold up the others."""

from trialbook.core.destination import Channel
from trialbook.delivery.email_channel import ToEmail
from trialbook.delivery.events_to_messages import MessagesWithDestinations
from trialbook.delivery.send_once import deliver_each


def post_email(messages: MessagesWithDestinations, to_email: ToEmail, received: int = 1) -> int:
    """Delivers the messages of an event; returns to how many addresses. `received` is how often SQS has handed out the
    event. Raises as `deliver_each` does."""
    pairs = [(message, to) for message, destinations in messages for to in destinations if to.channel is Channel.EMAIL]
    return deliver_each(pairs, to_email.deliver, received)
