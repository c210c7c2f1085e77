"""Trials that could have been stopped because they were behind the median of the others, and what that would have
saved."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from trialbook.core.analysis.model import Advice, Value
from trialbook.core.analysis.prices import Prices, hourly
from trialbook.core.analysis.wording import dollars, duration, plural
from trialbook.core.curves.facts import best_so_far
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.jobs import COMPLETED, Job
from trialbook.core.objectives import Objective, ObjectiveType
from trialbook.core.sweeps import Record, start_of

_STEPS = 20  # at which trials are compared
_WARM_UP = 0.25  # of a trial's length: before, nothing is stopped
_LEAST_OTHERS = 4  # trials that had come as far
_LEAST_POINTS = 8
_WORTH_SAYING = 0.05  # of the time of all trials compared


@dataclass(frozen=True, slots=True)
class _Trial:
    """A trial's best value so far at each step of its way, as a cost, and when it had come there."""

    job: Job
    first: float
    last: float
    costs: tuple[float | None, ...]
    reached: tuple[float, ...]

    def is_warm(self, step: float) -> bool:
        return step - self.first >= _WARM_UP * (self.last - self.first)

    def left_after(self, step: float) -> float:
        """The share of its way that lay ahead."""
        return (self.last - step) / (self.last - self.first)


def could_have_stopped(
    records: Sequence[Record], objective: Objective, curves: Mapping[str, JobCurves], prices: Prices
) -> list[Advice]:
    """What the median rule would have saved in a finished sweep; nothing if it would have stopped the best trial, or
    saved next to nothing. `records` are best first."""
    steps, trials = _compared(records, objective, curves)
    stops = {each.job.name: step for each in trials if (step := _stop(each, trials, steps)) is not None}
    if not stops or not trials or records[0].job.name in stops or trials[0].job is not records[0].job:
        return []
    stopped = [each for each in trials if each.job.name in stops]
    saved = sum(_seconds(each.job) * each.left_after(stops[each.job.name]) for each in stopped)
    whole = sum(_seconds(each.job) for each in trials)
    if saved < _WORTH_SAYING * whole:
        return []
    money = _money(stopped, stops, prices)
    text = (
        f"{len(stops):,} of {plural(len(trials), 'trial')} could have been stopped early: a quarter of the way or "
        "later, their best value was worse than the median of the other trials at the same step (the median rule). "
        f"This would have saved about {duration(saved)} of {duration(whole)}"
        f"{'' if money is None else f', about {dollars(money)}'} (estimate). The best trial would have run to its end."
    )
    figures: dict[str, Value] = {"stopped": len(stops), "of": len(trials), "saved_seconds": round(saved)}
    if money is not None:
        figures["saved_usd"] = money
    return [Advice("could have stopped", text, None, figures)]


def _compared(
    records: Sequence[Record], objective: Objective, curves: Mapping[str, JobCurves]
) -> tuple[list[float], list[_Trial]]:
    """The steps at which trials are compared, and the completed trials whose curves can be: those along the axis of the
    best trial's."""
    found = [
        (record.job, series)
        for record in records
        if record.job.status == COMPLETED
        and (kept := curves.get(record.job.name)) is not None
        and (series := kept.metrics.get(objective.metric)) is not None
        and len(series.numbers[0]) >= _LEAST_POINTS
        and record.job.ended_at is not None
    ]
    if not found:
        return [], []
    axis = found[0][1].axis
    along = [(job, series) for job, series in found if series.axis is axis]
    # Along time, each trial's way begins with its first point.
    begins = {job.name: series.xs[0] if axis is Axis.TIME else 0.0 for job, series in along}
    first = min(series.xs[0] - begins[job.name] for job, series in along)
    last = max(series.xs[-1] - begins[job.name] for job, series in along)
    steps = [first + (last - first) * number / _STEPS for number in range(1, _STEPS)]
    maximise = objective.type is ObjectiveType.MAXIMIZE
    return steps, [_trial(job, series, begins[job.name], steps, maximise=maximise) for job, series in along]


def _trial(job: Job, series: Series, begin: float, steps: Sequence[float], *, maximise: bool) -> _Trial:
    xs, best = series.numbers[0], [value for _, value in best_so_far(series, maximise=maximise)]
    first, last = xs[0] - begin, xs[-1] - begin
    began, ended = _moments(job, series)
    costs, reached = [], []
    for step in steps:
        place = bisect_right(xs, step + begin)
        value = best[place - 1] if place and step <= last else None
        costs.append(-value if maximise and value is not None else value)
        reached.append(began + (ended - began) * (step - first) / ((last - first) or 1.0))
    return _Trial(job, first, last, tuple(costs), tuple(reached))


def _moments(job: Job, series: Series) -> tuple[float, float]:
    """When the first and the last point came. Along iterations that is an estimate: at an even pace."""
    assert job.ended_at is not None
    if series.axis is Axis.TIME:
        return series.xs[0], series.xs[-1]
    begin: datetime = job.started_at or start_of(job)
    return begin.timestamp(), job.ended_at.timestamp()


def _stop(trial: _Trial, trials: Sequence[_Trial], steps: Sequence[float]) -> float | None:
    """The first step after the warm-up at which the trial was behind the median of those that had come as far."""
    for place, step in enumerate(steps):
        own = trial.costs[place]
        if own is None or not trial.is_warm(step):
            continue
        others = [
            cost
            for each in trials
            if each is not trial
            and (cost := each.costs[place]) is not None
            and each.reached[place] <= trial.reached[place]
        ]
        if len(others) >= _LEAST_OTHERS and own > median(others):
            return step
    return None


def _seconds(job: Job) -> float:
    billed = job.billable_seconds if job.billable_seconds is not None else job.training_seconds
    return float(billed if billed is not None else job.duration_seconds or 0)


def _money(stopped: Sequence[_Trial], stops: Mapping[str, float], prices: Prices) -> float | None:
    """US dollars that the stopped trials would have left; None if the price of one is unknown."""
    total = 0.0
    for each in stopped:
        dollars_an_hour = hourly(each.job, prices)
        if dollars_an_hour is None or each.job.billable_seconds is None:
            return None
        total += dollars_an_hour * each.job.billable_seconds / 3600 * each.left_after(stops[each.job.name])
    return total
