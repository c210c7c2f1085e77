"""Which message goes where."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from trialbook.core.messages.destination import Channel as Channel
from trialbook.core.messages.destination import Destination as Destination
from trialbook.core.messages.model import Message, MessageKind, Mood
from trialbook.core.rules import Rules


@dataclass(frozen=True, slots=True)
class Defaults:
    """The default route: where messages go that no route of the rules document takes. `webhook` is the name of the
    parameter that holds an incoming webhook's address."""

    slack: str | None = None
    webhook: str | None = None
    email: tuple[str, ...] = ()

    def destinations(self) -> tuple[Destination, ...]:
        """As destinations."""
        slack = [Destination(Channel.SLACK, self.slack)] if self.slack else []
        webhook = [Destination(Channel.WEBHOOK, self.webhook)] if self.webhook else []
        return (*slack, *webhook, *(Destination(Channel.EMAIL, address) for address in self.email))


def destinations(message: Message, rules: Rules, defaults: Defaults, now: datetime) -> tuple[Destination, ...]:
    """Where the message goes; each destination once."""
    return tuple(_suiting(message, defaults))


def _suiting(message: Message, defaults: Defaults) -> Iterator[Destination]:
    for each in defaults.destinations():
        if suits(message, each.channel):
            yield each


def suits(message: Message, channel: Channel) -> bool:
    """Whether the message is worth a channel's attention, unless a route asks for it by kind or event.

    Slack's messages are edited, so all of them; an incoming webhook can't edit, so what is final; an email must be
    worth opening: what is final with its report, and what failed.
    """
    if channel is Channel.SLACK:
        return True
    match message.kind:
        case MessageKind.SWEEP:
            is_new = message.changes_answer or channel is Channel.WEBHOOK
            return message.is_final and is_new
        case MessageKind.JOB:
            return message.mood is Mood.BAD or channel is Channel.WEBHOOK
        case MessageKind.ALERT | MessageKind.BEST_TRIALS:
            return True
    return False
