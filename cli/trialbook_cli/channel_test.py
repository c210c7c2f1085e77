"""One message to a channel, sent for real."""

from dataclasses import replace
from datetime import datetime

import slack_sdk  # noqa: F401 the adapter imports it for the first message; here a missing part is named before AWS is asked

from trialbook.adapters.ses import Ses
from trialbook.adapters.slack import API, Slack, Webhook
from trialbook.core.destination import Channel
from trialbook.core.message import Fact, Message, MessageKind, Mood, Table
from trialbook.core.messages.delivery import NotSent
from trialbook.core.messages.remedies import remedy
from trialbook.messages.email import Enclosed, Letterhead, email_of
from trialbook.messages.slack import RenderOptions, slack_text
from trialbook.runtime import clock
from trialbook_cli.checkup.delivery_checks import secure_string, slack_token
from trialbook_cli.checkup.deployment import Deployment
from trialbook_cli.options import Source
from trialbook_cli.usage_error import UsageError

_DEFAULTS = {
    Channel.SLACK: "SlackChannel",
    Channel.WEBHOOK: "SlackWebhookParameter",
    Channel.EMAIL: "EmailTo",
}
_PAGES = {Channel.SLACK: "slack.md", Channel.WEBHOOK: "slack.md", Channel.EMAIL: "email.md"}


class Refused(Exception):
    """The channel did not take the message: says why and what to do."""


def send_test(source: Source, channel: Channel, to: str, slack_url: str | None) -> str:
    """Sends a message and returns where to. Raises Refused if the channel does not take it, UsageError if the stack's
    parameters name no sender or recipient."""
    book = source.open_to_write()
    assert book.stack is not None, "these commands take no --table and no --book"
    deployment = Deployment(book, book.stack, source.stack, clock.now(), lambda token: {})
    try:
        return _SENDERS[channel](deployment, to, slack_url or API)
    except NotSent as error:
        otherwise = "try again in a minute" if error.passes else f"docs/{_PAGES[channel]} says what to set"
        todo = remedy(error.reason, to or deployment.parameter(_DEFAULTS[channel])) or otherwise
        raise Refused(f"{channel} refused the message: {error.reason}; {todo}") from error


def _to_slack(deployment: Deployment, to: str, api: str) -> str:
    token = slack_token(deployment)
    if token is None:
        raise UsageError("The stack has no SlackTokenParameter: docs/slack.md says how to set it.")
    address = to or deployment.parameter("SlackChannel")
    if not address:
        raise UsageError("The stack has no SlackChannel: give a channel with --to.")
    Slack(lambda: token, api).post(address, slack_text(_message(deployment.now, deployment.name)), {"about": "test"})
    return address


def _to_webhook(deployment: Deployment, to: str, api: str) -> str:
    name = to or deployment.parameter("SlackWebhookParameter")
    if not name:
        raise UsageError("The stack has no SlackWebhookParameter: docs/slack.md says how to set it.")
    message = slack_text(_message(deployment.now, deployment.name), RenderOptions(bars=True))
    Webhook(lambda asked: secure_string(deployment, asked)).post(name, message)
    return name


def _to_email(deployment: Deployment, to: str, api: str) -> str:
    """By default to the stack's first recipient: a test need not reach the whole team."""
    sender = deployment.parameter("EmailFrom")
    if not sender:
        raise UsageError("The stack has no EmailFrom: docs/email.md says how to set it.")
    address = to or deployment.parameter("EmailTo").split(",")[0].strip()
    if not address:
        raise UsageError("The stack has no EmailTo: give an email address with --to.")
    reply_to, unsubscribe = (deployment.parameter(name) or None for name in ("EmailReplyTo", "EmailUnsubscribe"))
    mail = email_of(
        _message(deployment.now, deployment.name), address, Letterhead(sender, reply_to, unsubscribe), Enclosed()
    )
    Ses(deployment.book.ledger.session).send(mail)
    return address


_SENDERS = {Channel.SLACK: _to_slack, Channel.WEBHOOK: _to_webhook, Channel.EMAIL: _to_email}


def _message(now: datetime, stack: str) -> Message:
    message = Message(
        id="test",
        about="test",
        kind=MessageKind.SWEEP,
        mood=Mood.GOOD,
        experiment=stack,
        title="A test of Trialbook's messages",
        subject="A test of Trialbook's messages: this channel takes them",
        verdict="This channel takes messages.",
        at=now,
        sentences=("Nothing was trained: somebody ran trialbook test-message.",),
    )
    table = Table(("#", "error", "depth"), (("1", "0.039", "4"), ("2", "0.042", "8")), (0, 1, 2), 0)
    return replace(message, table=table, facts=(Fact("Stack", stack),))
