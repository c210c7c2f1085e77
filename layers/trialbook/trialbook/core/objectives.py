"""The objective of a sweep, and the rank of each job: an index key that sorts best first."""

import json
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from hashlib import sha256
from importlib import resources

from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import COMPLETED, STOPPED, Job, Metric, NotDescribed, TuningDefinition
from trialbook.core.metric_names import is_maximised
from trialbook.core.times import iso

ALIAS_METRIC = "ObjectiveMetric"  # built-in algorithms report the tuning objective under this name as well
OBJECTIVE_HYPER_PARAMETER = "_tuning_objective_metric"
UNRANKED = "~"  # sorts behind every rank
_LONGEST_LABEL = 900  # bytes in a rank key; what else is in it takes 109 at the most
OLD_RANKS = "1"  # what keys that `moved_rank` changes begin with


class ObjectiveType(StrEnum):
    """Which values are better, in SageMaker's words."""

    MINIMIZE = "Minimize"
    MAXIMIZE = "Maximize"


class Statistic(StrEnum):
    """Which of a metric's values counts; SageMaker ranks by the last."""

    LAST = "last"
    MIN = "min"
    MAX = "max"


class ObjectiveSource(StrEnum):
    """Who named the objective, in order of precedence."""

    TUNING_JOB = "tuning job"
    TAG = "tag"
    RULES = "rules document"
    KNOWN_METRIC = "known metric"


@dataclass(frozen=True, slots=True)
class Objective:
    """The metric by which jobs are ranked, and which way is better."""

    metric: str
    type: ObjectiveType
    source: ObjectiveSource
    statistic: Statistic = Statistic.LAST

    @property
    def label(self) -> str:
        """`minimize validation:error`, or with its statistic `minimize min validation:error`."""
        statistic = "" if self.statistic is Statistic.LAST else f"{self.statistic} "
        return f"{self.type.lower()} {statistic}{self.metric}"

    def is_like(self, other: "Objective | None") -> bool:
        """Whether both rank alike: by metric, type and statistic, whoever named them."""
        return other is not None and self.label == other.label

    @property
    def is_named(self) -> bool:
        """Whether somebody named it, rather than that Trialbook found it among the known metrics."""
        return self.source is not ObjectiveSource.KNOWN_METRIC

    def is_better(self, value: float, other: float) -> bool:
        """Whether `value` beats `other`."""
        return value < other if self.type is ObjectiveType.MINIMIZE else value > other

    def value_of(self, job: Job) -> float | None:
        """The job's value of this objective; None if it has none that is a finite number."""
        metric = job.metric(self.metric) or (job.metric(ALIAS_METRIC) if job.tuning_job else None)
        if metric is None or metric.value is None:
            return None
        chosen = {Statistic.LAST: metric.value, Statistic.MIN: metric.minimum, Statistic.MAX: metric.maximum}
        return chosen[self.statistic]


def parse_objective(text: str, field: str, source: ObjectiveSource) -> Objective:
    """An objective as tags and rules write it: `minimize validation:error`, `maximize max validation:auc`."""
    direction, _, rest = text.strip().partition(" ")
    try:
        objective_type = ObjectiveType(direction.capitalize())
    except ValueError:
        raise InvalidInput(field, text, "'minimize METRIC' or 'maximize METRIC'") from None
    words = rest.split()
    statistic = Statistic.LAST
    if len(words) > 1 and words[0] in set(Statistic):
        statistic = Statistic(words.pop(0))
    if not words:
        raise InvalidInput(field, text, "'minimize METRIC' or 'maximize METRIC', with the metric's name")
    return Objective(" ".join(words), objective_type, source, statistic)


@cache
def known_metrics() -> dict[str, ObjectiveType]:
    """Metric name -> direction, from the tuning tables of AWS's built-in algorithms."""
    text = resources.files("trialbook.core").joinpath("known_metrics.json").read_text(encoding="utf-8")
    return {name: ObjectiveType(entry["direction"]) for name, entry in json.loads(text)["metrics"].items()}


@cache
def known_direction(metric: str) -> ObjectiveType | None:
    """Which way a metric is better, by AWS's tables, else by the words of its name; None if neither says."""
    listed = known_metrics().get(metric)
    if listed is not None:
        return listed
    is_more = is_maximised(metric)
    return None if is_more is None else ObjectiveType.MAXIMIZE if is_more else ObjectiveType.MINIMIZE


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_MEASURED_ON = {
    **dict.fromkeys(("validation", "valid", "val", "eval", "evaluation", "dev", "holdout"), 0),
    **dict.fromkeys(("test", "testing"), 1),
    **dict.fromkeys(("train", "training"), 3),
}
_DATA_SETS = ("validation", "valid", "val", "eval", "test", "train")


def _data_set_preference(metric: str) -> int:
    """Validation before test before train; a metric that names no data set comes between test and train."""
    prefix = re.split(r"[:_\-/]", metric.lower(), maxsplit=1)[0]
    if prefix in _DATA_SETS[:4]:
        return 0
    return {"test": 1, "train": 3}.get(prefix, 2)


def _measured_on(metric: str) -> int:
    """The same for names of all spellings: `Validation Loss`, `valLoss`, `dev_loss`, `training's l2`. Rank keys hold
    the number of `_data_set_preference`, so that one stays as it is."""
    first = next((word.lower() for word in _WORD.findall(metric)), "")
    return _MEASURED_ON.get(first, 2)


def known_objective(job: Job, statistic: Statistic = Statistic.LAST) -> Objective | None:
    """The objective that the job's metrics suggest: those of AWS's tables before those known by their words, validation
    first, then in the order of its MetricDefinitions.

    A metric that diverged suggests it too, so that a job is not ranked by another one than its neighbours.
    """
    known = known_metrics()
    order = {name: place for place, name in enumerate(job.metric_definitions)}
    reported = {metric.name for metric in job.final_metrics if metric.value is not None or metric.has_diverged}
    names = reported & known.keys() or {name for name in reported if known_direction(name) is not None}
    names.discard(ALIAS_METRIC)
    if not names:
        return None
    best = min(names, key=lambda name: (_measured_on(name), order.get(name, len(order)), name))
    direction = known_direction(best)
    return Objective(best, direction, ObjectiveSource.KNOWN_METRIC, statistic) if direction else None


def tuning_objective(job: Job, definitions: Iterable[TuningDefinition], statistic: Statistic) -> Objective | None:
    """The objective of a tuning job's child: that of the definition it was made from.

    Describe does not name the definition, so if several differ the child's `_tuning_objective_metric`, its image
    with its static hyperparameters, and the metrics it has decide, in that order; None while that leaves several.
    """
    candidates = {
        Objective(each.metric_name, ObjectiveType(each.objective_type), ObjectiveSource.TUNING_JOB, statistic): each
        for each in reversed(tuple(definitions))
        if each.metric_name and each.objective_type in set(ObjectiveType)
    }
    for fits in (_named_by_child, _same_definition, _has_metric):
        if len(candidates) <= 1:
            break
        fitting = {objective: each for objective, each in candidates.items() if fits(job, each)}
        candidates = fitting or candidates
    return next(iter(candidates)) if len(candidates) == 1 else None


def _named_by_child(job: Job, definition: TuningDefinition) -> bool:
    return job.hyper_parameters.get(OBJECTIVE_HYPER_PARAMETER, "").strip('"') == definition.metric_name


def _same_definition(job: Job, definition: TuningDefinition) -> bool:
    static = definition.static_hyper_parameters.items()
    return job.image == definition.image and all(job.hyper_parameters.get(key) == value for key, value in static)


def _has_metric(job: Job, definition: TuningDefinition) -> bool:
    return definition.metric_name is not None and job.metric(definition.metric_name) is not None


def may_rank(job: Job, rank_stopped: bool | None = None) -> bool:
    """Completed jobs rank, unless they were tried again. Stopped ones rank as children of a tuning job (early
    stopping), or where a rule says so."""
    if job.retried_as is not None:
        return False
    if job.status == STOPPED:
        return bool(job.tuning_job) if rank_stopped is None else rank_stopped
    return job.status == COMPLETED


def rank_key(objective: Objective, value: float, created_at: datetime | None, name: str) -> str:
    """An index key that sorts best first within an objective; ties go to the earlier job.

    Jobs of one partition with different objectives stay apart, the leading one first: see `rank_prefix`.
    """
    signed = value if objective.type is ObjectiveType.MINIMIZE else -value
    moment = iso(created_at or datetime.max.replace(tzinfo=UTC))
    return f"{rank_prefix(objective)}{_sortable(signed)}|{moment}|{name}"


def rank_prefix(objective: Objective) -> str:
    """The prefix of an objective's rank keys: metric, type and statistic, whoever named them.

    Where the jobs of a sweep have several objectives, that with the least prefix leads: validation before test before
    what names no data set before train, then by label. So it does not depend on the order of events. In an experiment
    `experiments.candidates` says which leads.
    """
    label = objective.label.replace("\\", "\\\\").replace("|", "\\p")  # so that no label is the beginning of another
    return f"0{_data_set_preference(objective.metric)}|{_fitting(label)}|"


def _fitting(label: str) -> str:
    """The label, or as much of it as a sort key of 1,024 bytes has room for, and a hash of the whole."""
    whole = label.encode("utf-8", "surrogatepass")
    if len(whole) <= _LONGEST_LABEL:
        return label
    mark = f"…{sha256(whole).hexdigest()}"
    return whole[: _LONGEST_LABEL - len(mark.encode())].decode("utf-8", "ignore") + mark


def moved_rank(key: str) -> str:
    """Today's form of a rank key. Until format 1, objectives that nobody had named had keys of their own."""
    return f"0{key[1:]}" if key.startswith(OLD_RANKS) else key


def prefix_of(rank: str) -> str:
    """The objective's part of a rank key: two keys with the same one are ranked by the same."""
    return rank.rsplit("|", 3)[0]


def unranked_key(created_at: datetime | None, name: str) -> str:
    """The index key of a job without a rank: behind all ranked ones, in order of creation."""
    return f"{UNRANKED}|{iso(created_at or datetime.max.replace(tzinfo=UTC))}|{name}"


def _sortable(number: float) -> str:
    """16 hexadecimal digits that sort as the numbers do: the sign bit flipped, negative numbers inverted."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    flipped = bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else 0x8000000000000000)
    return f"{flipped:016x}"


_WITHOUT_DESCRIBE = {
    None: "only its events are known, and they tell no metrics",
    NotDescribed.DELETED: "it was deleted before SageMaker was asked for its metrics",
    NotDescribed.REFUSED: "SageMaker refused to tell its metrics: the role that asks may not describe the job",
    NotDescribed.UNREADABLE: "SageMaker's answer about it could not be read, so that its metrics are not known",
}


def why_without_value(job: Job, objective: Objective | None) -> str:
    """The likely cause why a job that ended well has no value to rank by, as a clause a person can act on."""
    if not job.described and not job.final_metrics:
        return _WITHOUT_DESCRIBE[job.not_described]
    if objective is None:
        if not job.final_metrics:
            return "it reported no metric: none of its MetricDefinitions matched its log, or it has none"
        names = ", ".join(metric.name for metric in job.final_metrics[:5])
        return f"no objective is known for its metrics ({names}): set one by tag trialbook:objective or in the rules"
    metric = job.metric(objective.metric) or job.metric(ALIAS_METRIC)
    if metric is not None and metric.has_diverged:
        return f"it diverged: {objective.metric} is {metric.text}"
    if metric is not None and metric.text:
        return f"{objective.metric} is {metric.text}"
    if metric is not None and metric.value is not None:
        return f"SageMaker keeps no {objective.statistic} of {objective.metric} for it"
    if job.final_metrics:
        return f"{objective.metric} is not among its metrics ({_names(job.final_metrics)})"
    if job.status == STOPPED:
        return "it was stopped before it reported a metric"
    return f"it reported no metric: the regular expression for {objective.metric} may not match its log"


def _names(metrics: tuple[Metric, ...]) -> str:
    more = f" and {len(metrics) - 5} more" if len(metrics) > 5 else ""
    return ", ".join(metric.name for metric in metrics[:5]) + more
