"""The clock, in one place, so that a replay can set it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _wall_clock() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _wall_clock


def now() -> datetime:
    """The present moment, in UTC."""
    return _source()


@contextmanager
def use(source: Callable[[], datetime]) -> Iterator[None]:
    """Within the block, `now()` asks `source`; it must return moments in UTC."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before
