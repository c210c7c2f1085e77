"""Which messages follow from an event."""

from trialbook.core.announcements import Announcement
from trialbook.core.messages.facts import Facts, JobFacts
from trialbook.core.messages.model import Message
from trialbook.core.messages.sweep import sweep_message
from trialbook.core.rules import Rules


def messages_of(event: Announcement, facts: Facts, rules: Rules) -> tuple[Message, ...]:
    """The messages that an event gives, from what is so now; the same event and facts always give the same."""
    if isinstance(facts, JobFacts):
        return ()
    if facts.sweep.is_history or facts.sweep.is_single:
        return ()
    return (sweep_message(event, facts, rules),)
