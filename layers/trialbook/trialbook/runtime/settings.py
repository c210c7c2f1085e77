"""The environment of a function, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from trialbook.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Settings:
    """What template.yaml gives a function. Optional parts are None where their condition is off.

    `here` is the function's own account and region; `members` are those whose events are forwarded to it (member.yaml),
    where SageMaker is asked by `member_role`, an ARN with {account} in it.
    """

    ledger_table: str
    event_bus: str = ""
    rules_parameter: str | None = None
    reports_bucket: str | None = None
    expire_days: int | None = None
    queue_url: str = ""
    dead_letters_url: str = ""
    report_link_secret: str = ""
    report_links_url: str = ""
    looks_up_prices: bool = False
    here: tuple[str, str] = ("", "")
    members: tuple[tuple[str, str], ...] = ()
    member_role: str = ""
    slack_channel: str | None = None
    slack_webhook_parameter: str | None = None
    slack_token_parameter: str | None = None
    slack_token_secret: str | None = None
    slack_api: str = "https://slack.com/api/"
    announces_each_job: bool = False
    mlflow_server: str = ""
    mlflow_token_parameter: str | None = None
    mlflow_token_secret: str | None = None
    mlflow_artifact_store: str | None = None
    mlflow_pages: str | None = None
    email_to: tuple[str, ...] = ()
    email_from: str = ""
    email_reply_to: str | None = None
    email_unsubscribe: str | None = None

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> "Settings":
        """Raises InvalidInput, naming the variable, where a needed one is missing or a number is none."""
        table = environment.get("LEDGER_TABLE")
        if not table:
            raise InvalidInput("LEDGER_TABLE", table, "the name of the ledger's table")
        here = environment.get("ACCOUNT", ""), environment.get("AWS_REGION", "")
        return Settings(
            ledger_table=table,
            event_bus=environment.get("EVENT_BUS", ""),
            rules_parameter=environment.get("RULES_PARAMETER") or None,
            reports_bucket=environment.get("REPORTS_BUCKET") or None,
            expire_days=_days(environment.get("EXPIRE_DAYS")),
            queue_url=environment.get("QUEUE_URL", ""),
            dead_letters_url=environment.get("DEAD_LETTERS_URL", ""),
            report_link_secret=environment.get("REPORT_LINK_SECRET", ""),
            report_links_url=environment.get("REPORT_LINKS_URL", ""),
            looks_up_prices=environment.get("LOOK_UP_PRICES") == "true",
            here=here,
            members=_members(environment, here),
            member_role=environment.get("MEMBER_ROLE", ""),
            slack_channel=environment.get("SLACK_CHANNEL") or None,
            slack_webhook_parameter=environment.get("SLACK_WEBHOOK_PARAMETER") or None,
            slack_token_parameter=environment.get("SLACK_TOKEN_PARAMETER") or None,
            slack_token_secret=environment.get("SLACK_TOKEN_SECRET") or None,
            slack_api=environment.get("SLACK_API") or "https://slack.com/api/",  # another one on laptops
            announces_each_job=environment.get("ANNOUNCE_EACH_JOB") == "true",
            mlflow_server=environment.get("MLFLOW_SERVER", ""),
            mlflow_token_parameter=environment.get("MLFLOW_TOKEN_PARAMETER") or None,
            mlflow_token_secret=environment.get("MLFLOW_TOKEN_SECRET") or None,
            mlflow_artifact_store=environment.get("MLFLOW_ARTIFACT_STORE") or None,
            mlflow_pages=environment.get("MLFLOW_PAGES") or None,
            email_to=_listed(environment.get("EMAIL_TO", "")),
            email_from=environment.get("EMAIL_FROM", ""),
            email_reply_to=environment.get("EMAIL_REPLY_TO") or None,
            email_unsubscribe=environment.get("EMAIL_UNSUBSCRIBE") or None,
        )

    def role_for(self, account: str, region: str) -> str | None:
        """The ARN of the role by which SageMaker is asked there; None where the function asks with its own rights."""
        if not self.member_role or (account, region) == self.here:
            return None
        return self.member_role.format(account=account)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _members(environment: Mapping[str, str], here: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    regions = _listed(environment.get("MEMBER_REGIONS", "")) or here[1:]
    places = ((account, region) for account in _listed(environment.get("MEMBER_ACCOUNTS", "")) for region in regions)
    return tuple(place for place in places if place != here)


def _days(text: str | None) -> int | None:
    if not text or text == "0":
        return None
    if not text.isdecimal():
        raise InvalidInput("EXPIRE_DAYS", text, "a whole number of days, or 0 for never")
    return int(text)
