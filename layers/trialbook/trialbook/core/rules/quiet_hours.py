"""Quiet hours: when a message waits, and until when. It is never dropped."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trialbook.core.message import FORMER_MOODS, Message, MessageKind, Mood
from trialbook.core.rules.checker import Checker, Path

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60  # minutes
_WEEK = 7 * _DAY
_KEYS = ("from", "to", "zone", "days", "except")
_EXCEPTIONS = (*(kind.value for kind in MessageKind), *(mood.value for mood in Mood))


@dataclass(frozen=True, slots=True)
class Window:
    """From a minute of the day to another; of the next day, if that is not later. `days` are those on which it begins,
    0 for Monday. `exceptions` are the kinds and states of messages that do not wait."""

    begins: int
    ends: int
    zone: str
    days: tuple[int, ...]
    exceptions: tuple[str, ...] = ()

    @property
    def minutes(self) -> int:
        """How long it is."""
        return self.ends - self.begins if self.ends > self.begins else self.ends - self.begins + _DAY

    def end_of(self, now: datetime) -> datetime | None:
        """The end of the window, if now is within it; otherwise None."""
        local = now.astimezone(ZoneInfo(self.zone))
        for day in (local.date(), local.date() - timedelta(days=1)):
            wall = datetime.combine(day, time()) + timedelta(minutes=self.begins)
            until = wall + timedelta(minutes=self.minutes)
            if day.weekday() in self.days and wall <= local.replace(tzinfo=None) < until:
                return _instant(until, self.zone, now)
        return None


def _instant(wall: datetime, zone: str, after: datetime) -> datetime:
    """The moment at which a clock in the zone shows the time. If clocks are set back and there are two, the next one
    after `after`; if clocks are set forward past it, the moment at which they are."""
    first, second = (wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    if second < first:
        return _set_forward(wall, zone, second, first)
    return first if first > after else second if second > after else after + timedelta(minutes=1)


def _set_forward(wall: datetime, zone: str, before: datetime, after: datetime) -> datetime:
    """The first second, of those between, at which a clock in the zone shows the time or a later one."""
    seconds = range(int((after - before).total_seconds()))
    passed = bisect_left(
        seconds,
        True,
        key=lambda each: (before + timedelta(seconds=each)).astimezone(ZoneInfo(zone)).replace(tzinfo=None) >= wall,
    )
    return before + timedelta(seconds=passed)


def quiet_until(windows: Sequence[Window], message: Message, now: datetime) -> datetime | None:
    """Until when the message has to wait; None if it need not. Adjacent windows count as one."""
    waits = [each for each in windows if not {message.kind.value, message.mood.value} & set(each.exceptions)]
    until = now
    for _ in range(_WEEK):  # one window at the least ends in each step, and no windows cover a whole week
        ends = [end for each in waits if (end := each.end_of(until)) is not None]
        if not ends:
            break
        until = max(ends)
    return until if until > now else None


def parse_quiet_hours(check: Checker, value: object, path: Path) -> tuple[Window, ...]:
    """One window, or a list of them."""
    if value is None:
        return ()
    several = value if isinstance(value, list) else [value]
    paths = [(*path, number) for number in range(len(several))] if isinstance(value, list) else [path]
    found = [_window(check, each, at) for each, at in zip(several, paths, strict=True)]
    windows = tuple(each for each in found if each is not None)
    if _covers_the_week(windows):
        check.problem(path, "covers the whole week, so that nothing would ever be sent")
        return ()
    return windows


def _window(check: Checker, value: object, path: Path) -> Window | None:
    given = check.mapping(value, path, _KEYS)
    begins, ends = (_minute(check, given, path, key) for key in ("from", "to"))
    zone = _zone(check, given, path)
    days = check.chosen(given.get("days"), (*path, "days"), DAYS) or DAYS
    exceptions = check.chosen(given.get("except"), (*path, "except"), _EXCEPTIONS, FORMER_MOODS)
    if begins is None or ends is None or zone is None:
        return None
    if begins == ends:
        check.problem(path, "from and to are the same; a whole day is from '00:00' to '24:00'")
        return None
    return Window(begins, ends, zone, tuple(DAYS.index(day) for day in days), exceptions)


def _minute(check: Checker, given: Mapping[str, Any], path: Path, key: str) -> int | None:
    value = given.get(key)
    hours, colon, minutes = value.partition(":") if isinstance(value, str) else ("", "", "")
    if colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and int(minutes) < 60:
        found = int(hours) * 60 + int(minutes)
        if found < _DAY or (key == "to" and found == _DAY):
            return found
    check.wrong((*path, key), value, "a time of day in quotes, such as '20:00'")
    return None


def _zone(check: Checker, given: Mapping[str, Any], path: Path) -> str | None:
    value = given.get("zone")
    try:
        if isinstance(value, str) and value:
            return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    check.wrong((*path, "zone"), value, "a time zone such as Europe/Berlin or UTC")
    return None


def _covers_the_week(windows: Sequence[Window]) -> bool:
    """Whether the windows cover each minute of a week, by each zone's own wall time."""
    quiet, week = 0, (1 << _WEEK) - 1  # a bit for each minute
    for each in windows:
        for day in each.days:
            quiet |= ((1 << each.minutes) - 1) << day * _DAY + each.begins
    return (quiet | quiet >> _WEEK) & week == week  # what ends beyond the week is in its beginning
