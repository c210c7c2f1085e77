"""The labels of categories: short enough for a picture, and distinct. The page's script does the same
(report/page/js/3-axes.js)."""

import re
from collections.abc import Sequence

_DIGITS = re.compile(r"([0-9]+)")
_SHORT = 14  # characters that are short enough


def by_name(name: str) -> list[tuple[int, str]]:
    """A key for the order of names: by their letters, the numbers in them by size."""
    parts = _DIGITS.split(name)
    return [(int(part), part) if at % 2 else (0, part) for at, part in enumerate(parts)]


def labels(names: Sequence[str], longest: int) -> list[str]:
    """A label for each of the names, all different and of `longest` characters at most: long ones without the beginning
    and the end that all share, then cut in their middles."""
    rests = _without_shared(names) if any(len(name) > min(_SHORT, longest) for name in names) else list(names)
    found: dict[str, str] = {}
    for name, rest in zip(names, rests, strict=True):
        label, count = middle_cut(rest, longest), 1
        while label in found:
            count += 1
            mark = f" ({count})"
            label = middle_cut(rest, longest - len(mark)) + mark
        found[label] = name
    return list(found)


def middle_cut(text: str, longest: int) -> str:
    """The text, or its beginning and its end with an ellipsis between them: names differ in either."""
    end = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[: longest - 1 - end]}…{text[-end:] if end else ''}"


def _shared(names: Sequence[str]) -> int:
    """How many characters all begin with."""
    least, greatest = min(names), max(names)
    places = zip(least, greatest, strict=False)
    return next((at for at, (one, other) in enumerate(places) if one != other), len(least))


def _is_inside(character: str) -> bool:
    """Whether it joins nothing: the point of `3.1` does not."""
    return character.isalnum() or character == "."


def _without_shared(names: Sequence[str]) -> list[str]:
    """The names without what all share at their beginning and their end, up to a joint."""
    if len(names) < 2:
        return list(names)
    begin = _shared(names)
    while begin and _is_inside(names[0][begin - 1]):
        begin -= 1
    rests = [name[begin:] for name in names]
    end = _shared([rest[::-1] for rest in rests])
    while end and _is_inside(rests[0][-end]):
        end -= 1
    return [f"{'…' if begin else ''}{rest[: len(rest) - end]}{'…' if end else ''}" for rest in rests]
