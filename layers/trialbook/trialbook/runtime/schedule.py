"""Shared parts of functions that run on a schedule."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from trialbook.core.errors import InvalidInput
from trialbook.core.times import parse_time

_RESERVE = 15_000  # milliseconds; one more sweep or page of jobs must fit, with SageMaker's retries


def moment_of(event: Mapping[str, Any]) -> datetime:
    """The moment for which EventBridge scheduled the run. Raises InvalidInput if the event has none."""
    moment = parse_time(event.get("time"), "time")
    if moment is None:
        raise InvalidInput("time", event.get("time"), "the time of a scheduled event")
    return moment


def enough_time(context: Any) -> Callable[[], bool]:
    """A function that says whether the invocation has time for more. If not, the run stops cleanly and the next one
    continues."""
    return lambda: bool(context.get_remaining_time_in_millis() > _RESERVE)
