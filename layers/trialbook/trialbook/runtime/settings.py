"""The functions' environment variables, as template.yaml sets them. Each function reads the parts that it needs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from trialbook.core.errors import InvalidInput
from trialbook.core.kinds import JobKind, kinds_of

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The accounts and regions whose jobs the book holds.

    `here` is the function's own account and region; `members` are those whose events are forwarded to it (member.yaml),
    where SageMaker is asked by `member_role`, an ARN with {account} in it. `optional_kinds` are the kinds of jobs that
    the stack's parameters turn on.
    """

    here: tuple[str, str] = ("", "")
    members: tuple[tuple[str, str], ...] = ()
    member_role: str = ""
    optional_kinds: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[JobKind, ...]:
        """The kinds of jobs that reconcile looks for."""
        return kinds_of(self.optional_kinds)

    @staticmethod
    def from_environment(environment: Environment = os.environ) -> "AccountSettings":
        """Nothing of it is required."""
        here = environment.get("ACCOUNT", ""), environment.get("AWS_REGION", "")
        optional = _listed(environment.get("OPTIONAL_KINDS", ""))
        return AccountSettings(here, _members(environment, here), environment.get("MEMBER_ROLE", ""), optional)

    def role_for(self, account: str, region: str) -> str | None:
        """The ARN of the role by which SageMaker is asked there; None where the function asks with its own rights."""
        if not self.member_role or (account, region) == self.here:
            return None
        return self.member_role.format(account=account)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The ledger and what goes with it. `expire_days` is None where items never expire."""

    ledger_table: str
    expire_days: int | None = None
    rules_parameter: str | None = None
    looks_up_prices: bool = False
    reads_mlflow_metrics: bool = False
    mlflow_endpoint: str = ""
    accounts: AccountSettings = field(default_factory=AccountSettings)

    @staticmethod
    def from_environment(environment: Environment = os.environ) -> "ServiceSettings":
        """Raises InvalidInput, naming the variable, if the table is missing or a number is none."""
        return ServiceSettings(
            ledger_table=_required(environment, "LEDGER_TABLE", "the name of the ledger's table"),
            expire_days=_days(environment.get("EXPIRE_DAYS")),
            rules_parameter=environment.get("RULES_PARAMETER") or None,
            looks_up_prices=environment.get("LOOK_UP_PRICES") == "true",
            reads_mlflow_metrics=environment.get("MLFLOW_METRICS") == "on",
            mlflow_endpoint=environment.get("MLFLOW_ENDPOINT", ""),  # another one on laptops
            accounts=AccountSettings.from_environment(environment),
        )


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A function's queue. The address is empty if the function never changes when a message comes again."""

    dead_letters_url: str
    url: str = ""

    @staticmethod
    def from_environment(environment: Environment = os.environ) -> "QueueSettings":
        """Raises InvalidInput if the dead-letter queue is missing."""
        dead_letters = _required(environment, "DEAD_LETTERS_URL", "the address of the dead-letter queue")
        return QueueSettings(dead_letters, environment.get("QUEUE_URL", ""))


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Links to reports: the secret that signs them and the address that opens them. Both are empty without links."""

    secret: str = ""
    url: str = ""

    @staticmethod
    def from_environment(environment: Environment = os.environ) -> "LinkSettings":
        """Nothing of it is required."""
        return LinkSettings(environment.get("REPORT_LINK_SECRET", ""), environment.get("REPORT_LINKS_URL", ""))


_SLACK_API = "https://slack.com/api/"


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """A channel with a token (a parameter or a secret holds it), an incoming webhook (a parameter holds it), or
    neither."""

    channel: str | None = None
    webhook_parameter: str | None = None
    token_parameter: str | None = None
    token_secret: str | None = None
    api: str = _SLACK_API

    @staticmethod
    def from_environment(environment: Environment = os.environ) -> "SlackSettings":
        """Nothing of it is required."""
        return SlackSettings(
            channel=environment.get("SLACK_CHANNEL") or None,
            webhook_parameter=environment.get("SLACK_WEBHOOK_PARAMETER") or None,
            token_parameter=environment.get("SLACK_TOKEN_PARAMETER") or None,
            token_secret=environment.get("SLACK_TOKEN_SECRET") or None,
            api=environment.get("SLACK_API") or _SLACK_API,  # another one on laptops
        )


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """Whom mails go to by default, and who sends them."""

    to: tuple[str, ...] = ()
    sender: str = ""
    reply_to: str | None = None
    unsubscribe: str | None = None

    @staticmethod
    def from_environment(environment: Environment = os.environ) -> "EmailSettings":
        """Nothing of it is required."""
        return EmailSettings(
            to=_listed(environment.get("EMAIL_TO", "")),
            sender=environment.get("EMAIL_FROM", ""),
            reply_to=environment.get("EMAIL_REPLY_TO") or None,
            unsubscribe=environment.get("EMAIL_UNSUBSCRIBE") or None,
        )


@dataclass(frozen=True, slots=True)
class MlflowSettings:
    """The tracking server, empty without one; its token, where artifacts go, and where people see its pages. On laptops
    also whose certificates are trusted, and the client's own."""

    server: str = ""
    token_parameter: str | None = None
    token_secret: str | None = None
    artifact_store: str | None = None
    pages: str | None = None
    authorities: str | None = None
    certificate: str | None = None
    trusts_anybody: bool = False

    @staticmethod
    def from_environment(environment: Environment = os.environ) -> "MlflowSettings":
        """Nothing of it is required."""
        return MlflowSettings(
            server=environment.get("MLFLOW_SERVER", ""),
            token_parameter=environment.get("MLFLOW_TOKEN_PARAMETER") or None,
            token_secret=environment.get("MLFLOW_TOKEN_SECRET") or None,
            artifact_store=environment.get("MLFLOW_ARTIFACT_STORE") or None,
            pages=environment.get("MLFLOW_PAGES") or None,
            authorities=environment.get("MLFLOW_AUTHORITIES") or None,
            certificate=environment.get("MLFLOW_CERTIFICATE") or None,
            trusts_anybody=environment.get("MLFLOW_TRUSTS_ANYBODY") == "true",
        )


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """Where messages go by default, and what they link to."""

    slack: SlackSettings = field(default_factory=SlackSettings)
    email: EmailSettings = field(default_factory=EmailSettings)
    mlflow: MlflowSettings = field(default_factory=MlflowSettings)
    links: LinkSettings = field(default_factory=LinkSettings)

    @staticmethod
    def from_environment(environment: Environment = os.environ) -> "DestinationSettings":
        """Nothing of it is required."""
        return DestinationSettings(
            SlackSettings.from_environment(environment),
            EmailSettings.from_environment(environment),
            MlflowSettings.from_environment(environment),
            LinkSettings.from_environment(environment),
        )


def capture_queue_url(environment: Environment = os.environ) -> str:
    """The address of capture_job's queue; empty if it is not deployed."""
    return environment.get("CAPTURE_QUEUE_URL", "")


def captures_jobs(environment: Environment = os.environ) -> bool:
    """Whether capture_job is deployed, which keeps the curves of jobs."""
    return environment.get("CAPTURE_JOBS") == "on"


def reports_bucket(environment: Environment = os.environ) -> str:
    """The name of the bucket with the reports. Raises InvalidInput if it is missing."""
    return _required(environment, "REPORTS_BUCKET", "the name of the bucket with the reports")


def event_bus(environment: Environment = os.environ) -> str:
    """The name of Trialbook's own bus. Raises InvalidInput if it is missing."""
    return _required(environment, "EVENT_BUS", "the name of Trialbook's event bus")


def announces_each_job(environment: Environment = os.environ) -> bool:
    """Whether each job's changes go to the bus too, not only sweeps and finished jobs."""
    return environment.get("ANNOUNCE_EACH_JOB") == "true"


def _required(environment: Environment, name: str, expected: str) -> str:
    value = environment.get(name)
    if not value:
        raise InvalidInput(name, value, expected)
    return value


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _members(environment: Environment, here: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    regions = _listed(environment.get("MEMBER_REGIONS", "")) or here[1:]
    places = ((account, region) for account in _listed(environment.get("MEMBER_ACCOUNTS", "")) for region in regions)
    return tuple(place for place in places if place != here)


def _days(text: str | None) -> int | None:
    if not text or text == "0":
        return None
    if not text.isdecimal():
        raise InvalidInput("EXPIRE_DAYS", text, "a whole number of days, or 0 for never")
    return int(text)
