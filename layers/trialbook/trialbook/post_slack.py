"""post_slack: delivers an event of Trialbook's bus to Slack. A channel in trouble does not hold up the others."""

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING

from botocore.session import Session

from trialbook.adapters.s3 import Bucket
from trialbook.adapters.slack import Slack, Webhook
from trialbook.core.destination import Channel, Destination
from trialbook.core.message import Message, MessageKind
from trialbook.core.messages.delivery import NotSent
from trialbook.delivery.events_to_messages import MessagesWithDestinations
from trialbook.delivery.send_once import deliver_each
from trialbook.delivery.slack_channel import ToSlack
from trialbook.delivery.webhook_channel import ToWebhook
from trialbook.ledger.deliveries import Deliveries
from trialbook.runtime.settings import SlackSettings

if TYPE_CHECKING:
    from trialbook.adapters.secret_parameters import SecretParameters

_SLACK_CHANNELS = frozenset({Channel.SLACK, Channel.WEBHOOK})


def channels_of(
    settings: SlackSettings, session: Session, deliveries: Deliveries, bucket: Bucket
) -> tuple[ToSlack, ToWebhook]:
    """Slack's API and incoming webhooks by the settings. Their secrets are read when first needed."""

    @cache
    def secrets() -> "SecretParameters":
        from trialbook.adapters.secret_parameters import SecretParameters  # brings boto3, which costs a start 20 ms

        return SecretParameters(session)

    def token() -> str:
        if settings.token_secret:
            return secrets().secret(settings.token_secret)
        if settings.token_parameter:
            return secrets().parameter(settings.token_parameter)
        raise NotSent("no_token", passes=False)

    def url(name: str) -> str | None:
        """A webhook's address. Routes may name parameters other than the stack's, if their names begin with its
        name."""
        may_be_read = settings.webhook_parameter and name.startswith(settings.webhook_parameter)
        return secrets().parameter(name) if may_be_read else None

    slack = Slack(token, settings.api)
    return ToSlack(slack, deliveries, bucket), ToWebhook(Webhook(url), deliveries)


def _left_behind(message: Message, destinations: Collection[Destination], to_slack: ToSlack) -> list[Destination]:
    """The channels that hold the message of the sweep or pipeline, though no route leads there any more."""
    if message.kind not in (MessageKind.SWEEP, MessageKind.PIPELINE):
        return []
    meant = {each.address for each in destinations if each.channel is Channel.SLACK}
    return list({each.address: each for each in to_slack.standing(message) if each.address not in meant}.values())


def post_slack(messages: MessagesWithDestinations, to_slack: ToSlack, to_webhook: ToWebhook, received: int = 1) -> int:
    """Delivers the messages of an event; returns to how many destinations. `received` is how often SQS has handed out
    the event. Raises as `deliver_each` does."""
    pairs = [
        (message, to) for message, destinations in messages for to in destinations if to.channel in _SLACK_CHANNELS
    ]
    pairs += [
        (message, to) for message, destinations in messages for to in _left_behind(message, destinations, to_slack)
    ]

    def deliver(message: Message, to: Destination) -> None:
        if to.channel is Channel.WEBHOOK:
            to_webhook.deliver(message, to)
        else:
            to_slack.deliver(message, to, {each.about for each, other in pairs if other.address == to.address})

    return deliver_each(pairs, deliver, received)
