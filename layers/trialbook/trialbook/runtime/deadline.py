"""The deadline of the running invocation, and the longest that a call may take.

A call that may not end before the deadline is not begun: Lambda would kill the function during the call, and the work
done for other messages would be lost. Time-outs of sockets are not enough, because each byte of an answer that trickles
in starts them again. So a call is also interrupted, by the process's alarm.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from math import inf
from typing import Any, NoReturn, TypeVar

Answer = TypeVar("Answer")

_TO_ANSWER = 1.0  # seconds, for writing logs and metrics
_LEAST = 0.001  # seconds; an alarm after none is no alarm
_ends_at: ContextVar[float] = ContextVar("ends_at", default=inf)  # of the monotonic clock
# When the calls under way are over, outermost first; None where none can be interrupted.
_ends: ContextVar[list[tuple[str, float]] | None] = ContextVar("ends", default=None)


class TookTooLong(TimeoutError):
    """A call was interrupted: its answer was still coming when its time was over."""


def kept(handler: Callable[[Any, Any], Answer]) -> Callable[[Any, Any], Answer]:
    """A handler in which `left()` knows the deadline of its invocation, and `within` interrupts calls."""

    @wraps(handler)
    def limited(event: Any, context: Any) -> Answer:
        remaining = context.get_remaining_time_in_millis() / 1000
        before = _ends_at.set(time.monotonic() + remaining - _TO_ANSWER)
        try:
            with _alarm():
                return handler(event, context)
        finally:
            _ends_at.reset(before)

    return limited


def left() -> float:
    """Seconds until the deadline; infinite outside of an invocation, as on the command line."""
    return _ends_at.get() - time.monotonic()


def known_in_threads(call: Callable[..., Answer]) -> Callable[..., Answer]:
    """The call, for threads that the invocation starts: `left()` knows the deadline there too. They are not
    interrupted, so each call needs its own time-out."""
    ends_at = _ends_at.get()

    @wraps(call)
    def limited(*given: Any) -> Answer:
        before = _ends_at.set(ends_at)
        try:
            return call(*given)
        finally:
            _ends_at.reset(before)

    return limited


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Interrupts the block after so many seconds by TookTooLong, which clients take for a time-out of their socket.
    Does nothing outside of an invocation."""
    start("block", seconds)
    try:
        yield
    finally:
        stop("block")


def start(what: str, seconds: float) -> None:
    """Interrupts what runs after so many seconds, unless `stop` comes before."""
    ends = _ends.get()
    if ends is not None:
        ends.append((what, time.monotonic() + seconds))
        _set(ends)


def stop(what: str) -> None:
    """Takes back the last `start`, if it was for this."""
    ends = _ends.get()
    if ends and ends[-1][0] == what:
        ends.pop()
        _set(ends)


def _set(ends: Sequence[tuple[str, float]]) -> None:
    signal.setitimer(
        signal.ITIMER_REAL, max(min(moment for _, moment in ends) - time.monotonic(), _LEAST) if ends else 0
    )


@contextmanager
def _alarm() -> Iterator[None]:
    """Only a process's main thread can be interrupted. Lambda calls handlers in it."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    before, token = signal.signal(signal.SIGALRM, _interrupt), _ends.set([])
    try:
        yield
    finally:
        _set([])
        _ends.reset(token)
        signal.signal(signal.SIGALRM, before)


def _interrupt(*_: object) -> NoReturn:
    raise TookTooLong("the call took too long")
