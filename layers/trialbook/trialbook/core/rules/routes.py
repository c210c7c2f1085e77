"""The parts of the rules document that say where messages go: routes, owners, quiet hours."""

import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from math import isfinite
from typing import Any

from trialbook.core.addresses import is_address
from trialbook.core.announcements import PIPELINE_TYPES, TYPES
from trialbook.core.destination import Channel
from trialbook.core.message import FORMER_MOODS, Message, MessageKind, Mood
from trialbook.core.numbers import meant
from trialbook.core.places import is_meant
from trialbook.core.rules.checker import Checker, Path
from trialbook.core.rules.quiet_hours import Window, parse_quiet_hours

OWNER = "owner"  # instead of an address or a mention: whoever the message's jobs belong to
NOBODY = "nobody"
DEFAULT = "default"  # instead of a webhook's name: that of the stack's parameter
_COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_THRESHOLD = re.compile(r"(?P<metric>.+?)\s*(?P<sign><=|>=|<|>)\s*(?P<number>[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)")
_SLACK = re.compile(r"#[^\s#,@&<>]{1,80}|[CGDUW][A-Z0-9]{6,20}")
_MENTION = re.compile(r"[UWS][A-Z0-9]{6,20}")
_IS_SLACK = "'#channel' (in quotes), an id such as C012AB3CD, or owner"
_IS_EMAIL = "an email address in ASCII such as team@example.com"
_PARAMETER = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound of the best trial's metric: `validation:error > 0.1`."""

    metric: str
    sign: str
    number: Decimal

    def holds(self, message: Message) -> bool:
        """Whether the message's metric is beyond it; never without the metric, nor while it may still change.
        A metric is the number that was meant: float32 has no 0.9 of its own."""
        value = (message.metrics or {}).get(self.metric)
        return (
            value is not None
            and isfinite(value)
            and message.is_final
            and bool(_COMPARISONS[self.sign](meant(value), self.number))
        )


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """Conditions that must all hold; an empty one holds always. `experiment` and the values of `tags` are globs."""

    experiment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    when: Threshold | None = None

    def matches(self, message: Message) -> bool:
        """Whether every condition holds for the message."""
        tags = message.tags or {}
        return (
            (self.experiment is None or is_meant(message.experiment, self.experiment))
            and all(tag in tags and fnmatchcase(tags[tag], glob) for tag, glob in self.tags.items())
            and (not self.kinds or message.kind in self.kinds)
            and (not self.events or message.event_type in self.events)
            and (not self.statuses or message.mood in self.statuses)
            and (self.when is None or self.when.holds(message))
        )


@dataclass(frozen=True, slots=True)
class Address:
    """An entry of a route's `to`. `text` may be OWNER, and for a webhook DEFAULT; `mention` may be OWNER or None."""

    channel: Channel
    text: str
    mention: str | None = OWNER


@dataclass(frozen=True, slots=True)
class Route:
    """Where the messages that match go; nowhere, with an empty `to`. With `log`, messages about failures
    show the end of the log there."""

    name: str
    match: RouteMatch
    to: tuple[Address, ...]
    quiet_hours: tuple[Window, ...] | None = None
    log: bool = False


def asks_for_pipelines(routes: Iterable[Route]) -> bool:
    """Whether a route asks that a pipeline's execution be reported as one thing."""
    return any(
        MessageKind.PIPELINE in each.match.kinds or set(PIPELINE_TYPES) & {*each.match.events} for each in routes
    )


@dataclass(frozen=True, slots=True)
class Owner:
    """How to reach a person or a team: id of a Slack user or group, address."""

    slack: str | None = None
    email: str | None = None


_ROUTE = ("name", "match", "to", "quiet_hours", "log")
_MATCH = ("experiment", "tags", "kind", "event", "status", "when")
_OWNER = ("slack", "email")
_TO = ("slack", "webhook", "email", "mention")


def parse_routes(check: Checker, top: Mapping[str, Any]) -> tuple[Route, ...]:
    """The list under `routes`."""
    return tuple(_route(check, each, path) for each, path in check.items(top, "routes"))


def parse_owners(check: Checker, top: Mapping[str, Any]) -> dict[str, Owner]:
    """The mapping under `owners`, by the tag's value in lower case."""
    given = check.mapping(top.get("owners") or {}, ("owners",), None)
    first: dict[str, str] = {}
    for name in given:
        before = first.setdefault(name.casefold(), name)
        if before != name:
            line = check.line_of(("owners", before)) or "the document"
            what = f"stands in {line} already as {before!r}; upper and lower case are the same here"
            check.problem(("owners", name), what)
    return {name.casefold(): _owner(check, each, ("owners", name)) for name, each in given.items()}


def _owner(check: Checker, value: object, path: Path) -> Owner:
    given = check.mapping(value, path, _OWNER)
    slack = check.pattern(given.get("slack"), (*path, "slack"), _MENTION, "a user's or group's id such as U012AB3CD")
    email = _email(check, given.get("email"), (*path, "email"), _IS_EMAIL)
    if not given:
        check.problem(path, "says nothing, expected slack or email")
    return Owner(slack, email)


def _route(check: Checker, value: object, path: Path) -> Route:
    route = check.mapping(value, path, _ROUTE)
    if "to" not in route:
        check.problem(path, "has no to, expected where its messages go (an empty list: nowhere)")
    number = int(path[-1])
    quiet = parse_quiet_hours(check, route["quiet_hours"], (*path, "quiet_hours")) if "quiet_hours" in route else None
    return Route(
        name=check.text(route.get("name"), (*path, "name")) or f"route {number + 1}",
        match=_match(check, route.get("match") or {}, (*path, "match")),
        to=tuple(each for entry, at in check.items(route, "to", path) for each in _addresses(check, entry, at)),
        quiet_hours=quiet,
        log=check.flag(route.get("log"), (*path, "log")) or False,
    )


def _match(check: Checker, value: object, path: Path) -> RouteMatch:
    match = check.mapping(value, path, _MATCH)
    tags = check.mapping(match.get("tags") or {}, (*path, "tags"), None)
    kinds = tuple(kind.value for kind in MessageKind)
    return RouteMatch(
        experiment=check.text(match.get("experiment"), (*path, "experiment")),
        tags={tag: check.text(glob, (*path, "tags", tag)) or "" for tag, glob in tags.items()},
        kinds=check.chosen(match.get("kind"), (*path, "kind"), kinds),
        events=check.chosen(match.get("event"), (*path, "event"), TYPES),
        statuses=check.chosen(match.get("status"), (*path, "status"), [mood.value for mood in Mood], FORMER_MOODS),
        when=_threshold(check, match.get("when"), (*path, "when")),
    )


def _threshold(check: Checker, value: object, path: Path) -> Threshold | None:
    if value is None:
        return None
    found = _THRESHOLD.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        check.wrong(path, value, "a metric, <, <=, > or >=, and a number: 'validation:error > 0.1'")
        return None
    return Threshold(found["metric"], found["sign"], Decimal(found["number"]))


def _addresses(check: Checker, value: object, path: Path) -> list[Address]:
    entry = check.mapping(value, path, _TO)
    if not entry.keys() & {channel.value for channel in Channel}:
        check.problem(path, "names no channel, expected slack, webhook or email")
    mention = _mention(check, entry, path)
    return [
        Address(channel, text, mention if channel is Channel.SLACK else None)
        for channel in Channel
        if channel.value in entry
        for text in _texts(check, channel, entry[channel.value], (*path, channel.value))
    ]


def _mention(check: Checker, entry: Mapping[str, Any], path: Path) -> str | None:
    value = entry.get("mention", OWNER)
    if value in (OWNER, NOBODY):
        return OWNER if value == OWNER else None
    return check.pattern(value, (*path, "mention"), _MENTION, "owner, nobody, or a user's or group's id like U012AB3CD")


def _texts(check: Checker, channel: Channel, value: object, path: Path) -> list[str]:
    several = value if isinstance(value, list) else [value]
    found = (_address(check, channel, each, path) for each in several)
    return [text for text in found if text is not None]


def _address(check: Checker, channel: Channel, value: object, path: Path) -> str | None:
    if channel is Channel.WEBHOOK:
        if isinstance(value, str) and _PARAMETER.fullmatch(value):
            return value
        # The value is not shown: it may be the webhook's own address, which is a secret.
        check.problem(path, "expected default, or the name of an SSM SecureString that holds a webhook's address")
        return None
    if value == OWNER:
        return OWNER
    expected = _IS_SLACK if channel is Channel.SLACK else f"{_IS_EMAIL}, or owner"
    if value is None:  # what YAML makes of `slack: #channel`: the rest is a comment
        check.wrong(path, value, expected)
    if channel is Channel.EMAIL:
        return _email(check, value, path, expected)
    return check.pattern(value, path, _SLACK, expected)


def _email(check: Checker, value: object, path: Path, expected: str) -> str | None:
    """An address that mails can be sent to, by the very grammar that sending has."""
    if value is None or (isinstance(value, str) and is_address(value)):
        return value
    check.wrong(path, value, expected)
    return None
