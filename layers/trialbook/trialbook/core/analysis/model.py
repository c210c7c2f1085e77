"""An analysis as data. Serialised it is report.json; its figures are all that page and pictures show.

Values are doubles as SageMaker reports them (float32 widened), times UTC, durations seconds, money US dollars (an
estimate). None means not known, never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trialbook.core.analysis.curve_model import Learning, MachineUse
from trialbook.core.numbers import Number

Value = Number | str | None
LEAST_TO_SUGGEST = 10  # ranked trials: below, nothing is said about where to search next
FLAT = 0.02  # share of the explained variation below which an effect is next to nothing


class Kind(StrEnum):
    """How a hyperparameter's values compare."""

    NUMBER = "number"
    CATEGORY = "category"


class Scale(StrEnum):
    """The scale on which a number was searched, or on which its values are spaced evenly."""

    LINEAR = "linear"
    LOG = "log"


class Shape(StrEnum):
    """The shape of the search: it decides which picture shows most."""

    ONE_TRIAL = "one trial"
    NOTHING_VARIED = "nothing varied"
    ONE_NUMBER = "one number"
    ONE_CATEGORY = "one category"
    TWO_NUMBERS = "two numbers"
    SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A hyperparameter that varies. `lowest` and `highest` are its range's bounds where `has_range`, else the least and
    greatest value tried; `values` are a number's distinct values if there are at most eight; `categories` are the
    values of a category, most frequent first."""

    name: str
    kind: Kind
    scale: Scale
    distinct: int
    missing: int
    has_range: bool
    is_integer: bool
    lowest: Number | None
    highest: Number | None
    values: tuple[Number, ...]
    categories: tuple[str, ...]

    @property
    def varies(self) -> bool:
        """Whether trials differ in it, if only in having it, as a flag."""
        return self.distinct > 1 or self.missing > 0


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One job. `rank` counts from 1 within its `group` (an index into `groups`), None for what does not rank.
    `finished` is its place in the order in which all jobs ended, None as long as it runs. Metrics that are no finite
    number are text: "NaN". `machine_use` is in per cent of the whole machine, by measure: of CPU and GPU on average, of
    memory and disk at most."""

    job_name: str
    status: str
    rank: int | None
    group: int | None
    finished: int | None
    value: float | None
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None
    billable_seconds: int | None
    cost_usd: float | None
    failure: int | None
    without_objective: str | None
    hyper_parameters: Mapping[str, Value]
    metrics: Mapping[str, Value]
    machine_use: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sweeping:
    """The sweep the report is about."""

    id: str
    kind: str
    experiment: str
    account: str
    region: str
    state: str
    revision: int
    strategy: str | None
    max_jobs: int | None
    parents: tuple[str, ...]
    started_at: datetime | None
    ended_at: datetime | None
    failure_reason: str | None


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """Jobs by status; `without_objective` are those among completed and stopped that lack a value to rank by."""

    jobs: int
    completed: int
    failed: int
    stopped: int
    in_progress: int
    without_objective: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """The objective that trials were ranked by, and who named it."""

    metric: str
    type: str
    statistic: str
    source: str


@dataclass(frozen=True, slots=True)
class BestTrial:
    """The best trial of a group. `varied` are the hyperparameters that differ among the sweep's trials."""

    job_name: str
    value: float
    tied: int
    status: str
    varied: Mapping[str, Value]
    metrics: Mapping[str, Value]
    tags: Mapping[str, str]
    ended_at: datetime | None
    duration_seconds: float | None
    cost_usd: float | None
    console_url: str
    logs_url: str
    model_artifact: str | None


class Against(StrEnum):
    """The trial that the best one is compared with."""

    RUNNER_UP = "runner-up"
    PREVIOUS_SWEEP = "previous sweep"
    EXPERIMENT = "experiment's previous best"
    PARENTS = "warm-start parents' best"


@dataclass(frozen=True, slots=True)
class Difference:
    """The best trial beside another one. `margin` is how far apart they are, never negative; `relative` is the margin
    by the other's absolute value, None if that is 0."""

    against: Against
    job_name: str
    sweep: str | None
    value: float
    margin: float
    relative: float | None
    is_better: bool
    is_equal: bool


@dataclass(frozen=True, slots=True)
class Improvement:
    """A step of the best so far. `finished` is the trial's place in the order in which all jobs ended, from 1."""

    finished: int
    job_name: str
    value: float
    at: datetime | None
    margin: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """How the values lie: best and worst by the objective, quartiles by size. `axis_low` to `axis_high` is what a chart
    should show on `scale`: all values, but for `beyond` ones that are so far off that the others could not be told
    apart. Where values worse than `bend` would take much of the axis, they belong into a strip at its end."""

    best: float
    worst: float
    low_quartile: float
    median: float
    high_quartile: float
    axis_low: float
    axis_high: float
    beyond: int
    scale: Scale = Scale.LINEAR
    bend: float | None = None


@dataclass(frozen=True, slots=True)
class Bin:
    """Trials with one value of a hyperparameter, or with values from `low` to `high`; best and median of the
    objective among them."""

    label: str
    low: Number | None
    high: Number | None
    trials: int
    best: float
    median: float


@dataclass(frozen=True, slots=True)
class Slice:
    """The objective along one hyperparameter."""

    parameter: str
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """How much of the explained variation a hyperparameter accounts for (`share`, of 1), and which way: `correlation`
    is Spearman's with the objective's value, None for categories; `best_at` is where the model expects the best.
    `together` are hyperparameters that changed with this one, so that their effects can't be told apart; `good_low` to
    `good_high` is where a U shape is near its best; `in_pairs` is the part of the share that combinations have."""

    parameter: str
    share: float
    correlation: float | None
    direction: str
    best_at: str
    together: tuple[str, ...] = ()
    good_low: Number | None = None
    good_high: Number | None = None
    in_pairs: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two hyperparameters of which one's effect depends on the other's value; `share` is that of the explained
    variation which neither has alone."""

    one: str
    other: str
    share: float


@dataclass(frozen=True, slots=True)
class Importance:
    """Effects, greatest first. `explained` is the share of variance the model accounts for out of sample;
    `unexplained` is the standard deviation it leaves, in the objective's unit."""

    method: str
    trials: int
    is_indicative: bool
    explained: float
    unexplained: float
    effects: tuple[Effect, ...]
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """A metric on training and on validation data, of the best trial; `median` is the median difference of all."""

    train_metric: str
    validation_metric: str
    train: float
    validation: float
    difference: float
    relative: float | None
    median: float


@dataclass(frozen=True, slots=True)
class Advice:
    """A piece of advice, with the figures it rests on."""

    kind: str
    text: str
    parameter: str | None = None
    figures: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A configuration that ran more than once: the mean of its values, with the interval that holds it in 95% of cases.
    `place` counts its best trial from 0."""

    place: int
    trials: int
    mean: float
    low: float
    high: float
    varied: Mapping[str, Value]
    is_of_best: bool


@dataclass(frozen=True, slots=True)
class Repeats:
    """What trials with equal hyperparameters, seeds apart, say of chance: `deviation` is their standard deviation, of
    `freedom` degrees; `within_noise` how many other configurations can't be told from the best trial's."""

    deviation: float
    freedom: int
    trials: int
    configurations: int
    within_noise: int
    best_by_mean: Repeated


class RangeChange(StrEnum):
    """How a range that is suggested differs from the one that was searched."""

    NONE = "none"
    NARROWER = "narrower"
    BEYOND = "beyond"


@dataclass(frozen=True, slots=True)
class NextRange:
    """Where to search a hyperparameter next: between bounds, or among the values of a category; and why, with the
    figures."""

    parameter: str
    low: Number | None = None
    high: Number | None = None
    scale: Scale = Scale.LINEAR
    values: tuple[str, ...] = ()
    change: RangeChange = RangeChange.NONE
    why: str = ""
    is_integer: bool = False


@dataclass(frozen=True, slots=True)
class WhereNext:
    """What the trials say of the next search: the ranges that change, how many stay as they are, how many of the best
    configurations to repeat first, and the command that prints points and code."""

    ranges: tuple[NextRange, ...]
    unchanged: int
    repeats: int
    command: str


@dataclass(frozen=True, slots=True)
class FrontTrial:
    """A trial of a front, with its value and what it takes of the second quantity."""

    job_name: str
    value: float
    other: float


@dataclass(frozen=True, slots=True)
class Front:
    """The trials that no other one beats in both the objective and `other`, best first: a metric, or a trial's
    `cost_usd`, `billable_seconds` or `duration_seconds`. `type` says which way that is better; `compared` how many
    trials have both."""

    other: str
    type: str
    compared: int
    trials: tuple[FrontTrial, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The trials that are ranked by the same objective, best first in `trials` by their `rank`."""

    ranking: Ranking
    ranked: int
    shape: Shape
    best: BestTrial
    differences: tuple[Difference, ...]
    improvements: tuple[Improvement, ...]
    spread: Spread
    slices: tuple[Slice, ...]
    importance: Importance | None
    importance_note: str | None
    gaps: tuple[Gap, ...]
    advice: tuple[Advice, ...]
    repeats: Repeats | None = None
    importance_of_better: Importance | None = None
    where_next: WhereNext | None = None
    front: Front | None = None
    learning: Learning | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """A value, or a half-open range of values, of a hyperparameter."""

    parameter: str
    condition: str


@dataclass(frozen=True, slots=True)
class Cause:
    """What parts the jobs that failed for a reason from all other jobs that ended, more than chance would: of the jobs
    that meet the conditions, how many failed so, and how many of the others. `chance` is how often so clear a division
    comes up among all that could have been named, if none were a cause."""

    conditions: tuple[Shared, ...]
    failed: int
    jobs: int
    failed_of_others: int
    others: int
    chance: float


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed jobs with the same reason but for numbers and names, for which `reason` has an ellipsis where they differ.
    `shared` is what all of them have in common; `cause` what parts them from all other jobs that ended, None where
    chance might part them as well; `only_they_share` its conditions if all of them meet it and no other job does.
    `log` is the end of the log of `log_of`, one of them."""

    reason: str
    example: str
    count: int
    job_names: tuple[str, ...]
    shared: tuple[Shared, ...]
    only_they_share: tuple[Shared, ...]
    cause: Cause | None = None
    log: str = ""
    log_of: str | None = None


@dataclass(frozen=True, slots=True)
class Lack:
    """Why jobs that ended well have no value to rank by."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Spending:
    """Time and money of a set of jobs. `cost_usd` is the sum over the jobs whose price and billable time are known;
    `unpriced_jobs` are those that ran and could not be priced; on `reserved_jobs` of them a training plan's machines
    worked, which are not billed by the hour. Serverless jobs are billed by tokens."""

    jobs: int
    running_seconds: float | None
    billable_seconds: int | None
    cost_usd: float | None
    unpriced_jobs: int
    reserved_jobs: int = 0
    billable_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of the sweep. Spot savings compare billable with training time of spot jobs. What warm pools kept is
    billed besides the jobs' billable time; as SageMaker reported it when the jobs ended. `queued_seconds`: how long
    all jobs waited in queues of AWS Batch."""

    wall_seconds: float | None
    all: Spending
    best: Spending | None
    failures: Spending
    spot_jobs: int
    spot_saving: float | None
    spot_saving_usd: float | None
    instances: Mapping[str, int]
    prices_usd_per_hour: Mapping[str, float]
    kept_warm_seconds: int | None = None
    kept_warm_usd: float | None = None
    queued_seconds: float | None = None
    longest_queued_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train the best trial again and how to use its model. `request` is CreateTrainingJob's; `missing` names
    what CreateTrainingJob needs and the ledger does not hold."""

    image: str | None
    channels: Mapping[str, str]
    request: Mapping[str, object]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    train_code: str
    model_code: str | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the figures come from: `placed_by` counts jobs by the rule that placed them, `described` those of whose end
    SageMaker was asked, the rest are known from events alone."""

    placed_by: Mapping[str, int]
    described: int
    events_only: int
    changes: int
    ledger_revision: int
    supersedes: tuple[str, ...]
    is_history: bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """The report of a sweep. `savings` is advice that saves money."""

    as_of: datetime
    sweep: Sweeping
    headline: str
    sentences: tuple[str, ...]
    counts: StatusCounts
    groups: tuple[Group, ...]
    parameters: tuple[Parameter, ...]
    constants: Mapping[str, str]
    metrics: tuple[str, ...]
    failures: tuple[FailureGroup, ...]
    lacks: tuple[Lack, ...]
    advice: tuple[Advice, ...]
    cost: Cost
    recipe: Recipe | None
    provenance: Provenance
    trials: tuple[TrialRow, ...]
    machine_use: tuple[MachineUse, ...] = ()
    savings: tuple[Advice, ...] = ()
