"""The trials as charts take them: plain rows, thinned where a picture would only get darker."""

from collections.abc import Mapping, Sequence
from math import copysign
from typing import Any

from trialbook.core.analysis.model import Analysis, TrialRow, Value
from trialbook.core.jobs import FAILED, STOPPED
from trialbook.core.messages.texts import visible
from trialbook.core.numbers import DRAWN, shown

MOST_POINTS = 2_000
MOST_LINES = 250


def ranked(analysis: Analysis, group: int = 0) -> list[TrialRow]:
    """The trials of a group, best first."""
    return [row for row in analysis.trials if row.group == group]


def failed(analysis: Analysis) -> list[TrialRow]:
    """The trials that failed."""
    return [row for row in analysis.trials if row.status == FAILED]


def thinned(rows: Sequence[TrialRow], most: int) -> list[TrialRow]:
    """All rows, or the best fifth of `most` and an even sample of the others."""
    if len(rows) <= most:
        return list(rows)
    best = most // 5
    step = (len(rows) - best) / (most - best)
    return [*rows[:best], *(rows[best + int(place * step)] for place in range(most - best))]


def thinning(shown: int, of: int) -> str:
    """The number of trials left out, for a subtitle; empty if all are shown."""
    return "" if shown == of else f"; {shown:,} of {of:,} drawn: the best and an even sample"


def kind_of(row: TrialRow) -> str:
    """Which mark a ranked trial gets."""
    return "best" if row.rank == 1 else "stopped early" if row.status == STOPPED else "completed"


def point(row: TrialRow, **more: Any) -> dict[str, Any]:
    """A ranked trial as a chart's datum."""
    return {"value": drawable(row.value), "mark": kind_of(row), "label": shown(row.value or 0.0), **more}


def drawable(value: Value) -> Value:
    """A number as it is drawn: no larger, and no nearer to zero, than a picture's arithmetic bears. All else as it
    is."""
    if not isinstance(value, int | float) or value == 0 or 1 / DRAWN <= abs(value) <= DRAWN:
        return value
    return copysign(min(max(abs(value), 1 / DRAWN), DRAWN), value)


def category(value: Value) -> str:
    """A category's whole name, with what can't be seen spelled out; hyperparameters that a job lacks are `none`."""
    return "none" if value is None else visible(str(value))


def where(rows: Sequence[TrialRow], name: str) -> list[tuple[TrialRow, Value]]:
    """Each trial with its value of a hyperparameter."""
    return [(row, row.hyper_parameters.get(name)) for row in rows]


def numbers(values: Mapping[str, Value]) -> dict[str, float]:
    """The values that are numbers."""
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
