"""Checks a document of plain data and collects every problem, each with its line, key, value and what was expected."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from types import MappingProxyType
from typing import Any

from trialbook.core.errors import shown

Path = tuple[str | int, ...]
Lines = Mapping[Path, int]


class Checker:
    """Reads values of a document. An invalid value is noted in `problems` and counts as missing, so that checking goes
    on."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.problems: list[str] = []

    def problem(self, path: Path, text: str) -> None:
        """Notes a problem at a path, with the line of the nearest key in the document."""
        line = self.line_of(path)
        self.problems.append(f"{f'{line}: ' if line else ''}{_dotted(path) or 'document'}: {text}")

    def line_of(self, path: Path) -> str:
        """`line 4`: the line of the path or of the nearest key above it; empty if no lines are known."""
        known = next((path[:size] for size in range(len(path), -1, -1) if path[:size] in self._lines), None)
        return f"line {self._lines[known]}" if known is not None else ""

    def wrong(self, path: Path, value: object, expected: str) -> None:
        """Notes a value that is not what was expected."""
        self.problem(path, f"is {shown(value)}, expected {expected}")

    def mapping(self, value: object, path: Path, allowed: Sequence[str] | None) -> Mapping[str, Any]:
        """A mapping with text keys; with `allowed`, other keys are problems, with the nearest name suggested."""
        if not isinstance(value, Mapping):
            self.wrong(path, value, "a mapping (key: value)")
            return {}
        kept = {key: each for key, each in value.items() if isinstance(key, str)}
        for key in value.keys() - kept.keys():
            self.wrong(path, key, "a text as key (put it in quotes)")
        for key in kept.keys() - set(allowed if allowed is not None else kept):
            near = difflib.get_close_matches(key, allowed or (), 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            self.problem((*path, key), f"unknown key, expected one of {', '.join(allowed or ())}{hint}")
        return {key: each for key, each in kept.items() if allowed is None or key in allowed}

    def items(self, parent: Mapping[str, Any], key: str, path: Path = ()) -> Iterator[tuple[object, Path]]:
        """The entries of a list under a key, with their paths; `path` is the parent's. A missing list is empty."""
        value = parent.get(key)
        if value is not None and not isinstance(value, list):
            self.wrong((*path, key), value, "a list")
            return
        for number, each in enumerate(value or ()):
            yield each, (*path, key, number)

    def text(self, value: object, path: Path) -> str | None:
        """A text that is not empty; numbers count as their text."""
        if value is None:
            return None
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return str(value)
        self.wrong(path, value, "a text that is not empty")
        return None

    def flag(self, value: object, path: Path) -> bool | None:
        """True or false."""
        if value is None or isinstance(value, bool):
            return value
        self.wrong(path, value, "true or false")
        return None

    def number(self, value: object, path: Path, *, above: float, at_most: float | None = None) -> float | None:
        """A number within bounds."""
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
        if is_number and value > above and (at_most is None or value <= at_most):  # type: ignore[operator]
            return float(value)  # type: ignore[arg-type]
        limit = f" and at most {at_most:g}" if at_most is not None else ""
        self.wrong(path, value, f"a number above {above:g}{limit}")
        return None

    def pattern(self, value: object, path: Path, pattern: re.Pattern[str], expected: str) -> str | None:
        """A text of which the pattern fits all."""
        if value is None or (isinstance(value, str) and pattern.fullmatch(value)):
            return value
        self.wrong(path, value, expected)
        return None

    def chosen(
        self, value: object, path: Path, options: Sequence[str], former: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[str, ...]:
        """One of the options, or a list of some; empty if it is missing. `former` has the options of former names."""
        given: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
        several = [former.get(each, each) if isinstance(each, str) else each for each in given]
        for each in several:
            self.choice(each, path, options)
        return tuple(each for each in several if each in options)

    def choice(self, value: object, path: Path, options: Sequence[object]) -> None:
        """One of the options."""
        if value not in options:
            self.wrong(path, value, f"one of {', '.join(map(str, options))}")


def _dotted(path: Path) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
