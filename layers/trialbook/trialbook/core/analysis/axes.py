"""Axes of numbers on which equal steps count alike, also of one that has 0 beside decades."""

from collections.abc import Callable, Iterable
from math import exp, expm1, log1p

from trialbook.core.analysis.arithmetic import onto
from trialbook.core.analysis.model import Kind, Parameter, Scale, Value
from trialbook.core.numbers import Number

_WIDE = 999.999  # times the least positive value, from which on those beside a 0 need a log scale: 0.01 / 1e-5 counts
_LOGGED = (1e-100, 1e100)  # values whose ratios do not overflow


def least_beside_zero(parameter: Parameter, values: Iterable[Value]) -> float | None:
    """The least positive value of a hyperparameter that has 0 and values over several decades: a linear scale would
    draw all small ones as one."""
    if parameter.kind is not Kind.NUMBER or parameter.lowest != 0 or parameter.scale is Scale.LOG:
        return None
    positive = [float(value) for value in values if isinstance(value, Number) and value > 0]
    least, greatest = min(positive, default=1.0), max(positive, default=1.0)
    is_wide = _LOGGED[0] <= least and greatest <= _LOGGED[1] and greatest / least >= _WIDE
    return least if is_wide else None


def onto_axis(parameter: Parameter, least: float | None) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """What puts a number on its axis, where equal steps count alike, and what takes it back. `least` is the least
    positive value of a hyperparameter that has 0 beside decades."""
    if least is not None:
        return lambda value: log1p(value / least), lambda place: least * expm1(place)
    return onto(parameter.scale), exp if parameter.scale is Scale.LOG else float
