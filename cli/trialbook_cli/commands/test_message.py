"""`trialbook test-message`: one message to a channel, for real."""

from dataclasses import replace
from datetime import datetime

from trialbook.adapters.ses import Ses
from trialbook.adapters.slack import API, Slack, Webhook
from trialbook.core.destination import Channel
from trialbook.core.errors import InvalidInput
from trialbook.core.message import Fact, Message, MessageKind, Mood, Table
from trialbook.core.messages.delivery import NotSent
from trialbook.core.messages.remedies import remedy
from trialbook.messages.email import Enclosed, Letterhead, email_of
from trialbook.messages.slack import Look, slack_text
from trialbook.runtime import clock
from trialbook_cli.checkup.delivery_checks import secure_string, slack_token
from trialbook_cli.checkup.deployment import Deployment
from trialbook_cli.frame import Source
from trialbook_cli.plain import FAILED, OK, say
from trialbook_cli.problems import chosen
from trialbook_cli.terminal import fail

_DEFAULTS = {
    Channel.SLACK: "SlackChannel",
    Channel.WEBHOOK: "SlackWebhookParameter",
    Channel.EMAIL: "EmailTo",
}
_PAGES = {Channel.SLACK: "slack.md", Channel.WEBHOOK: "slack.md", Channel.EMAIL: "email.md"}


def run(source: Source, channel: str, to: str, slack_url: str | None) -> int:
    """Exit code 1 where the channel does not take it."""
    wanted = chosen("--channel", channel, Channel)
    book = source.open_to_write()
    assert book.stack is not None, "the options of these commands name a stack"
    deployment = Deployment(book, book.stack, source.stack, clock.now(), lambda token: {})
    try:
        where = _SENDERS[wanted](deployment, to, slack_url or API)
    except NotSent as error:
        otherwise = "try again in a minute" if error.passes else f"docs/{_PAGES[wanted]} tells what to set"
        todo = remedy(error.reason, to or deployment.parameter(_DEFAULTS[wanted])) or otherwise
        return fail(f"{channel} does not take it: {error.reason}; {todo}", FAILED)
    say(f"sent to {channel} {where}: it looks as messages will")
    return OK


def _to_slack(deployment: Deployment, to: str, api: str) -> str:
    token = slack_token(deployment)
    if token is None:
        raise InvalidInput("SlackTokenParameter", "", "a token's name, in the stack's parameters (docs/slack.md)")
    address = to or deployment.parameter("SlackChannel")
    if not address:
        raise InvalidInput("--to", to, "a channel, as the stack has no SlackChannel")
    Slack(lambda: token, api).post(address, slack_text(_message(deployment.now, deployment.name)), {"about": "test"})
    return address


def _to_webhook(deployment: Deployment, to: str, api: str) -> str:
    name = to or deployment.parameter("SlackWebhookParameter")
    if not name:
        raise InvalidInput("SlackWebhookParameter", "", "a parameter's name, in the stack's parameters (docs/slack.md)")
    message = slack_text(_message(deployment.now, deployment.name), Look(bars=True))
    Webhook(lambda asked: secure_string(deployment, asked)).post(name, message)
    return name


def _to_email(deployment: Deployment, to: str, api: str) -> str:
    """To the stack's first recipient, where no other is given: a test need not reach the whole team."""
    sender = deployment.parameter("EmailFrom")
    if not sender:
        raise InvalidInput("EmailFrom", "", "a verified identity, in the stack's parameters (docs/email.md)")
    address = to or deployment.parameter("EmailTo").split(",")[0].strip()
    if not address:
        raise InvalidInput("--to", to, "an email address, as the stack has no EmailTo")
    reply_to, unsubscribe = (deployment.parameter(name) or None for name in ("EmailReplyTo", "EmailUnsubscribe"))
    mail = email_of(
        _message(deployment.now, deployment.name), address, Letterhead(sender, reply_to, unsubscribe), Enclosed()
    )
    Ses(deployment.book.ledger.session).send(mail)
    return address


_SENDERS = {Channel.SLACK: _to_slack, Channel.WEBHOOK: _to_webhook, Channel.EMAIL: _to_email}


def _message(now: datetime, stack: str) -> Message:
    made = Message(
        id="test",
        about="test",
        kind=MessageKind.SWEEP,
        mood=Mood.GOOD,
        experiment=stack,
        title="A test of Trialbook's messages",
        subject="A test of Trialbook's messages: this channel takes them",
        verdict="This channel takes messages.",
        at=now,
        sentences=("Nothing was trained: somebody called trialbook test-message.",),
    )
    table = Table(("#", "error", "depth"), (("1", "0.039", "4"), ("2", "0.042", "8")), (0, 1, 2), 0)
    return replace(made, table=table, facts=(Fact("Stack", stack),))
