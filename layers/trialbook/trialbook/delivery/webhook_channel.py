"""A message at an incoming webhook of Slack: posted once, and again for each revision, because it can't be edited."""

from trialbook.adapters.slack import Webhook
from trialbook.core.destination import Channel, Destination
from trialbook.core.message import Message
from trialbook.core.messages.delivery import NotSent, Sent
from trialbook.delivery.send_once import send_once, wait_for_quiet_hours
from trialbook.ledger.deliveries import Deliveries
from trialbook.messages.slack import RenderOptions, slack_text
from trialbook.runtime.observability import count


class ToWebhook:
    """Delivers messages to incoming webhooks. Safe to repeat; raises NotSent and TryLater. A webhook can't be searched:
    if a process dies between Slack's answer and the record of it, the message is posted twice."""

    def __init__(self, webhook: Webhook, deliveries: Deliveries) -> None:
        self._webhook, self._deliveries = webhook, deliveries
        self._no_tables: set[str] = set()  # webhooks of workspaces that refuse tables and charts

    def deliver(self, message: Message, to: Destination) -> None:
        """Posts the message unless this revision was posted."""
        delivery = self._deliveries.get(message.about, Channel.WEBHOOK, to.address)
        if delivery.is_sent and message.revision <= delivery.revision:
            return
        wait_for_quiet_hours(to)
        send_once(
            self._deliveries,
            delivery,
            lambda: self._send(message, to),
            lambda since: None,
            lambda it: it.showing(message.id, message.version, message.revision),
        )
        count("MessagesSent", channel=Channel.WEBHOOK)

    def _send(self, message: Message, to: Destination) -> Sent:
        if to.address not in self._no_tables:
            try:
                self._webhook.post(to.address, slack_text(message, RenderOptions(mention=to.mention, bars=True)))
                return Sent("")
            except NotSent as error:
                if error.reason != "invalid_blocks":
                    raise
                self._no_tables.add(to.address)
        self._webhook.post(to.address, slack_text(message, RenderOptions(mention=to.mention, bars=True, native=False)))
        return Sent("")
