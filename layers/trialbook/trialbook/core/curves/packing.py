"""The numbers of a series as a file holds them: short ones as a list, long ones packed.

A report reads the files of 200 jobs. Parsing the digits of all their numbers took longer than anything else it did.
"""

import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import isfinite, nan
from typing import Any

_LISTED = 100  # numbers that a list may hold


def packed_xs(xs: Sequence[int | float]) -> Any:
    """As a list; if it is long, as a range of whole numbers or packed."""
    if len(xs) <= _LISTED:
        return list(xs)
    steps = {later - earlier for earlier, later in pairwise(xs)}
    if len(steps) == 1 and all(isinstance(each, int) for each in (xs[0], *steps)):
        return {"first": xs[0], "step": steps.pop(), "count": len(xs)}
    return _packed(xs)


def packed_values(values: Sequence[float | None]) -> Any:
    """As a list; if it is long, packed, with NaN for what is None."""
    if len(values) <= _LISTED:
        return list(values)
    return _packed([nan if each is None else each for each in values])


def unpacked_values(data: Any) -> tuple[float | None, ...]:
    """Back from `packed_values`. Raises ValueError, TypeError and OverflowError if it is no such thing."""
    if not isinstance(data, str):
        return tuple(None if each is None else float(each) for each in data)
    values = _unpacked(data)
    return values if isfinite(sum(values)) else tuple(each if isfinite(each) else None for each in values)


def unpacked_xs(data: Any, count: int) -> tuple[float, ...]:
    """Back from `packed_xs`. Raises ValueError, TypeError, KeyError and OverflowError if it is no such thing, or does
    not have so many numbers."""
    if isinstance(data, Mapping):
        if data["count"] != count:
            raise ValueError(f"{data['count']} x for {count} y")
        return _ranging(data["first"], data["step"], count)
    xs = _unpacked(data) if isinstance(data, str) else tuple(map(float, data))
    if len(xs) != count:
        raise ValueError(f"{len(xs)} x for {count} y")
    return xs


@lru_cache(maxsize=8)
def _ranging(first: int, step: int, count: int) -> tuple[float, ...]:
    """The trials of a sweep mostly report at the same steps."""
    return tuple(map(float, range(first, first + step * count, step)))


def _packed(numbers: Sequence[float]) -> str:
    """Doubles, the least significant byte first, in Base64."""
    return b64encode(struct.pack(f"<{len(numbers)}d", *numbers)).decode()


def _unpacked(text: str) -> tuple[float, ...]:
    content = b64decode(text, validate=True)
    if len(content) % 8:
        raise ValueError(f"{len(content)} bytes are not whole doubles")
    return struct.unpack(f"<{len(content) // 8}d", content)
