"""Answers that fit: at most 4 KB, whatever the book holds. Texts give way first, then entries; the answer counts them.

Other people's texts can't hide anything: what a person would not see is spelled out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from trialbook_cli.agents.data import Answer, LeftOut
from trialbook_cli.visible_text import visible

LONGEST = 4096  # bytes of an answer as JSON


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an answer is kept: characters of a text, entries of a mapping, items of a list."""

    text: int
    entries: int
    items: int


STEPS = (
    Limits(400, 60, 50),
    Limits(120, 60, 50),
    Limits(120, 40, 25),
    Limits(120, 40, 12),
    Limits(100, 30, 6),
    Limits(63, 20, 3),
    Limits(63, 10, 2),
    Limits(40, 5, 1),
)
_LOG, _LOG_TEXTS = "log_end", 3  # its field, and as how many texts it counts
UNLIMITED = Limits(100_000, 1_000_000, 1_000_000)


def fitted(make: Callable[[int], Answer[Any]], how: str) -> dict[str, Any]:
    """The answer as plain data of at most LONGEST bytes. `make` makes it with up to so many rows; `how` says how to get
    the entries that are left out."""
    for limits in STEPS:
        answer = plain(make(limits.items), limits, how)
        if len(as_json(answer).encode()) <= LONGEST:
            break
    return answer


def as_json(answer: Mapping[str, Any]) -> str:
    """The answer as compact JSON."""
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def plain(answer: Answer[Any], limits: Limits, how: str) -> dict[str, Any]:
    """The answer as plain data, cut to the limits, which says what was cut."""
    cutting = _Cutting(limits)
    data = cutting.plain(answer.untrusted_data, "untrusted_data")
    left = [LeftOut(what, count, how) for what, count in cutting.left.items()]
    kept = replace(answer, untrusted_data=None, left_out=(*answer.left_out, *left))
    own = _Cutting(UNLIMITED).plain(kept, "")
    return own if data is None else {**own, "untrusted_data": data}


def _is_nothing(value: object) -> bool:
    return value is None or value is False or value == ()


@dataclass
class _Cutting:
    limits: Limits
    left: dict[str, int] = field(default_factory=dict)

    def plain(self, value: Any, name: str) -> Any:
        if is_dataclass(value):
            pairs = [(each.name, getattr(value, each.name)) for each in fields(value)]
            required = {each.name for each in fields(value) if each.default is each.default_factory}
            return {key: self.plain(each, key) for key, each in pairs if key in required or not _is_nothing(each)}
        if isinstance(value, Mapping):
            kept = list(value.items())[: self.limits.entries]
            self._count(name, len(value) - len(kept))
            return {self._text(str(key)): self.plain(each, name) for key, each in kept}
        if isinstance(value, list | tuple):
            found = value[: self.limits.items]
            self._count(name, len(value) - len(found))
            return [self.plain(each, name) for each in found]
        if isinstance(value, str):
            return self._end(value) if name == _LOG else self._text(value)
        return value

    def _count(self, name: str, left: int) -> None:
        if left:
            self.left[name] = self.left.get(name, 0) + left

    def _text(self, text: str) -> str:
        """The text with all that can't be seen spelled out, but for line breaks, cut to the limit."""
        seen = _seen(text)
        if len(seen) <= self.limits.text:
            return seen
        self._count("ends of long texts", 1)
        return f"{seen[: self.limits.text - 1]}…"

    def _end(self, log: str) -> str:
        """The log, or its end: that says why the job failed."""
        seen, most = _seen(log), _LOG_TEXTS * self.limits.text
        if len(seen) <= most:
            return seen
        self._count("beginnings of logs", 1)
        return f"…{seen[1 - most :]}"


def _seen(text: str) -> str:
    return "\n".join(visible(line, 10**9) for line in text.replace("\t", " ").split("\n"))
