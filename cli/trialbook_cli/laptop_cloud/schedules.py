"""When a schedule of the template comes next."""

import re
from datetime import datetime, timedelta

from trialbook.core.errors import InvalidInput

_WEEKLY = re.compile(r"cron\((?P<minute>\d+) (?P<hour>\d+) \? \* (?P<day>[A-Z]{3}) \*\)")
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def next_week(expression: str, after: datetime) -> datetime:
    """The next moment, later than `after`, of EventBridge's cron for once a week, `cron(0 8 ? * MON *)`, in UTC.

    Raises InvalidInput for any other.
    """
    found = _WEEKLY.fullmatch(expression)
    if found is None or found["day"] not in _DAYS:
        raise InvalidInput("Schedule", expression, "a weekly one, such as cron(0 8 ? * MON *)")
    at = after.replace(hour=int(found["hour"]), minute=int(found["minute"]), second=0, microsecond=0)
    at += timedelta(days=(_DAYS.index(found["day"]) - after.weekday()) % 7)
    return at if at > after else at + timedelta(days=7)
