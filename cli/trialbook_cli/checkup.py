"""What `trialbook doctor` looks at: each check makes read-only calls and gives findings."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from trialbook.adapters.rules_document import read_rules
from trialbook.core.destination import Channel
from trialbook.core.errors import InvalidRules
from trialbook.core.messages.remedies import remedy
from trialbook.core.rules.document import Rules
from trialbook.core.times import iso_or_none
from trialbook_book.book import Book
from trialbook_book.stacks import Deployed

_OLD_MESSAGE = timedelta(hours=1)
_SLACK_SCOPES = ("chat:write", "files:write")
_MOST_CHANNELS = 20  # are looked at: Slack allows some fifty calls a minute


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen, and what to do about it."""

    level: Level
    what: str
    todo: str = ""


@dataclass(frozen=True)
class Patient:
    """A deployment: its book, its stack, and clients for its services. `slack` makes auth.test's call with a token;
    `trouble` tells, by Slack's word for it, what keeps messages from a channel."""

    book: Book
    stack: Deployed
    name: str
    now: datetime
    slack: Callable[[str], Mapping[str, Any]]
    trouble: Callable[[str, str], str | None] = lambda token, channel: None
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client of the person's own session."""
        if service not in self._clients:
            session: Session = self.book.ledger.session
            self._clients[service] = session.create_client(service)
        return self._clients[service]

    def resources(self, kind: str) -> list[tuple[str, str]]:
        """Logical and physical ids of the stack's resources of a CloudFormation type."""
        found = _resources(self.client("cloudformation"), self.name)
        return [(logical, physical) for logical, physical, each in found if each == kind]

    def parameter(self, name: str) -> str:
        """A parameter's value, empty where the stack has none of that name."""
        stacks = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        given: dict[str, str] = {
            each["ParameterKey"]: each["ParameterValue"] for each in stacks[0].get("Parameters", [])
        }
        return given.get(name, "")


@cache
def _resources(client: Any, stack: str) -> tuple[tuple[str, str, str], ...]:
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    summaries = (each for page in pages for each in page["StackResourceSummaries"])
    return tuple((e["LogicalResourceId"], e.get("PhysicalResourceId", ""), e["ResourceType"]) for e in summaries)


Check = Callable[[Patient], Iterator[Finding]]


def rules_enabled(patient: Patient) -> Iterator[Finding]:
    """Rules of EventBridge: a disabled one tells nothing."""
    off = []
    found = patient.resources("AWS::Events::Rule")
    for logical, physical in found:
        bus, _, name = physical.rpartition("|")
        request = {"Name": name, **({"EventBusName": bus} if bus else {})}
        if patient.client("events").describe_rule(**request)["State"] != "ENABLED":
            off.append(logical)
    for logical in off:
        yield Finding(Level.PROBLEM, f"rule {logical} is disabled", "aws events enable-rule, or deploy again")
    if not off:
        yield Finding(Level.OK, f"{len(found)} rules of EventBridge are enabled")


def queues(patient: Patient) -> Iterator[Finding]:
    """Dead letters, and messages that nobody takes."""
    waiting = dead = 0
    for logical, url in patient.resources("AWS::SQS::Queue"):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counted = patient.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        messages = int(counted[names[0]])
        if messages and "DeadLetters" in logical:
            dead += messages
            todo = "read one with aws sqs receive-message, remove its cause, then: trialbook redrive"
            yield Finding(Level.PROBLEM, f"{messages} messages in {logical} could not be handled", todo)
        elif messages and (age := _oldest(patient, url.rsplit("/", 1)[-1])) > _OLD_MESSAGE:
            todo = "look at the function's log for throttling or errors"
            yield Finding(Level.PROBLEM, f"the oldest message in {logical} has waited for {age}", todo)
        else:
            waiting += messages
    if not dead:
        yield Finding(Level.OK, f"no dead letters; {waiting} messages are waiting for their turn")


def _oldest(patient: Patient, queue: str) -> timedelta:
    points = patient.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=patient.now - timedelta(minutes=15),
        EndTime=patient.now,
        Period=300,
        Statistics=["Maximum"],
    )["Datapoints"]
    return timedelta(seconds=max((int(each["Maximum"]) for each in points), default=0))


def table(patient: Patient) -> Iterator[Finding]:
    """The ledger's table."""
    described = patient.client("dynamodb").describe_table(TableName=patient.stack.table)["Table"]
    if described["TableStatus"] != "ACTIVE":
        yield Finding(
            Level.PROBLEM, f"table {patient.stack.table} is {described['TableStatus']}", "wait, then look again"
        )
    else:
        yield Finding(Level.OK, f"table {patient.stack.table} is active, about {described['ItemCount']} items")


def last_seen(patient: Patient) -> Iterator[Finding]:
    """When a job was last recorded."""
    newest = patient.book.ledger.sweeps_page(None, 1).entries
    if not newest:
        todo = "train a job, or record what ran before: trialbook backfill --since 30d"
        yield Finding(Level.NOTE, "no sweep is recorded yet", todo)
        return
    moment = newest[0].last_at or newest[0].began_at
    yield Finding(Level.OK, f"the newest sweep, {newest[0].id}, was last active at {iso_or_none(moment)}")


def experiments_api(patient: Patient) -> Iterator[Finding]:
    """Whether this region has SageMaker Experiments; without it everything but attaching works."""
    try:
        patient.client("sagemaker").list_experiments(MaxResults=1)
    except (ClientError, BotoCoreError) as error:
        todo = "jobs are recorded all the same, but not attached to Experiments"
        yield Finding(Level.NOTE, f"SageMaker Experiments does not answer in {patient.stack.region}: {error}", todo)
        return
    yield Finding(Level.OK, f"{patient.stack.region} has SageMaker Experiments")


def functions(patient: Patient) -> Iterator[Finding]:
    """The functions' state and runtime."""
    found = patient.resources("AWS::Lambda::Function")
    bad = False
    runtimes = set()
    for logical, physical in found:
        told = patient.client("lambda").get_function_configuration(FunctionName=physical)
        runtimes.add(told.get("Runtime", "?"))
        if told.get("State") not in (None, "Active") or told.get("LastUpdateStatus") == "Failed":
            bad = True
            reason = told.get("StateReason") or told.get("LastUpdateStatusReason") or told.get("State")
            yield Finding(Level.PROBLEM, f"function {logical} is not active: {reason}", "deploy again: sam deploy")
    if not bad:
        yield Finding(Level.OK, f"{len(found)} functions are active, on {', '.join(sorted(runtimes)) or 'no runtime'}")


def rules_document(patient: Patient) -> Iterator[Finding]:
    """Whether the stored rules document is valid."""
    name = patient.stack.outputs.get("RulesParameter", "")
    client = patient.client("ssm")
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


def slack(patient: Patient) -> Iterator[Finding]:
    """The token, by auth.test, and its scopes."""
    token = slack_token(patient)
    if token is None:
        if patient.parameter("SlackWebhookParameter"):
            yield Finding(Level.OK, "Slack is told by an incoming webhook; try it: trialbook test-message")
        else:
            yield Finding(Level.NOTE, "no Slack token is configured", "see docs/slack.md")
        return
    told = patient.slack(token)
    if not told.get("ok"):
        todo = "store a valid bot token where the stack's parameter says: docs/slack.md tells how"
        yield Finding(Level.PROBLEM, f"Slack refuses the token: {told.get('error')}", todo)
        return
    scopes = told.get("scopes", ())
    lacking = [scope for scope in _SLACK_SCOPES if scope not in scopes]
    if lacking:
        todo = "add them in the app's OAuth & Permissions, then install it again"
        yield Finding(Level.PROBLEM, f"the Slack token lacks {', '.join(lacking)}", todo)
    else:
        yield Finding(Level.OK, f"Slack knows the token as {told.get('user')} of {told.get('team')}")
    if not {"channels:history", "groups:history"} & set(scopes):
        todo = "add channels:history, and groups:history for private channels"
        yield Finding(Level.NOTE, "without a scope for history, a crash may post a message twice", todo)
    yield from _channels(patient, token)
    if not patient.parameter("SlackChannel"):
        yield Finding(Level.NOTE, "no SlackChannel is set: only routes of the rules document name channels")


def _channels(patient: Patient, token: str) -> Iterator[Finding]:
    """The channels that parameters and routes name: whether messages reach them."""
    routes = _rules(patient).routes
    named = [each.text for route in routes for each in route.to if each.channel is Channel.SLACK]
    wanted = dict.fromkeys([patient.parameter("SlackChannel"), *named])
    for channel in [each for each in wanted if each.startswith(("#", "C", "G"))][:_MOST_CHANNELS]:
        trouble = patient.trouble(token, channel)
        if trouble is not None:
            what = f"no message reaches the Slack channel {channel}: {trouble}"
            yield Finding(Level.PROBLEM, what, remedy(trouble, channel) or "docs/slack.md tells how channels are named")


def _rules(patient: Patient) -> Rules:
    """Those that are stored; none where they can't be read, which `rules_document` tells."""
    name, client = patient.stack.outputs.get("RulesParameter", ""), patient.client("ssm")
    try:
        return read_rules(client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
    except (client.exceptions.ParameterNotFound, InvalidRules):
        return Rules()


def slack_token(patient: Patient) -> str | None:
    """The bot's token, from where the stack's parameters say; None where there is none."""
    secret, name = patient.parameter("SlackTokenSecretArn"), patient.parameter("SlackTokenParameter")
    if secret:
        return str(patient.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]).strip()
    return secure_string(patient, name) if name else None


def secure_string(patient: Patient, name: str) -> str:
    """The value of an SSM SecureString."""
    return str(patient.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]).strip()


def email(patient: Patient) -> Iterator[Finding]:
    """Whether SES takes mail from the sender, for anyone."""
    sender = patient.parameter("EmailFrom")
    if not sender:
        yield Finding(Level.NOTE, "no sender of email is configured", "see docs/email.md")
        return
    client = patient.client("sesv2")
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


CHECKS: tuple[Check, ...] = (
    rules_enabled,
    queues,
    functions,
    table,
    last_seen,
    experiments_api,
    rules_document,
    slack,
    email,
)


def examined(patient: Patient) -> Iterator[Finding]:
    """All findings. A check that may not look says so, and the others go on."""
    for check in CHECKS:
        try:
            yield from check(patient)
        except (ClientError, BotoCoreError) as error:
            what = f"{check.__name__.replace('_', ' ')}: could not be checked: {error}"
            yield Finding(Level.NOTE, what, "allow the read-only call, or ask somebody who may make it")
