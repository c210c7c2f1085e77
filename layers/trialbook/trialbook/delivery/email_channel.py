"""A message as mail: sent once to each address, and once more for each revision that has something new.

If a process dies between SES's answer and the record of it, it is unknown whether the mail was sent, and SES can't be
asked. The mail is then sent again, under the same Message-ID. Only then can a mail come twice.
"""

from trialbook.adapters.s3 import Bucket
from trialbook.adapters.ses import Ses
from trialbook.core.destination import Channel, Destination
from trialbook.core.errors import InvalidInput
from trialbook.core.message import Message, Stored
from trialbook.core.messages.delivery import MESSAGE, NotSent, Sent
from trialbook.delivery.send_once import send_once, wait_for_quiet_hours
from trialbook.ledger.deliveries import Deliveries
from trialbook.messages.email import Enclosed, Letterhead, email_of
from trialbook.runtime import clock
from trialbook.runtime.observability import count


class ToEmail:
    """Delivers messages to addresses. Safe to repeat; raises NotSent and TryLater."""

    def __init__(self, ses: Ses, head: Letterhead, deliveries: Deliveries, bucket: Bucket) -> None:
        self._ses, self._head, self._deliveries, self._bucket = ses, head, deliveries, bucket

    def deliver(self, message: Message, to: Destination) -> None:
        """Sends the message unless it was sent."""
        delivery = self._deliveries.get(message.about, Channel.EMAIL, to.address, part_of(message))
        if delivery.is_sent:
            return
        wait_for_quiet_hours(to)
        if delivery.may_be_there() and not delivery.is_held(clock.now()):
            count("MailsSentAgain")
        send_once(
            self._deliveries,
            delivery,
            lambda: self._send(message, to),
            lambda since: None,
            lambda it: it.showing(message.id, message.version, message.revision),
        )
        count("MessagesSent", channel=Channel.EMAIL)

    def _send(self, message: Message, to: Destination) -> Sent:
        enclosed = Enclosed(
            self._content(message.picture.stored if message.picture else None), self._content(message.report)
        )
        try:
            mail = email_of(message, to.address, self._head, enclosed)
        except InvalidInput as error:  # its text has the address in it, which belongs in no log
            raise NotSent(f"{error.field} is no email address", passes=False) from None
        return Sent(self._ses.send(mail))

    def _content(self, stored: Stored | None) -> bytes | None:
        return None if stored is None else self._bucket.get(stored.key)


def part_of(message: Message) -> str:
    """Which of the mails about a sweep or job it is. The end is mailed once, and once more for each revision; progress,
    if a route asks for it, once for each event."""
    if not message.is_final:
        return f"{MESSAGE}@{message.event_type}"
    return MESSAGE if message.revision < 2 else f"{MESSAGE}~{message.revision}"
