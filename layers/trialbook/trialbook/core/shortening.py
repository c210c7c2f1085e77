"""Shortens values that are too long for an event: names and numbers stay, free texts are cut."""

import json
import math
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

_FREE_TEXTS = frozenset({"failure_reason", "headline", "alt_text"})
_PARAMETERS = "hyper_parameters"
_LISTED = frozenset({"supersedes", "parents"})
_MOST_LISTED = 100
_DEEPEST = 30  # levels; what announcements hold is a handful deep


class Shortening(IntEnum):
    """How far a value is shortened; each level goes further than the one before."""

    NONE = 0
    LONG_TEXTS = 1
    SHORT_TEXTS = 2
    NO_PARAMETERS = 3

    @property
    def further(self) -> "Shortening | None":
        """The next one; None behind the last."""
        return None if self is Shortening.NO_PARAMETERS else Shortening(self + 1)

    @property
    def longest_text(self) -> int | None:
        """How many characters are left of a free text and of a hyperparameter; None for all."""
        return {Shortening.NONE: None, Shortening.LONG_TEXTS: 250}.get(self, 40)

    @property
    def most_parameters(self) -> int | None:
        """How many hyperparameters are left; None for all."""
        return {Shortening.SHORT_TEXTS: 100, Shortening.NO_PARAMETERS: 0}.get(self)


def as_far_as_needed(
    detail: Mapping[str, Any], longest: int, least: Shortening = Shortening.NONE
) -> tuple[str, Shortening]:
    """The value as JSON of up to `longest` bytes, and how far it was shortened for that. Numbers that JSON does not
    know are null. Raises ValueError where even the shortest is too long, and TypeError where it holds what is no JSON.
    """
    for each in Shortening:
        if each < least:
            continue
        text = json.dumps(_shortened(detail, each), allow_nan=False)
        if len(text) <= longest:  # ASCII alone: characters are bytes
            return text, each
    raise ValueError(f"{len(text)} bytes at the least, more than {longest}")


def _shortened(value: Any, by: Shortening, name: str = "", depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} levels deep")
    if isinstance(value, Mapping):
        entries = list(value.items())
        if name == _PARAMETERS:
            entries = [(key, _cut(each, by)) for key, each in entries[: by.most_parameters]]
        return {key: _shortened(each, by, key, depth + 1) for key, each in entries}
    if isinstance(value, list | tuple):
        listed = value[:_MOST_LISTED] if by and name in _LISTED else value
        return [_shortened(each, by, "", depth + 1) for each in listed]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _cut(value, by) if name in _FREE_TEXTS else value


def _cut(value: Any, by: Shortening) -> Any:
    longest = by.longest_text
    if longest is None or not isinstance(value, str):
        return value
    text = value.encode("utf-8", "replace").decode()  # half a surrogate pair is no text to everybody
    return text if len(text) <= longest else f"{text[:longest]}…"
