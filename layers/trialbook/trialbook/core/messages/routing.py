"""Which message goes where: the routes of the rules document that match it, or the default route."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from trialbook.core.announcements import PIPELINE_FINISHED
from trialbook.core.destination import Channel as Channel
from trialbook.core.destination import Defaults as Defaults
from trialbook.core.destination import Destination as Destination
from trialbook.core.message import Message, MessageKind, Mood
from trialbook.core.rules.document import Rules
from trialbook.core.rules.quiet_hours import quiet_until
from trialbook.core.rules.routes import DEFAULT, OWNER, Address, Owner, Route, RouteMatch

_NO_OWNER = Owner()


def destinations(message: Message, rules: Rules, defaults: Defaults, now: datetime) -> tuple[Destination, ...]:
    """Where the message goes, each destination once.

    All routes that match add theirs. If none matches, or those that do lead to nobody (an owner that is not known),
    the default route answers; a route with an empty `to` that matches keeps the message from it. A message waits for
    the end of quiet hours unless some route lets it through.
    """
    routes = [route for route in rules.routes if route.match.matches(message)]
    found = [each for route in routes for each in _of_route(route, message, rules, defaults, now)]
    is_meant = any(not route.to for route in routes)
    if not found and not is_meant:
        by_default = Route("default", RouteMatch(), _entries(defaults))
        found = list(_of_route(by_default, message, rules, defaults, now))
    return _once(found)


def _of_route(route: Route, message: Message, rules: Rules, defaults: Defaults, now: datetime) -> Iterator[Destination]:
    windows = rules.quiet_hours if route.quiet_hours is None else route.quiet_hours
    until = quiet_until(windows, message, now) if windows else None
    owner = rules.owners.get((message.owner or "").casefold(), _NO_OWNER)
    for address in route.to:
        text = _address(address, owner, defaults)
        if text is not None and (_is_asked_for(message, route, address.channel) or suits(message, address.channel)):
            mention = _mention(address, owner, message)
            yield Destination(address.channel, text, None if mention == text else mention, until, route.log)


def _is_asked_for(message: Message, route: Route, channel: Channel) -> bool:
    """Whether a route that matches names what the message is. One that names the kind of a pipeline's message asks a
    channel that can't edit for its final state alone."""
    if message.kind is MessageKind.PIPELINE and not route.match.events:
        return bool(route.match.kinds) and (channel is Channel.SLACK or message.is_final)
    return bool(route.match.events or (route.match.kinds and not message.by_request))


def reporting(execution: Message, rules: Rules, defaults: Defaults, now: datetime) -> frozenset[tuple[Channel, str]]:
    """The destinations that report a pipeline's execution, now or when it ends: they need no messages about single
    jobs of it."""
    at_its_end = replace(execution, is_final=True, event_type=PIPELINE_FINISHED)
    found = [*destinations(execution, rules, defaults, now), *destinations(at_its_end, rules, defaults, now)]
    return frozenset((each.channel, each.address.casefold()) for each in found)


def _address(address: Address, owner: Owner, defaults: Defaults) -> str | None:
    if address.channel is Channel.WEBHOOK and address.text == DEFAULT:
        return defaults.webhook
    if address.text == OWNER:
        return owner.email if address.channel is Channel.EMAIL else owner.slack
    return address.text


def _mention(address: Address, owner: Owner, message: Message) -> str | None:
    """Who is named: nobody in what only reports progress, and at a sweep's end once in its thread, with the report;
    its own message is edited, and Slack tells nobody of names in edits."""
    is_progress = message.mood is Mood.BUSY or message.kind is MessageKind.NEW_BEST
    is_beside = message.kind is MessageKind.THREAD and message.report is None
    if address.channel is not Channel.SLACK or is_progress or is_beside:
        return None
    return owner.slack if address.mention == OWNER else address.mention


def _once(found: Iterable[Destination]) -> tuple[Destination, ...]:
    """Each destination once: what two routes say of it is joined, and the one that need not wait wins."""
    joined: dict[tuple[Channel, str], Destination] = {}
    for each in found:
        key = (each.channel, each.address.casefold() if each.channel is Channel.EMAIL else each.address)
        other = joined.get(key)
        joined[key] = each if other is None else _joined(other, each)
    return tuple(joined.values())


def _joined(one: Destination, other: Destination) -> Destination:
    is_free = one.not_before is None or other.not_before is None
    until = None if is_free else min(each.not_before for each in (one, other) if each.not_before is not None)
    return replace(
        one,
        mention=one.mention or other.mention,
        not_before=until,
        shows_log=one.shows_log or other.shows_log,
    )


def suits(message: Message, channel: Channel) -> bool:
    """Whether the message is worth a channel's attention, unless a route asks for it by kind or event: by event alone
    for messages sent only on request.

    Slack's messages are edited, so all of them; an incoming webhook can't edit, so what is final; an email must be
    worth opening: what is final with its report, and what failed. That a processing or transform job went well, as the
    steps of pipelines do all day, is nothing that one need hear of unasked.
    """
    if message.by_request:
        return False
    if channel is Channel.SLACK:
        return True
    match message.kind:
        case MessageKind.SWEEP:
            is_new = message.changes_answer or channel is Channel.WEBHOOK
            return message.is_final and is_new
        case MessageKind.JOB:
            return message.mood is Mood.BAD or channel is Channel.WEBHOOK
        case MessageKind.ALERT:
            return message.changes_answer
        case MessageKind.BEST_TRIALS:
            return True
    return False


def _entries(defaults: Defaults) -> tuple[Address, ...]:
    """As entries of a route."""
    slack = [Address(Channel.SLACK, defaults.slack)] if defaults.slack else []
    webhook = [Address(Channel.WEBHOOK, defaults.webhook)] if defaults.webhook else []
    return (*slack, *webhook, *(Address(Channel.EMAIL, address, None) for address in defaults.email))
