"""The environment of a function, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from trialbook.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Settings:
    """What template.yaml gives a function. Optional parts are None where their condition is off."""

    ledger_table: str
    event_bus: str = ""
    rules_parameter: str | None = None
    reports_bucket: str | None = None
    expire_days: int | None = None
    queue_url: str = ""
    report_link_secret: str = ""
    report_links_url: str = ""
    looks_up_prices: bool = False
    slack_channel: str | None = None
    slack_webhook_parameter: str | None = None
    slack_token_parameter: str | None = None
    slack_token_secret: str | None = None
    slack_api: str = "https://slack.com/api/"
    email_to: tuple[str, ...] = ()

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> "Settings":
        """Raises InvalidInput, naming the variable, where a needed one is missing or a number is none."""
        table = environment.get("LEDGER_TABLE")
        if not table:
            raise InvalidInput("LEDGER_TABLE", table, "the name of the ledger's table")
        return Settings(
            ledger_table=table,
            event_bus=environment.get("EVENT_BUS", ""),
            rules_parameter=environment.get("RULES_PARAMETER") or None,
            reports_bucket=environment.get("REPORTS_BUCKET") or None,
            expire_days=_days(environment.get("EXPIRE_DAYS")),
            queue_url=environment.get("QUEUE_URL", ""),
            report_link_secret=environment.get("REPORT_LINK_SECRET", ""),
            report_links_url=environment.get("REPORT_LINKS_URL", ""),
            looks_up_prices=environment.get("LOOK_UP_PRICES") == "true",
            slack_channel=environment.get("SLACK_CHANNEL") or None,
            slack_webhook_parameter=environment.get("SLACK_WEBHOOK_PARAMETER") or None,
            slack_token_parameter=environment.get("SLACK_TOKEN_PARAMETER") or None,
            slack_token_secret=environment.get("SLACK_TOKEN_SECRET") or None,
            slack_api=environment.get("SLACK_API") or "https://slack.com/api/",  # another one on laptops
            email_to=tuple(each.strip() for each in environment.get("EMAIL_TO", "").split(",") if each.strip()),
        )


def _days(text: str | None) -> int | None:
    if not text or text == "0":
        return None
    if not text.isdecimal():
        raise InvalidInput("EXPIRE_DAYS", text, "a whole number of days, or 0 for never")
    return int(text)
