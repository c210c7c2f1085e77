"""The objective along one hyperparameter: a bin per value if there are few, per quantile if there are many."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from trialbook.core.analysis.arithmetic import median
from trialbook.core.analysis.model import Bin, Kind, Parameter, Slice, Value
from trialbook.core.analysis.parameters import FEW
from trialbook.core.numbers import Number, shown
from trialbook.core.objectives import Objective, ObjectiveType

_BINS = 6

Pair = tuple[Value, float]


def slice_of(
    parameter: Parameter, trials: Sequence[Mapping[str, Value]], values: Sequence[float], objective: Objective
) -> Slice:
    """Best and median of the objective along a hyperparameter; trials that lack it have a bin of their own."""
    pairs = [(trial.get(parameter.name), value) for trial, value in zip(trials, values, strict=True)]
    present = [pair for pair in pairs if pair[0] is not None]
    absent = [value for given, value in pairs if given is None]
    parts = _by_number(present) if parameter.kind is Kind.NUMBER else _by_category(parameter, present)
    bins = [_bin(label, low, high, found, objective) for label, low, high, found in parts]
    if absent:
        bins.append(_bin("none", None, None, absent, objective))
    return Slice(parameter.name, tuple(bins))


Part = tuple[str, Number | None, Number | None, list[float]]


def _by_category(parameter: Parameter, pairs: Sequence[Pair]) -> list[Part]:
    found: dict[str, list[float]] = {}
    for given, value in pairs:
        found.setdefault(str(given), []).append(value)
    return [(name, None, None, found[name]) for name in parameter.categories if name in found]


def _by_number(pairs: Sequence[Pair]) -> list[Part]:
    ordered = sorted((given, value) for given, value in pairs if isinstance(given, Number))
    distinct = sorted({given for given, _ in ordered})
    if len(distinct) <= FEW:
        return [(shown(each), each, each, [value for given, value in ordered if given == each]) for each in distinct]
    cuts = [len(ordered) * k // _BINS for k in range(_BINS + 1)]
    parts: list[Part] = []
    for start, end in pairwise(cuts):
        low, high = ordered[start][0], ordered[end - 1][0]
        label = f"{shown(low)} to {shown(high)}"
        parts.append((label, low, high, [value for _, value in ordered[start:end]]))
    return parts


def _bin(label: str, low: Number | None, high: Number | None, values: Sequence[float], objective: Objective) -> Bin:
    best = min(values) if objective.type is ObjectiveType.MINIMIZE else max(values)
    return Bin(label, low, high, len(values), best, median(values))
