"""Times as SageMaker sends them: epoch milliseconds, seconds, digit strings, floats, ISO with up to nanoseconds."""

import re
from datetime import UTC, datetime

from trialbook.core.errors import InvalidInput

# Epoch seconds pass 10^11 in the year 5138 and epoch milliseconds passed it in 1973: the magnitude tells them apart.
_FIRST_MILLISECONDS = 100_000_000_000
_NUMBER = re.compile(r"\s*-?\d+(\.\d+)?\s*")
_BEYOND_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


def parse_time(value: object, field: str) -> datetime | None:
    """The moment in UTC; None where SageMaker sends null or an empty string. Raises InvalidInput on anything else."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return _utc(value)
    try:
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, int | float):
            return _from_epoch(float(value))
        if isinstance(value, str):
            return _from_epoch(float(value)) if _NUMBER.fullmatch(value) else _from_iso(value)
    except (ValueError, OverflowError, OSError):
        pass
    raise InvalidInput(field, value, "a time: epoch milliseconds or seconds, or ISO 8601")


def _from_epoch(number: float) -> datetime:
    seconds = number / 1000 if abs(number) >= _FIRST_MILLISECONDS else number
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def _from_iso(text: str) -> datetime:
    return _utc(datetime.fromisoformat(_BEYOND_MICROSECONDS.sub(r"\1", text.strip())))


def _utc(moment: datetime) -> datetime:
    """In UTC, cut to milliseconds: events carry no more, and the same moment must not differ by its source."""
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """`2026-11-20T10:15:00.123Z`: milliseconds, always UTC, so that texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(moment: datetime | None) -> str | None:
    """`iso`, passing an unknown time through."""
    return None if moment is None else iso(moment)
