"""Times, money and lists as people read them."""

from collections.abc import Sequence
from datetime import datetime

from trialbook.core.numbers import shown

RESERVED = "reserved: not billed by the hour"  # machines of a training plan


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
    return f"${amount:.2f}" if amount >= 0.095 or amount == 0 else f"${shown(float(f'{amount:.2g}'))}"


def moment(at: datetime | None) -> str:
    """`2026-11-20 10:15 UTC`; a dash if it is not known."""
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
