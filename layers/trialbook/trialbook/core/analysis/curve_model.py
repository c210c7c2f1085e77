"""The curves of an analysis, as data: how each trial learned, and how busy its machines were."""

from dataclasses import dataclass

Points = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class TrialCurve:
    """The curve of one trial; `trial` is its place among the analysis's trials, from 0. A value that is no finite
    number is None. `train_y` is the same metric on training data. A curve for which there is no room has no points.

    The rest are places along x: where the trial first was as good as the best trial's final value, where it
    diverged, and from where it fitted the training data better and the validation data worse."""

    trial: int
    x: Points
    y: Points
    train_x: Points = ()
    train_y: Points = ()
    passed_at: float | None = None
    diverged_at: float | None = None
    overfits_from: float | None = None


@dataclass(frozen=True, slots=True)
class Learning:
    """The learning curves of a group's trials, best first. x counts iterations, or seconds since a trial's first point,
    as `axis` says. `axis_low` to `axis_high` is what a chart should show; values beyond it are at its edge. A drawing
    that is `pixels` high is within a pixel of all points that were kept. `median_y` is the median of the trials that
    still ran. `level` is the best trial's value."""

    metric: str
    train_metric: str | None
    axis: str
    is_log: bool
    axis_low: float
    axis_high: float
    pixels: int
    level: float
    trials: int
    passed: int
    diverged: int
    overfitting: int
    median_x: Points
    median_y: Points
    curves: tuple[TrialCurve, ...]


@dataclass(frozen=True, slots=True)
class MachineUse:
    """How busy the machines of a sweep's jobs were, by measure: over the jobs that were measured for it, least, median
    and greatest percentage of the whole machine, and the job with the greatest."""

    measure: str
    jobs: int
    least: float
    median: float
    greatest: float
    job_name: str
