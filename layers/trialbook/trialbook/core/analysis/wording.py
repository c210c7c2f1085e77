"""Numbers, times and lists as people read them."""

import math
import re
import struct
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

_DIGITS = 7  # SageMaker's final metrics are float32: more digits are made up
_BRIEF = 5  # tells trials apart, and a person can keep it in mind


def tidy(value: float, digits: int = _DIGITS) -> str:
    """The shortest decimal that is the same float32, with `digits` significant digits at most: `0.03959208`."""
    if not math.isfinite(value):
        return str(value)
    texts = (f"{value:.{count}g}" for count in range(1, digits + 1))
    return _plain(next((text for text in texts if _single(float(text)) == _single(value)), f"{value:.{digits}g}"))


def brief(value: float) -> str:
    """A metric in a sentence, a label or a list: five significant digits, the whole part unrounded: `0.039592`."""
    whole = len(str(int(abs(value)))) if math.isfinite(value) and abs(value) < 1e7 else 0
    return tidy(value, max(_BRIEF, whole))


def _single(value: float) -> float:
    try:
        (narrow,) = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        return value
    return float(narrow)


def _plain(text: str) -> str:
    """Without exponent where that stays readable, and no minus before zero."""
    number = float(text)
    if number == 0:
        return "0"
    return format(Decimal(text), "f") if 1e-4 <= abs(number) < 1e9 else text


def rough(value: float, digits: int = 3) -> str:
    """A difference or a share: three significant digits."""
    return _plain(f"{value:.{digits}g}")


def percent(share: float) -> str:
    """`12 %`, `1.5 %`, `0.04 %`, `below 0.01 %`."""
    if 0 < abs(share) < 1e-4:
        return "below 0.01 %"
    return f"{rough(share * 100, 2) if abs(share) < 0.0995 else format(share * 100, '.0f')} %"


def duration(seconds: float) -> str:
    """`45 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`: two units at most."""
    left = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join([part for part in parts[:2] if not part.startswith("0 ")]) or "0 s"


def dollars(amount: float) -> str:
    """`$0.42`, `$0.0042` where cents would be nothing, `$1,234`."""
    if amount >= 1000:
        return f"${amount:,.0f}"
    return f"${amount:.2f}" if amount >= 0.095 or amount == 0 else f"${rough(amount, 2)}"


def moment(at: datetime | None) -> str:
    """`2026-11-20 10:15 UTC`; a dash where it is not known."""
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def listed(names: Sequence[str], longest: int = 4) -> str:
    """`a, b and c`; what is beyond `longest` is counted."""
    shown = list(names[:longest])
    if len(names) > longest:
        shown.append(f"{len(names) - longest} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def plural(count: int, word: str, words: str | None = None) -> str:
    """`1 job`, `3 jobs`, `12,000 jobs`."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def often(times: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(times) or f"{times:,} times"


def ordinal(number: int) -> str:
    """`1st`, `12th`, `23rd`."""
    is_teen = 10 <= number % 100 <= 20
    return f"{number:,}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def cut(text: str, longest: int) -> str:
    """The text, or its beginning with an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def number_of(text: str) -> float | None:
    """The finite number a text stands for; None for everything else, `nan`, `1_000` and `0x1` among it."""
    bare = text.strip()  # of more than float() takes off: information separators too
    if _NUMBER.fullmatch(bare) is None:
        return None
    number = float(bare)
    return number if math.isfinite(number) else None
