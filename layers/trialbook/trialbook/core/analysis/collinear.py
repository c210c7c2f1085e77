"""Hyperparameters that changed together: no search can tell their effects apart."""

from collections.abc import Mapping, Sequence

from trialbook.core.analysis.arithmetic import ranks, sumprod
from trialbook.core.analysis.model import Kind, Parameter, Value
from trialbook.core.numbers import Number

_ALIKE = 0.95  # rank correlation, on either side, from which two numbers count as one
_FEWEST = 3  # distinct values


def grouped(parameters: Sequence[Parameter], trials: Sequence[Mapping[str, Value]]) -> dict[Parameter, tuple[str, ...]]:
    """The hyperparameters, each with the names of later ones that changed with it and are left out for that."""
    found: dict[Parameter, list[str]] = {}
    seen: list[tuple[Parameter, list[float] | None, tuple[int, ...] | None]] = []
    for parameter in parameters:
        column = [trial.get(parameter.name) for trial in trials]
        places, pattern = _places(parameter, column), _pattern(column)
        alike = (each for each, own, same in seen if (pattern and pattern == same) or _is_alike(own, places))
        first = next(alike, None)
        if first is not None:
            found[first].append(parameter.name)
            continue
        found[parameter] = []
        seen.append((parameter, places, pattern))
    return {parameter: tuple(names) for parameter, names in found.items()}


def _pattern(column: Sequence[Value]) -> tuple[int, ...] | None:
    """Which trials have equal values, whatever those are; None if hardly any have."""
    if len(set(column)) > len(column) / 2:
        return None
    numbers: dict[Value, int] = {}
    return tuple(numbers.setdefault(value, len(numbers)) for value in column)


def _places(parameter: Parameter, column: Sequence[Value]) -> list[float] | None:
    """The places in order about their mean, of length 1; None for what has no order, or gaps."""
    if parameter.kind is Kind.CATEGORY or None in column or len(set(column)) < _FEWEST:
        return None
    order = ranks([float(value) for value in column if isinstance(value, Number)])
    mean = (len(order) - 1) / 2
    centred = [each - mean for each in order]
    size = sumprod(centred, centred) ** 0.5
    return [each / size for each in centred]


def _is_alike(one: Sequence[float] | None, other: Sequence[float] | None) -> bool:
    return one is not None and other is not None and abs(sumprod(one, other)) >= _ALIKE
