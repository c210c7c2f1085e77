"""When the invocation that is running must be over. A call that might not end before is not begun: Lambda would kill
the function in the midst of it, and with it what has been done for other messages."""

import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from math import inf
from typing import Any, TypeVar

Answer = TypeVar("Answer")

_TO_ANSWER = 1.0  # seconds, for writing logs and metrics
_ends_at: ContextVar[float] = ContextVar("ends_at", default=inf)  # of the monotonic clock


def kept(handler: Callable[[Any, Any], Answer]) -> Callable[[Any, Any], Answer]:
    """A handler in which `left()` tells how long its invocation may still run."""

    @wraps(handler)
    def limited(event: Any, context: Any) -> Answer:
        remaining = context.get_remaining_time_in_millis() / 1000
        before = _ends_at.set(time.monotonic() + remaining - _TO_ANSWER)
        try:
            return handler(event, context)
        finally:
            _ends_at.reset(before)

    return limited


def left() -> float:
    """Seconds that the invocation may still take; infinite outside of one, as on the command line."""
    return _ends_at.get() - time.monotonic()
