"""How the trials of a group learned: curves that a chart can show, and what they say beside final values."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice
from math import floor, log, log10
from statistics import median

from trialbook.core.analysis.arithmetic import between, quantile
from trialbook.core.analysis.curve_model import Learning, Points, TrialCurve
from trialbook.core.analysis.gaps import paired_with
from trialbook.core.curves.facts import diverged_at, overfits_from, passed_at
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.curves.thinning import simplified
from trialbook.core.numbers import LARGEST
from trialbook.core.objectives import Objective, ObjectiveType
from trialbook.core.sweeps import Record

MOST_CURVES = 200  # trials whose curves are read and drawn
_BEST_CURVES = 100  # of these the best; the others are spread over all ranks
MOST_POINTS = 5_000  # of all curves that are drawn
_ALWAYS_DRAWN = 10  # best trials, as long as there is room at all
_GIVES_UP = 20  # curves in a row that do not fit: the others are hardly smoother, and each takes time to try
PIXELS = 248  # the height of the chart's axes
_MISSED = 0.5  # pixels that a drawn line may pass beside a point
_ROUNDED = 0.2  # pixels that rounding may move a point
_WIDE = 10  # times the least value, from which on a linear axis hides the differences between good ones
_ON_DEMAND = 0.25  # of the axis: more room for curves that are not always drawn
_STEPS = 100  # of the median curve
_LEAST_FOR_MEDIAN = 3  # trials
_SAME = 1e-6  # of a value: SageMaker's final metrics are float32, and curves are doubles

Curves = Mapping[str, JobCurves]


@dataclass(frozen=True, slots=True)
class _Trial:
    """A trial's place, and its series along a common x."""

    place: int
    shown: Series
    train: Series | None


def worth_reading(records: Sequence[Record]) -> list[Record]:
    """The jobs whose curves a report reads: all, or the best and an even sample of the others."""
    ordered = sorted((each for each in records if each.job.is_terminal), key=lambda record: record.sweep_rank)
    if len(ordered) <= MOST_CURVES:
        return ordered
    best, others = ordered[:_BEST_CURVES], ordered[_BEST_CURVES:]
    wanted = MOST_CURVES - len(best)
    return [*best, *(others[number * len(others) // wanted] for number in range(wanted))]


def learning(objective: Objective, level: float, jobs: Iterable[tuple[int, str]], curves: Curves) -> Learning | None:
    """The learning curves by the objective. `jobs` are places and names, best first, those without a rank last; `level`
    is the best trial's value. None if no curve has two points."""
    maximise = objective.type is ObjectiveType.MAXIMIZE
    found = [(place, curves[name]) for place, name in jobs if name in curves]
    train_metric = next((name for _, each in found if (name := paired_with(objective.metric, each.metrics))), None)
    trials = _on_one_axis(found, objective.metric, train_metric)
    if not trials:
        return None
    scale = _Scale.of(trials, maximise=maximise)
    same = level - abs(level) * _SAME if maximise else level + abs(level) * _SAME
    made = _drawn(trials, [_facts(each, same, maximise=maximise) for each in trials], scale)
    median_x, median_y = _median(trials, scale)
    return Learning(
        metric=objective.metric,
        train_metric=train_metric if any(each.train for each in trials) else None,
        axis=trials[0].shown.axis.value,
        is_log=scale.is_log,
        axis_low=scale.low,
        axis_high=scale.high,
        pixels=PIXELS,
        level=level,
        trials=len(made),
        passed=sum(1 for each in made if each.passed_at is not None),
        diverged=sum(1 for each in made if each.diverged_at is not None),
        overfitting=sum(1 for each in made if each.overfits_from is not None),
        median_x=median_x,
        median_y=median_y,
        curves=made,
    )


def _drawn(trials: Sequence[_Trial], facts: Sequence[TrialCurve], scale: "_Scale") -> tuple[TrialCurve, ...]:
    """The curves with no more points than a page has room for: those of the best trials, and of the others an even
    choice; then training curves, best first. A curve without room has its facts and no points."""
    left = MOST_POINTS
    rest = range(_ALWAYS_DRAWN, len(trials))
    order = [*range(min(_ALWAYS_DRAWN, len(trials))), *(place for part in range(3) for place in rest[part::3])]
    drawn, failed = dict(enumerate(facts)), 0
    for place in order:
        x, y = _line(trials[place].shown, scale, left)
        drawn[place] = replace(drawn[place], x=x, y=y)
        left -= len(x)
        has_no_room = not x and bool(trials[place].shown.numbers[0])
        failed = failed + 1 if has_no_room else 0
        if failed == _GIVES_UP:
            break
    for place, trial in enumerate(trials):
        if trial.train is not None and drawn[place].x:
            x, y = _line(trial.train, scale, left)
            drawn[place] = replace(drawn[place], train_x=x, train_y=y)
            left -= len(x)
    return tuple(drawn.values())


def _on_one_axis(found: Sequence[tuple[int, JobCurves]], metric: str, train_metric: str | None) -> list[_Trial]:
    """The trials with a curve along the axis that most of them have."""
    having = [(place, each) for place, each in found if metric in each.metrics and len(each.metrics[metric].xs) > 1]
    by_iteration = sum(1 for _, each in having if each.metrics[metric].axis is Axis.ITERATION)
    axis = Axis.ITERATION if 2 * by_iteration >= len(having) else Axis.TIME
    trials = []
    for place, each in having:
        shown, train = each.metrics[metric], each.metrics.get(train_metric or "")
        if shown.axis is axis:
            begin = shown.xs[0] if axis is Axis.TIME else 0.0
            is_beside = train is not None and train.axis is axis
            trials.append(_Trial(place, _since(shown, begin), _since(train, begin) if is_beside and train else None))
    return trials


def _since(series: Series, begin: float) -> Series:
    return replace(series, xs=tuple(x - begin for x in series.xs)) if begin else series


@dataclass(frozen=True, slots=True)
class _Scale:
    """The axis of values: what it shows, and what a pixel is on it."""

    is_log: bool
    low: float
    high: float

    @staticmethod
    def of(trials: Sequence[_Trial], *, maximise: bool) -> "_Scale":
        """An axis with all good values, and with bad ones as far as they let the others be told apart. Training curves
        beside the best trial's are seen only on demand: they get a little room."""
        stayed = [each for each in trials if diverged_at(each.shown, maximise=maximise) is None] or trials
        best = [trials[0].train] if trials[0].train and trials[0] in stayed else []
        values = sorted(chain.from_iterable(each.numbers[1] for each in (*(trial.shown for trial in stayed), *best)))
        if not values:
            return _Scale(is_log=False, low=0.0, high=1.0)
        low, high = _drawable(values[0]), _drawable(values[-1])
        if (low, high) != (values[0], values[-1]):
            values = [_drawable(each) for each in values]
        few, many = quantile(values, 0.1), quantile(values, 0.9)
        if maximise:
            low = max(low, few - (many - few))
        else:
            high = min(high, many + (many - few))
        if low == high:
            return _Scale(is_log=False, low=low - (abs(low) or 1) / 2, high=high + (abs(high) or 1) / 2)
        scale = _Scale(not maximise and low > 0 and high / low >= _WIDE, low, high)
        choose = max if maximise else min
        trains = (each.train.numbers[1] for each in stayed if each.train)
        return scale.with_room_for([choose(values) for values in trains if values], maximise=maximise)

    def with_room_for(self, values: Sequence[float], *, maximise: bool) -> "_Scale":
        """The axis, longer on its good side by so much of its length as the values need and may have."""
        if maximise:
            most = self.high + (self.high - self.low) * _ON_DEMAND
            return replace(self, high=min(max(self.high, *values, self.high), most))
        low, high = self.low, self.high
        least = low * (low / high) ** _ON_DEMAND if self.is_log else low - (high - low) * _ON_DEMAND
        return replace(self, low=max(min(low, *values, low), least))

    def simplified(self, xs: Sequence[float], values: Sequence[float]) -> Iterator[int]:
        """The places of the points that a line needs; what is beyond the axis is at its edge."""
        least, most = self.low, self.high
        within: Iterable[float] = values
        if min(values) < least or max(values) > most:
            within = (least if value < least else most if value > most else value for value in values)
        if not self.is_log:
            return simplified(zip(xs, within, strict=True), (most - least) / PIXELS * _MISSED)
        return simplified(zip(xs, map(log, within), strict=True), (log(most) - log(least)) / PIXELS * _MISSED)

    def rounded(self, value: float) -> float:
        """The value with no more digits than can be seen."""
        low, high = (log(self.low), log(self.high)) if self.is_log else (self.low, self.high)
        seen = (high - low) / PIXELS * _ROUNDED * (abs(value) if self.is_log else 1)
        digits = -floor(log10(seen)) if seen > 0 else 15
        return round(value, digits) if abs(digits) < 300 else value


_MOST = LARGEST / 1e8  # has room for sums


def _drawable(value: float) -> float:
    return min(max(value, -_MOST), _MOST)


def _facts(trial: _Trial, level: float, *, maximise: bool) -> TrialCurve:
    """What a trial's curve says, as yet without its points."""
    overfits = overfits_from(trial.shown, trial.train, maximise=maximise) if trial.train else None
    return TrialCurve(
        trial=trial.place,
        x=(),
        y=(),
        passed_at=passed_at(trial.shown, level, maximise=maximise),
        diverged_at=diverged_at(trial.shown, maximise=maximise),
        overfits_from=overfits,
    )


def _line(series: Series, scale: _Scale, most: int) -> tuple[Points, Points]:
    """The points that a line needs, and one without a value for each gap in it; none if they are more than `most`."""
    points = list(islice(_needed(series, scale), most + 1)) if most else []
    if len(points) > most:
        return (), ()
    xs = tuple(int(x) if x.is_integer() else round(x, 3) for x, _ in points)
    return xs, tuple(None if value is None else scale.rounded(value) for _, value in points)


def _needed(series: Series, scale: _Scale) -> Iterator[tuple[float, float | None]]:
    """The points of a line. Gaps before the first value are left out, and one that follows another."""
    if len(series.numbers[0]) == len(series.xs):
        xs, values = series.numbers
        yield from ((xs[place], _drawable(values[place])) for place in scale.simplified(xs, values))
        return
    is_begun = False
    for has_value, run in groupby(zip(series.xs, series.values, strict=True), lambda point: point[1] is not None):
        if has_value:
            part = [(x, value) for x, value in run if value is not None]
            for place in scale.simplified(*zip(*part, strict=True)):
                yield part[place][0], _drawable(part[place][1])
            is_begun = True
        elif is_begun:
            yield next(run)


def _median(trials: Sequence[_Trial], scale: _Scale) -> tuple[Points, Points]:
    """The median of the trials that still ran, step by step."""
    curves = [each.shown.numbers for each in trials if each.shown.numbers[0]]
    if len(curves) < _LEAST_FOR_MEDIAN:
        return (), ()
    begin, end = min(xs[0] for xs, _ in curves), max(xs[-1] for xs, _ in curves)
    steps = min(_STEPS, max(len(xs) for xs, _ in curves))
    grid = sorted({round(begin + (end - begin) * number / max(steps - 1, 1)) for number in range(steps)})
    line = []
    for x in grid:
        values = [value for xs, known in curves if (value := value_at(xs, known, x)) is not None]
        if len(values) >= _LEAST_FOR_MEDIAN:
            line.append((float(x), _drawable(median(values))))
    kept = list(scale.simplified(*zip(*line, strict=True))) if line else []
    return tuple(int(line[place][0]) for place in kept), tuple(scale.rounded(line[place][1]) for place in kept)


def value_at(xs: Sequence[float], values: Sequence[float], x: float) -> float | None:
    """The curve's value at x, on the line between its points; None before its first and after its last."""
    place = bisect_right(xs, x)
    if place == 0:
        return None
    if place == len(xs):
        return values[-1] if xs[-1] == x else None
    return between(values[place - 1], values[place], (x - xs[place - 1]) / (xs[place] - xs[place - 1]))
