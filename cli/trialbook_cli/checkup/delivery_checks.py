"""Whether messages reach people: the rules document, Slack, mail."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from trialbook.adapters.rules_document import read_rules
from trialbook.core.destination import Channel
from trialbook.core.errors import InvalidRules
from trialbook.core.messages.remedies import remedy
from trialbook.core.rules.document import Rules
from trialbook_cli.checkup.deployment import Deployment, Finding, Level, is_missing

_SLACK_SCOPES = ("chat:write", "files:write")
_MOST_CHANNELS = 20  # are looked at: Slack allows some fifty calls a minute


def rules_document(deployment: Deployment) -> Iterator[Finding]:
    """Whether the stored rules document is valid."""
    name = deployment.stack.outputs.get("RulesParameter", "")
    client = deployment.client("ssm")
    try:
        text = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        read_rules(text)
    except client.exceptions.ParameterNotFound:
        yield Finding(Level.OK, f"no rules document at {name}: everything has its default")
    except InvalidRules as error:
        todo = "correct it, try it with trialbook rules check, then trialbook rules push"
        yield Finding(Level.PROBLEM, f"{name} is invalid, the last good one is in force: {error}", todo)
    else:
        yield Finding(Level.OK, f"the rules document at {name} is valid")


def slack(deployment: Deployment) -> Iterator[Finding]:
    """The token, by auth.test, and its scopes."""
    try:
        token = slack_token(deployment)
    except ClientError as error:
        if not is_missing(error):
            raise
        place = deployment.parameter("SlackTokenSecretArn") or deployment.parameter("SlackTokenParameter")
        todo = "store the app's bot token there: docs/slack.md tells how"
        yield Finding(Level.PROBLEM, f"the Slack token is missing: nothing is stored at {place}", todo)
        return
    if token is None:
        if deployment.parameter("SlackWebhookParameter"):
            yield from _webhook(deployment)
        else:
            yield Finding(Level.NOTE, "no Slack token is configured", "see docs/slack.md")
        return
    answer = deployment.slack(token)
    if answer.get("unreachable"):
        todo = "check the network from here; functions may reach Slack all the same"
        yield Finding(Level.PROBLEM, f"Slack does not answer: {answer['unreachable']}", todo)
        return
    if not answer.get("ok"):
        todo = "store a valid bot token where the stack's parameter says: docs/slack.md tells how"
        yield Finding(Level.PROBLEM, f"Slack refuses the token: {answer.get('error')}", todo)
        return
    scopes = answer.get("scopes", ())
    lacking = [scope for scope in _SLACK_SCOPES if scope not in scopes]
    if lacking:
        todo = "add them in the app's OAuth & Permissions, then install it again"
        yield Finding(Level.PROBLEM, f"the Slack token lacks {', '.join(lacking)}", todo)
    else:
        yield Finding(Level.OK, f"Slack knows the token as {answer.get('user')} of {answer.get('team')}")
    if not {"channels:history", "groups:history"} & set(scopes):
        todo = "add channels:history, and groups:history for private channels"
        yield Finding(Level.NOTE, "without a scope for history, a crash may post a message twice", todo)
    yield from _channels(deployment, token)
    if not deployment.parameter("SlackChannel"):
        yield Finding(Level.NOTE, "no SlackChannel is set: only routes of the rules document name channels")


def _webhook(deployment: Deployment) -> Iterator[Finding]:
    name = deployment.parameter("SlackWebhookParameter")
    try:
        secure_string(deployment, name)
    except ClientError as error:
        if not is_missing(error):
            raise
        todo = "store the webhook's address there: docs/slack.md tells how"
        yield Finding(Level.PROBLEM, f"the Slack webhook is missing: nothing is stored at {name}", todo)
        return
    yield Finding(Level.OK, "messages go to Slack by an incoming webhook; try it: trialbook test-message")


def _channels(deployment: Deployment, token: str) -> Iterator[Finding]:
    """The channels that parameters and routes name: whether messages reach them."""
    routes = _rules(deployment).routes
    named = [each.text for route in routes for each in route.to if each.channel is Channel.SLACK]
    wanted = dict.fromkeys([deployment.parameter("SlackChannel"), *named])
    for channel in [each for each in wanted if each.startswith(("#", "C", "G"))][:_MOST_CHANNELS]:
        trouble = deployment.trouble(token, channel)
        if trouble is not None:
            what = f"no message reaches the Slack channel {channel}: {trouble}"
            yield Finding(Level.PROBLEM, what, remedy(trouble, channel) or "docs/slack.md tells how channels are named")


def _rules(deployment: Deployment) -> Rules:
    """Those that are stored; none where they can't be read, which `rules_document` tells."""
    name, client = deployment.stack.outputs.get("RulesParameter", ""), deployment.client("ssm")
    try:
        return read_rules(client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
    except (client.exceptions.ParameterNotFound, InvalidRules):
        return Rules()


def slack_token(deployment: Deployment) -> str | None:
    """The bot's token, from where the stack's parameters say; None if there is none."""
    secret, name = deployment.parameter("SlackTokenSecretArn"), deployment.parameter("SlackTokenParameter")
    if secret:
        return str(deployment.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]).strip()
    return secure_string(deployment, name) if name else None


def secure_string(deployment: Deployment, name: str) -> str:
    """The value of an SSM SecureString."""
    return str(deployment.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]).strip()


def email(deployment: Deployment) -> Iterator[Finding]:
    """Whether SES takes mail from the sender, for anyone."""
    sender = deployment.parameter("EmailFrom")
    if not sender:
        yield Finding(Level.NOTE, "no sender of email is configured", "see docs/email.md")
        return
    client = deployment.client("sesv2")
    if not _is_verified(client, sender):
        todo = "verify the address or its domain: aws sesv2 create-email-identity"
        yield Finding(Level.PROBLEM, f"SES has not verified {sender}", todo)
    if not client.get_account().get("ProductionAccessEnabled"):
        todo = "verify the recipients too, or ask AWS for production access"
        yield Finding(Level.PROBLEM, "SES is in the sandbox: it sends to verified addresses alone", todo)
    else:
        yield Finding(Level.OK, "SES is out of the sandbox")


def _is_verified(client: Any, sender: str) -> bool:
    address = sender.rpartition("<")[2].rstrip("> ")
    for identity in (address, address.rpartition("@")[2]):
        try:
            if client.get_email_identity(EmailIdentity=identity).get("VerifiedForSendingStatus"):
                return True
        except client.exceptions.NotFoundException:
            continue
    return False


DELIVERY_CHECKS = (rules_document, slack, email)
