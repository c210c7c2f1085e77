"""What the figures suggest doing next. Each piece of advice carries the figures it rests on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt

from trialbook.core.analysis.arithmetic import onto, place_between, unit_of, variance
from trialbook.core.analysis.importance import FLAT
from trialbook.core.analysis.limits import is_quantity, limits
from trialbook.core.analysis.model import (
    Advice,
    BestTrial,
    Effect,
    FailureGroup,
    Gap,
    Importance,
    Improvement,
    Kind,
    Lack,
    Parameter,
    Shared,
    Value,
)
from trialbook.core.analysis.wording import listed, ordinal, plural
from trialbook.core.endings import why_not_ranked, why_stopped
from trialbook.core.numbers import Number, percent, shown, within
from trialbook.core.objectives import Objective
from trialbook.core.sweeps import Record

_EDGE = 0.05  # of the range, on its scale
_FIFTH = 0.2
_TOP = 0.1  # of the trials count as the best ones
_ENOUGH = 10  # trials, from which on the best ones are counted
_CROWDED = 1.5  # times as many of the best ones in a fifth of the range as of all trials, and two standard deviations
_MODEL_SAYS = 0.3  # of the variance out of sample, from which on a flat effect means something
_WIDE_GAP = 0.5  # of the training value


def at_the_edge(
    parameters: Sequence[Parameter], trials: Sequence[Mapping[str, Value]], importance: Importance | None = None
) -> list[Advice]:
    """Numbers whose best value lies at the end of their range (or of what was tried, from three values on), where the
    best ones crowd there and the hyperparameter matters, as far as that can be told."""
    told = []
    idle = {effect.parameter for effect in _flat(importance)}
    for parameter in parameters:
        value = trials[0].get(parameter.name)
        if parameter.kind is not Kind.NUMBER or not isinstance(value, int | float) or parameter.distinct < 3:
            continue
        if parameter.name in idle:
            continue
        place = _place(parameter, value)
        is_least_count = parameter.is_integer and value == parameter.lowest == 0  # there is nothing to try below
        if place is None or _EDGE < place < 1 - _EDGE or is_least_count:
            continue
        if is_quantity(parameter.name) and not _is_natural_end(parameter, is_low=place <= _EDGE):
            told += _edge(parameter, value, is_low=place <= _EDGE, trials=trials)
    return told


def _is_natural_end(parameter: Parameter, *, is_low: bool) -> bool:
    """Whether the range ends where all values of such a hyperparameter do: there is no dropout below 0."""
    least, greatest = limits(parameter.name)
    end = parameter.lowest if is_low else parameter.highest
    return end is not None and (end <= least if is_low else end >= greatest)


def _flat(found: Importance | None) -> list[Effect]:
    """The hyperparameters that hardly matter, where the model explains enough for that to mean something."""
    return [] if found is None or found.explained < _MODEL_SAYS else [e for e in found.effects if e.share < FLAT]


def _place(parameter: Parameter, value: float) -> float | None:
    """Where a value lies in its range: 0 at the lower end, 1 at the upper one; None where the range has no width."""
    low, high = parameter.lowest, parameter.highest
    if low is None or high is None or low == high:
        return None
    scaled = onto(parameter.scale) if low > 0 else float
    is_on_scale = value > 0 or scaled is float
    return place_between(scaled(low), scaled(high), scaled(value)) if is_on_scale else None


def _edge(parameter: Parameter, value: Number, *, is_low: bool, trials: Sequence[Mapping[str, Value]]) -> list[Advice]:
    top = trials[: max(round(len(trials) * _TOP), 3)]
    near, near_of_all = (_near_the_end(parameter, each, is_low=is_low) for each in (top, trials))
    if len(trials) >= _ENOUGH and not _is_crowded(near, len(top), near_of_all / len(trials)):
        return []
    end = parameter.lowest if is_low else parameter.highest
    bound = "the range's" if parameter.has_range else "the tried"
    assert end is not None
    side = "lower" if is_low else "upper"
    text = f"{parameter.name} is best at {shown(value)}, at {bound} {side} end ({shown(end)})"
    if len(trials) >= _ENOUGH:
        fifth = "lowest" if is_low else "highest"
        text += f", and {near:,} of the {len(top):,} best trials lie in the {fifth} fifth"
        text += f", against {near_of_all:,} of all {len(trials):,}"
    text += f": try {'smaller' if is_low else 'larger'} values."
    figures: dict[str, Value] = {"best_at": value, "end": end, "near": near, "of": len(top), "near_of_all": near_of_all}
    return [Advice("edge of range", text, parameter.name, figures)]


def _is_crowded(near: int, of: int, share: float) -> bool:
    """Whether more lie there than would by chance, if each did with this probability."""
    expected = of * share
    return near >= _CROWDED * expected and near >= expected + 2 * sqrt(expected * (1 - share))


def _near_the_end(parameter: Parameter, trials: Sequence[Mapping[str, Value]], *, is_low: bool) -> int:
    """How many trials lie in the fifth of the range at that end."""
    given = (value for trial in trials if isinstance(value := trial.get(parameter.name), int | float))
    places = [place for value in given if (place := _place(parameter, float(value))) is not None]
    return sum(1 for place in places if (place <= _FIFTH if is_low else place >= 1 - _FIFTH))


def insensitive(found: Importance | None) -> list[Advice]:
    """Hyperparameters that hardly matter, where the model explains enough for that to mean something."""
    flat = _flat(found)
    if found is None or not flat:
        return []
    share, names = sum(effect.share for effect in flat), [effect.parameter for effect in flat]
    is_one = len(flat) == 1
    return [
        Advice(
            "insensitive",
            f"{listed(names)} {'accounts' if is_one else 'together account'} for {percent(share)} of the explained "
            f"variation in {plural(found.trials, 'trial')}: {'it' if is_one else 'they'} could be fixed, which leaves "
            "more trials for the others.",
            names[0] if is_one else None,
            {"share": share, "trials": found.trials, "explained": found.explained},
        )
    ]


def within_noise(
    objective: Objective,
    values: Sequence[float],
    trials: Sequence[Mapping[str, Value]],
    importance: Importance | None,
) -> list[Advice]:
    """How many of the best can't be told apart: by repeats with the same hyperparameters, else by what the model of
    importance leaves unexplained. Nothing where neither is there. `values` are best first."""
    noise, source = _noise(values, trials, importance)
    if noise is None or noise == 0 or len(values) < 2:
        return []
    close = sum(1 for value in values if abs(value - values[0]) <= noise)
    if close < 2:
        return []
    text = (
        f"The best {close} of {plural(len(values), 'trial')} lie within {shown(noise)} of the best, which is "
        f"{source}: their order may be chance. Repeat the best ones with other seeds before choosing between them."
    )
    return [Advice("within noise", text, None, {"noise": noise, "close": close, "of": len(values)})]


def _noise(
    values: Sequence[float], trials: Sequence[Mapping[str, Value]], importance: Importance | None
) -> tuple[float | None, str]:
    repeats: dict[tuple[tuple[str, Value], ...], list[float]] = {}
    for value, trial in zip(values, trials, strict=True):
        repeats.setdefault(tuple(sorted(trial.items())), []).append(value)
    several = [found for found in repeats.values() if len(found) > 1]
    freedom = sum(len(found) - 1 for found in several)
    if freedom >= 2:
        unit = unit_of(values)
        in_units = [[value / unit for value in found] for found in several]
        pooled = sqrt(sum(variance(found) * len(found) for found in in_units) / freedom)
        return within(
            pooled * unit
        ), f"the standard deviation among {sum(map(len, several))} repeats with equal hyperparameters"
    if importance is not None:
        return importance.unexplained, "the standard deviation that the model of the hyperparameters leaves unexplained"
    return None, ""


def overfitting(gaps: Sequence[Gap], objective: Objective, best: BestTrial) -> list[Advice]:
    """Where the objective is far worse on validation than on training data."""
    for gap in gaps:
        is_worse = objective.is_better(gap.train, gap.validation)
        if gap.validation_metric == objective.metric and is_worse and (gap.relative or 0) >= _WIDE_GAP:
            text = (
                f"The best trial's {gap.validation_metric} is {shown(gap.validation)}, on training data "
                f"{shown(gap.train)}: it may fit the training data too closely. More regularisation or data may help."
            )
            figures: dict[str, Value] = {"train": gap.train, "validation": gap.validation, "median_gap": gap.median}
            return [Advice("overfitting", text, None, figures)]
    return []


def ties(best: BestTrial) -> list[Advice]:
    """Where several trials share the best value."""
    if best.tied < 1:
        return []
    text = f"{plural(best.tied, 'other trial')} reached the same value; the earliest counts as best."
    return [Advice("tie", text, None, {"tied": best.tied})]


def saturated(found: Sequence[Improvement], places: Sequence[int]) -> list[Advice]:
    """Where the second half of a longer search found nothing better; `places` are those of the jobs that searched for
    it, in the order in which all ended."""
    ended, last = len(places), sum(1 for place in places if place <= found[-1].finished)
    if ended < 20 or last > ended / 2:
        return []
    after = f"the {ended - last:,} after it found nothing better"
    text = f"The best was the {ordinal(last)} of {ended:,} jobs to end; {after}."
    return [Advice("no further improvement", text, None, {"last": last, "ended": ended})]


def failing(groups: Sequence[FailureGroup]) -> list[Advice]:
    """Values that only failing jobs have."""
    return [
        Advice(
            "failures",
            f"All {group.count:,} jobs that failed with “{group.reason}” had "
            f"{_conditions(group.only_they_share)}, and no other job had: "
            "leave that out of the search, or fix its cause.",
            group.only_they_share[0].parameter,
            {"count": group.count},
        )
        for group in groups
        if group.only_they_share
    ]


def _conditions(shared: Sequence[Shared]) -> str:
    return listed([f"{each.parameter} {each.condition}" for each in shared])


def without_objective(lacks: Sequence[Lack]) -> list[Advice]:
    """Jobs that ended well and can't rank."""
    return [
        Advice(
            "without objective",
            f"{plural(lack.count, 'job')} can't be ranked{', each' if lack.count > 1 else ''} because {lack.reason}.",
            None,
            {"count": lack.count},
        )
        for lack in lacks
    ]


def stopped(records: Sequence[Record]) -> list[Advice]:
    """Jobs that SageMaker stopped at a limit, and why they do not rank."""
    reasons = Counter(why_not_ranked(each) for each in records if why_stopped(each.job) and not each.ranks)
    return [
        Advice("stopped", f"{plural(count, 'job')} stopped: {reason}.", None, {"count": count})
        for reason, count in reasons.items()
    ]
