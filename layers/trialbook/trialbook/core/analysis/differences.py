"""The best trial beside others: by how much it is ahead, in the objective's unit and as a share."""

from collections.abc import Callable, Mapping, Sequence

from trialbook.core.analysis.arithmetic import onto, quantile, share_of
from trialbook.core.analysis.model import Against, Difference, Improvement, Scale, Spread
from trialbook.core.analysis.rows import Ranked
from trialbook.core.jobs import JobKey, ParentsBest
from trialbook.core.numbers import DRAWN, apart, within
from trialbook.core.objectives import Objective, ObjectiveType
from trialbook.core.sweeps import Record, Sweep

_FAR = 5  # interquartile distances beyond the quartiles: diverged trials
_FEWEST_TO_BEND = 12  # trials
_NEAR_THE_GOOD = 3  # times as far from the best as the median
_WORTH_A_STRIP = 0.4  # of what the others take
_LOGGED = (1e-100, 1e100)  # values that a log scale takes: of larger and smaller ones ratios overflow
_DECADE = 10  # times the value that nine tenths exceed: where the greatest tenth begins, a log scale helps


def difference(
    against: Against, best: float, other: float, job_name: str, sweep: str | None, objective: Objective
) -> Difference:
    """How far the best value is from another one. Both are values of the same objective."""
    margin = apart(best, other)
    return Difference(
        against=against,
        job_name=job_name,
        sweep=sweep,
        value=other,
        margin=margin,
        relative=share_of(margin, other),
        is_better=objective.is_better(best, other),
        is_equal=margin == 0,
    )


def differences(
    ranked: Ranked, previous: Sweep | None, before: Record | None, parents: ParentsBest | None = None
) -> tuple[Difference, ...]:
    """To the runner-up and to the best of the previous sweep, of the experiment before, and of warm-start parents, if
    they share the objective."""
    best, objective = ranked.records[0].value, ranked.objective
    assert best is not None
    found = []
    if len(ranked.records) > 1:
        second = ranked.records[1]
        assert second.value is not None
        found.append(difference(Against.RUNNER_UP, best, second.value, second.job.name, None, objective))
    if previous is not None and previous.best is not None and objective.is_like(previous.objective):
        other = previous.best
        found.append(difference(Against.PREVIOUS_SWEEP, best, other.value, other.job_name, previous.id, objective))
    if before is not None and before.experiment_value is not None and objective.is_like(before.experiment_objective):
        value = before.experiment_value
        found.append(difference(Against.EXPERIMENT, best, value, before.job.name, before.sweep, objective))
    if parents is not None and parents.metric == objective.metric:
        other_sweep = parents.tuning_job
        found.append(difference(Against.PARENTS, best, parents.value, parents.job_name, other_sweep, objective))
    return tuple(found)


def improvements(ranked: Ranked, ends: Mapping[JobKey, int]) -> tuple[Improvement, ...]:
    """The trials that were the best so far when they ended, in order of their ends."""
    found: list[Improvement] = []
    for record in sorted(ranked.records, key=lambda record: ends[record.key]):
        value = record.value
        assert value is not None
        if found and not ranked.objective.is_better(value, found[-1].value):
            continue
        margin = apart(value, found[-1].value) if found else None
        found.append(Improvement(ends[record.key], record.job.name, value, record.job.ended_at, margin))
    return tuple(found)


def spread(values: Sequence[float], objective_type: ObjectiveType) -> Spread:
    """How values lie; best and worst by the objective's type."""
    ordered = sorted(values)
    is_least_best = objective_type is ObjectiveType.MINIMIZE
    best, worst = (ordered[0], ordered[-1]) if is_least_best else (ordered[-1], ordered[0])
    first, middle, third = (quantile(ordered, share) for share in (0.25, 0.5, 0.75))
    scale = _scale(ordered)
    to = onto(scale)
    low, high = to(first), to(third)
    reach = _FAR * (high - low)
    shown = [value for value in ordered if reach == 0 or value == best or low - reach <= to(value) <= high + reach]
    edges = (within(shown[0], DRAWN), within(shown[-1], DRAWN))
    beyond = sum(1 for value in ordered if not edges[0] <= value <= edges[1])
    bend = _bend([within(value, DRAWN) for value in shown], to, is_least_best=is_least_best)
    return Spread(best, worst, first, middle, third, *edges, beyond, scale, bend)


def _scale(ordered: Sequence[float]) -> Scale:
    """A log scale where most positive values lie decades apart: on a linear one the good ones would be one line."""
    low, high = quantile(ordered, 0.1), quantile(ordered, 0.9)
    is_safe = _LOGGED[0] <= ordered[0] and ordered[-1] <= _LOGGED[1]
    return Scale.LOG if is_safe and high / low >= _DECADE else Scale.LINEAR


def _bend(values: Sequence[float], to: Callable[[float], float], *, is_least_best: bool) -> float | None:
    """The last value near the good ones: not further from the best than three times the better half; None where the
    rest takes little of the axis. `values` are in the order of size."""
    if len(values) < _FEWEST_TO_BEND:
        return None
    outward = values if is_least_best else values[::-1]
    places = [abs(to(value) - to(outward[0])) for value in outward]
    reach = _NEAR_THE_GOOD * quantile(places, 0.5)
    last = sum(1 for place in places if place <= reach) - 1
    is_worth_it = places[-1] - places[last] >= _WORTH_A_STRIP * places[last] > 0
    return outward[last] if is_worth_it else None
