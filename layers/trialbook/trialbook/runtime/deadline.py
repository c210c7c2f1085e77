"""The deadline of the running invocation. A call that may not end before it is not begun: Lambda would kill the
function during the call, and the work done for other messages would be lost."""

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
    """A handler in which `left()` knows the deadline of its invocation."""

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
    """Seconds until the deadline; infinite outside of an invocation, as on the command line."""
    return _ends_at.get() - time.monotonic()
