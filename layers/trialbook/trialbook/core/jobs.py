"""A SageMaker job as Trialbook knows it: what its events and Describe say together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from trialbook.core.kinds import JobKind as JobKind

_NOTHING: Mapping[str, str] = MappingProxyType({})


def nothing() -> Mapping[str, str]:
    """An immutable empty mapping, for defaults of fields."""
    return _NOTHING


COMPLETED, FAILED, STOPPED, IN_PROGRESS = "Completed", "Failed", "Stopped", "InProgress"
TERMINAL = frozenset({COMPLETED, FAILED, STOPPED})
LEAVING = frozenset({"Deleting", "DeleteFailed"})  # a job has such a status only after it has ended


@dataclass(frozen=True, slots=True, order=True)
class JobKey:
    """A job's identity. Names are unique only within an account, a region and a kind."""

    account: str
    region: str
    kind: JobKind
    name: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A final metric. `value` is the last one reported (float32 in SageMaker); a value that is no finite number is
    kept as `text` ("NaN", "Infinity", "-Infinity") and never ranks. The statistics come from the trial component."""

    name: str
    value: float | None
    text: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    average: float | None = None
    count: int | None = None

    @staticmethod
    def of(name: str, value: object, **statistics: object) -> "Metric":
        """A metric from whatever botocore or JSON gives as value: float, int, "NaN", "Infinity", None."""
        number, text = _finite(value)
        known = {key: _finite(given)[0] for key, given in statistics.items() if key != "count"}
        count = statistics.get("count")
        return Metric(name, number, text, **known, count=int(count) if isinstance(count, int | float) else None)

    @property
    def has_diverged(self) -> bool:
        """Whether the job reported it, but as NaN or infinite."""
        return self.text in _DIVERGED


_DIVERGED = frozenset({"NaN", "Infinity", "-Infinity"})


def _finite(value: object) -> tuple[float | None, str | None]:
    if value is None or isinstance(value, bool):
        return None, None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None, str(value)[:40]
    if math.isfinite(number):
        return number, None
    return None, "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


class NotDescribed(StrEnum):
    """Why SageMaker could not be asked how a job ended, so that only its events are known."""

    DELETED = "deleted"
    REFUSED = "refused"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class InputChannel:
    """One input data channel. `source` names data outside of S3: a dataset's ARN, or a file system and a path in it."""

    name: str
    s3_uri: str | None = None
    content_type: str | None = None
    source: str | None = None

    @property
    def data(self) -> str | None:
        """Where the data are."""
        return self.s3_uri or self.source


@dataclass(frozen=True, slots=True)
class InstanceGroup:
    """Machines of one type; a heterogeneous cluster has several groups."""

    instance_type: str
    instance_count: int


BASE_MODEL = "BaseModel"  # a serverless job's, among its hyperparameters


@dataclass(frozen=True, slots=True)
class ExperimentConfig:
    """The Experiment and Trial that the job's creator named; either may be missing."""

    experiment_name: str | None = None
    trial_name: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job. Times are UTC, durations are seconds, hyperparameters are strings as in SageMaker.

    `status` is SageMaker's own word; a word that Trialbook does not know counts as not terminal. `described`: Describe
    has answered with the terminal state, so nothing more can be learned. `not_described`: why Describe did not answer;
    then everything that events do not contain is unknown, above all metrics. `training_plan`: the ARN of the plan that
    reserved its machines, which are paid with the plan, not by the hour. `submitted_at`, `scheduled_at`, `queue` and
    `attempt` are set if the job came through a queue of AWS Batch; `retried_as` is the job of the next attempt, which
    is then the trial instead of this one. `made_by`: the ARN of what started this job as a helper (Debugger, Autopilot,
    Ground Truth, monitoring). `mlflow_run`: the id of the run that SageMaker made for it in MLflow, on
    `mlflow_server`. A serverless job
    has no instances and is billed by `billable_tokens`; its base model and technique are among `hyper_parameters`.
    """

    key: JobKey
    status: str
    secondary_status: str | None = None
    arn: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_modified_at: datetime | None = None
    described: bool = False
    not_described: NotDescribed | None = None
    tags: Mapping[str, str] = field(default_factory=nothing)
    hyper_parameters: Mapping[str, str] = field(default_factory=nothing)
    final_metrics: tuple[Metric, ...] = ()
    metric_definitions: tuple[str, ...] = ()
    tuning_job: str | None = None
    experiment_config: ExperimentConfig | None = None
    pipeline: str | None = None
    pipeline_execution: str | None = None
    made_by: str | None = None
    submitted_at: datetime | None = None
    scheduled_at: datetime | None = None
    queue: str | None = None
    attempt: int | None = None
    retried_as: str | None = None
    failure_reason: str | None = None
    image: str | None = None
    algorithm: str | None = None
    instances: tuple[InstanceGroup, ...] = ()
    training_plan: str | None = None
    volume_gb: int | None = None
    spot: bool = False
    training_seconds: int | None = None
    billable_seconds: int | None = None
    kept_warm_seconds: int | None = None
    max_runtime_seconds: int | None = None
    channels: tuple[InputChannel, ...] = ()
    output_path: str | None = None
    model_artifact: str | None = None
    role: str | None = None
    mlflow_run: str | None = None
    mlflow_server: str | None = None
    billable_tokens: int | None = None

    @property
    def name(self) -> str:
        """The job's name, as its creator spelled it."""
        return self.key.name

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended: Completed, Failed or Stopped."""
        return self.status in TERMINAL

    @property
    def component_name(self) -> str | None:
        """The trial component that SageMaker makes for the job, shortly after it starts."""
        suffix = self.key.kind.facts.component_suffix
        return None if suffix is None else self.key.name + suffix

    @property
    def duration_seconds(self) -> float | None:
        """Seconds from start, or from creation if SageMaker gives no start, to end; None if unknown."""
        begin = self.started_at or self.created_at
        return None if begin is None or self.ended_at is None else (self.ended_at - begin).total_seconds()

    @property
    def queued_seconds(self) -> float | None:
        """Seconds in its queue; None if it came through none, or is a later attempt."""
        left_at = self.scheduled_at or self.created_at
        if self.submitted_at is None or left_at is None or self.attempt != 1:
            return None
        return max((left_at - self.submitted_at).total_seconds(), 0.0)

    def metric(self, name: str) -> Metric | None:
        """The final metric of that name."""
        return next((metric for metric in self.final_metrics if metric.name == name), None)


@dataclass(frozen=True, slots=True)
class TuningDefinition:
    """One training job definition of a tuning job, with its own objective if several are given."""

    name: str | None
    metric_name: str | None
    objective_type: str | None
    image: str | None = None
    static_hyper_parameters: Mapping[str, str] = field(default_factory=nothing)
    ranges: tuple["ParameterRange", ...] = ()


@dataclass(frozen=True, slots=True)
class ParameterRange:
    """A range that a tuning job searched: bounds for numbers, values for categories; `scaling` as SageMaker names
    it."""

    name: str
    kind: str  # Continuous, Integer, Categorical
    minimum: float | None = None
    maximum: float | None = None
    scaling: str | None = None  # Auto, Linear, Logarithmic, ReverseLogarithmic
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParentsBest:
    """The best training job of a tuning job's warm-start parents, if it is better than all of the tuning job's own."""

    job_name: str
    tuning_job: str
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class TuningJob:
    """The parts that DescribeHyperParameterTuningJob adds to a tuning job's Job."""

    job: Job
    strategy: str | None = None
    definitions: tuple[TuningDefinition, ...] = ()
    max_jobs: int | None = None
    max_parallel_jobs: int | None = None
    warm_start_parents: tuple[str, ...] = field(default=())
    parents_best: ParentsBest | None = None
