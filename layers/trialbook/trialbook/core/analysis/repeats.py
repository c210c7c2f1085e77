"""Trials with equal hyperparameters, seeds apart: the only thing that says how much chance alone changes a value."""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import sqrt
from statistics import fmean

from trialbook.core.analysis.arithmetic import unit_of, variance
from trialbook.core.analysis.model import Parameter, Repeated, Repeats, Value
from trialbook.core.analysis.students import critical
from trialbook.core.numbers import within
from trialbook.core.objectives import ObjectiveType
from trialbook.core.seeds import is_seed

_FREEDOM = 2  # repeats beyond the first of each configuration, from which on their spread says something

Configuration = tuple[Value, ...]  # the values of all hyperparameters but seeds


def searched(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """The hyperparameters without seeds."""
    return tuple(each for each in parameters if not is_seed(each.name))


def configurations(
    trials: Sequence[Mapping[str, Value]], values: Sequence[float]
) -> dict[Configuration, list[tuple[int, float]]]:
    """The trials of each configuration: their places and values."""
    found: dict[Configuration, list[tuple[int, float]]] = {}
    names = [name for name in dict.fromkeys(chain.from_iterable(trials)) if not is_seed(name)]
    for place, (trial, value) in enumerate(zip(trials, values, strict=True)):
        found.setdefault(tuple(map(trial.get, names)), []).append((place, value))
    return found


def repeats(
    trials: Sequence[Mapping[str, Value]], values: Sequence[float], objective_type: ObjectiveType
) -> Repeats | None:
    """What repeats say of chance; None with too few of them. Trials are best first."""
    by_configuration = configurations(trials, values)
    unit = unit_of(values)
    several = [[value / unit for _, value in found] for found in by_configuration.values() if len(found) > 1]
    freedom = sum(len(found) - 1 for found in several)
    if freedom < _FREEDOM:
        return None
    squares = [variance(found) * len(found) for found in several if min(found) < max(found)]
    pooled = sqrt(sum(squares) / freedom)
    spread = within(pooled * unit)
    reach = critical(freedom) * spread
    sign = 1 if objective_type is ObjectiveType.MINIMIZE else -1
    means = [(fmean(value / unit for _, value in found) * unit, found) for found in by_configuration.values()]
    repeated = [each for each in means if len(each[1]) > 1]
    mean, steadiest = min(repeated, key=lambda each: (sign * each[0], each[1][0][0]))
    best, own = next(each for each in means if each[1][0][0] == 0)
    return Repeats(
        deviation=spread,
        freedom=freedom,
        trials=sum(map(len, several)),
        configurations=len(by_configuration),
        within_noise=sum(
            1
            for other, found in means
            if found is not own and sign * (other - best) <= reach * sqrt(1 / len(own) + 1 / len(found))
        ),
        best_by_mean=Repeated(
            place=steadiest[0][0],
            trials=len(steadiest),
            mean=mean,
            low=within(mean - reach / sqrt(len(steadiest))),
            high=within(mean + reach / sqrt(len(steadiest))),
            varied={name: given for name, given in trials[steadiest[0][0]].items() if not is_seed(name)},
            is_of_best=steadiest is own,
        ),
    )
