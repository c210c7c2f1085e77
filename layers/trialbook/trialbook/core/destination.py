"""Where a message goes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Channel(StrEnum):
    """A kind of destination."""

    SLACK = "slack"
    WEBHOOK = "webhook"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message goes. `address` is a Slack channel's id or name, an incoming webhook's name, or an email address;
    `mention` is the Slack user or group to name, as `U…` or `S…`; `not_before` is the end of quiet hours: nothing is
    posted before it, but a posted message may be edited; with `shows_log`, messages about failures show
    the end of the log."""

    channel: Channel
    address: str
    mention: str | None = None
    not_before: datetime | None = None
    shows_log: bool = False


@dataclass(frozen=True, slots=True)
class Defaults:
    """The default route: where messages go that no route of the rules document takes. `webhook` is the name of the
    parameter that holds an incoming webhook's address."""

    slack: str | None = None
    webhook: str | None = None
    email: tuple[str, ...] = ()
