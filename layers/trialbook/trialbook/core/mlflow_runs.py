"""Jobs and sweeps as runs of MLflow: a pure mapping, so that the same record always gives the same run.

A job is a run, a sweep the parent run of its jobs. Times are epoch milliseconds. Parameters never change once MLflow
has them, so they are written at a job's end, when SageMaker has reported everything; before, the note shows them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from trialbook.core import mlflow_names
from trialbook.core.analysis.links import console_url
from trialbook.core.curves.series import Axis, Series
from trialbook.core.hyper_parameters import is_internal, unquoted
from trialbook.core.jobs import COMPLETED, FAILED, STOPPED, InputChannel, Job, JobKey, Metric
from trialbook.core.mlflow_names import LONGEST_NAME, LONGEST_PARAM, LONGEST_TAG, named, plain_name
from trialbook.core.report_keys import safe
from trialbook.core.sweeps import Record, Sweep, SweepState, start_of
from trialbook.core.times import iso

KEY_TAG, CREATED_TAG = "trialbook.key", "trialbook.created"
PARENT_TAG = "mlflow.parentRunId"
NOTE_TAG = "mlflow.note.content"
MOST_PARAMS, MOST_TAGS, MOST_METRICS, MOST_ENTITIES = 100, 100, 1_000, 1_000  # of one log-batch
MOST_BYTES = 900_000  # of one request; MLflow takes 1 MB
MOST_METRIC_NAMES = 100  # of one log-batch: servers before 3.10 refuse a batch of more for ever if it comes again
_MOST_USER_TAGS = 50  # as many as SageMaker takes
_COMMIT_TAGS = ("mlflow.source.git.commit", "git_commit", "git-commit", "git:commit", "commit", "git_sha", "git-sha")
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_CURVES: Mapping[str, Series] = MappingProxyType({})


class RunStatus(StrEnum):
    """MLflow's words for how a run stands."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a metric."""

    name: str
    value: float
    at: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Dataset:
    """An input channel as MLflow knows data: by name, a digest of where it lies, and the place itself."""

    name: str
    digest: str
    source: str
    context: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is to stand in MLflow. `status` is RUNNING as long as there is no end. `model` is the address of what
    it trained; nothing is copied."""

    key: str
    name: str
    started: int
    status: RunStatus
    ended: int | None = None
    user: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    params: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    metrics: tuple[Point, ...] = ()
    inputs: tuple[Dataset, ...] = ()
    model: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end."""
        return self.status is not RunStatus.RUNNING


@dataclass(frozen=True, slots=True)
class Batch:
    """The content of one log-batch request."""

    params: tuple[tuple[str, str], ...] = ()
    metrics: tuple[Point, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


# -- jobs -----------------------------------------------------------------------------------------------------------


def job_about(key: JobKey) -> str:
    """The key of the delivery of a job's run."""
    return f"job/{key.account}/{key.region}/{key.kind.value}/{key.name}"


def sweep_about(sweep_id: str) -> str:
    """The key of the delivery of a sweep's parent run, as that of its message."""
    return f"sweep/{sweep_id}"


def job_key(key: JobKey) -> str:
    """By which a job's run is found again in MLflow. A name may come again once its job was deleted: CREATED_TAG tells
    them apart."""
    return "/".join(map(safe, (key.account, key.region, key.kind.value, key.name)))


def sweep_key(sweep: Sweep, sweep_id: str | None = None) -> str:
    """By which the parent run of a sweep, or of one that merged into it, is found again in MLflow."""
    return "/".join(map(safe, (sweep.account, sweep.region, "Sweep", sweep_id or sweep.id)))


def job_run(
    record: Record,
    *,
    parent: str | None = None,
    owner: str | None = None,
    curves: Mapping[str, Series] = _NO_CURVES,
) -> Run:
    """The run of a job; `parent` is the id of its sweep's run, `curves` are its metrics as they developed, by name."""
    job = record.job
    status = _status(record)
    params, param_tags = _params(job)
    metrics, metric_tags = _metrics(job, curves)
    tags = {
        KEY_TAG: job_key(record.key),
        **({CREATED_TAG: iso(job.created_at)} if job.created_at else {}),
        **({PARENT_TAG: parent} if parent else {}),
        **_source(job),
        **_place(record),
        **_machine(job),
        **_ending(record),
        NOTE_TAG: _note(record, params, is_over=status is not RunStatus.RUNNING),
        **param_tags,
        **metric_tags,
        **_user_tags(job),
    }
    is_over = status is not RunStatus.RUNNING
    # Its creation, which the first event tells: MLflow takes no other start later.
    started = millis(job.created_at or start_of(job))
    return Run(
        key=job_key(record.key),
        name=job.name[:LONGEST_NAME],
        started=started,
        status=status,
        ended=millis(job.ended_at or job.last_modified_at or start_of(job)) if is_over else None,
        user=owner or "",
        tags=fitting_tags({**tags, **({"mlflow.user": owner} if owner else {})}),
        params=params if is_over else _NOTHING,
        metrics=metrics if is_over else (),
        inputs=tuple(dataset for each in job.channels if (dataset := _dataset(each)) is not None),
        model=job.model_artifact if (job.model_artifact or "").startswith("s3://") else None,
    )


def _status(record: Record) -> RunStatus:
    job = record.job
    if job.status == COMPLETED:
        return RunStatus.FINISHED
    if job.status == FAILED:
        return RunStatus.FAILED
    if job.status == STOPPED:
        return RunStatus.FINISHED if stopped_early(record) else RunStatus.KILLED
    return RunStatus.RUNNING


def stopped_early(record: Record) -> bool:
    """Whether a tuning job stopped it since it would not become the best: it has a value, and ranks with it."""
    job = record.job
    return job.status == STOPPED and job.tuning_job is not None and record.ranks and record.value is not None


def _params(job: Job) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Hyperparameters as parameters, and tags that tell what was renamed or cut."""
    given = {name: unquoted(value) for name, value in job.hyper_parameters.items() if not is_internal(name)}
    found = named(given)
    params = {found.names[name]: storable(value)[:LONGEST_PARAM] for name, value in given.items()}
    cut = sorted(found.names[name] for name, value in given.items() if len(value) > LONGEST_PARAM)
    tags = {"trialbook.renamed_params": listed(found.renamed)} if found.renamed else {}
    return params, {**tags, **({"trialbook.cut_params": ", ".join(cut)} if cut else {})}


def _metrics(job: Job, curves: Mapping[str, Series]) -> tuple[tuple[Point, ...], Mapping[str, str]]:
    """Curves, and final metrics with their least and greatest values at the last step of their curve. What is no finite
    number goes to a tag: MLflow keeps infinity as 1.8e308, which ruins its charts."""
    end = job.ended_at or job.last_modified_at or start_of(job)
    finals = {name: (each.name, value) for each in job.final_metrics for name, value in _values(each)}
    found = named(dict.fromkeys([*finals, *curves]))
    points = [
        point
        for name, series in curves.items()
        for point in _curve(found.names[name], series, start_of(job), millis(end), has_final=name in finals)
    ]
    points += [
        Point(found.names[name], value, millis(end), _last_step(curves.get(metric), start_of(job), end))
        for name, (metric, value) in finals.items()
    ]
    odd = {each.name: each.text for each in job.final_metrics if each.value is None and each.text}
    tags = {"trialbook.renamed_metrics": listed(found.renamed)} if found.renamed else {}
    return tuple(points), {**tags, **({"trialbook.not_finite": listed(odd)} if odd else {})}


def _curve(name: str, series: Series, began: datetime | None, end: int, *, has_final: bool) -> Iterator[Point]:
    """The points of a series. Iterations have no times of their own, so they get the job's end; the final value stands
    for the last one. A step of a series over time is the seconds since the job began."""
    points = series.points()
    if series.axis is Axis.ITERATION:
        last = series.xs[-1] if series.xs else None
        yield from (Point(name, value, end, round(x)) for x, value in points if not (has_final and x == last))
    else:
        yield from (Point(name, value, round(x * 1_000), _second(x, began)) for x, value in points)


def _last_step(series: Series | None, began: datetime | None, end: datetime | None) -> int:
    """The step of a metric's final value; 0 without a curve."""
    if series is None or not series.xs:
        return 0
    if series.axis is Axis.ITERATION:
        return round(series.xs[-1])
    return max(_second(series.xs[-1], began), _second(end.timestamp(), began) if end else 0)


def _second(moment: float, began: datetime | None) -> int:
    return max(0, round(moment - began.timestamp())) if began is not None else 0


def _values(metric: Metric) -> Iterator[tuple[str, float]]:
    for suffix, value in (("", metric.value), (".min", metric.minimum), (".max", metric.maximum)):
        if value is not None and (not suffix or metric.value is not None):
            yield f"{metric.name}{suffix}", value


def _source(job: Job) -> dict[str, str]:
    commit = next((job.tags[name] for name in _COMMIT_TAGS if job.tags.get(name)), None)
    found = {
        "mlflow.source.type": "JOB",
        "mlflow.source.name": job.arn or console_url(job.key),
        "mlflow.source.git.commit": commit,
        "mlflow.docker.image.uri": job.image,
    }
    return {name: value for name, value in found.items() if value}


def _place(record: Record) -> dict[str, str]:
    key = record.key
    found = {
        "trialbook.experiment": record.experiment,
        "trialbook.trial": record.trial,
        "trialbook.sweep": record.sweep,
        "trialbook.objective": record.objective.label if record.objective else None,
        "trialbook.value": repr(record.value) if record.value is not None else None,
        "trialbook.retried_as": record.job.retried_as,
        "sagemaker.kind": key.kind.value,
        "sagemaker.account": key.account,
        "sagemaker.region": key.region,
        "sagemaker.status": record.job.status,
        "sagemaker.job_name": key.name,
        "sagemaker.tuning_job": record.job.tuning_job,
        "sagemaker.console": console_url(key),
        "sagemaker.started_at": iso(record.job.started_at) if record.job.started_at else None,
    }
    return {name: value for name, value in found.items() if value}


def _machine(job: Job) -> dict[str, str]:
    machines = " + ".join(f"{each.instance_count} x {each.instance_type}" for each in job.instances)
    seconds = {
        "sagemaker.training_seconds": job.training_seconds,
        "sagemaker.billable_seconds": job.billable_seconds,
    }
    found = {name: str(value) for name, value in seconds.items() if value is not None}
    found |= {"sagemaker.instances": machines} if machines else {}
    found |= {"sagemaker.spot": "true"} if job.spot else {}
    return found | ({"sagemaker.model_artifact": job.model_artifact} if job.model_artifact else {})


def _ending(record: Record) -> dict[str, str]:
    job = record.job
    found = {
        "trialbook.failure_reason": job.failure_reason,
        "trialbook.early_stopped": "true" if stopped_early(record) else None,
        "trialbook.without_objective": record.without_objective,
    }
    return {name: value for name, value in found.items() if value}


def _note(record: Record, params: Mapping[str, str], *, is_over: bool) -> str:
    """Why it failed; while it runs, its hyperparameters."""
    job = record.job
    if job.failure_reason:
        return f"**Failed:** {in_markdown(job.failure_reason)}"
    if is_over:
        return f"[{in_markdown(job.name)} in the console]({console_url(job.key)})"
    text = ", ".join(f"{name} = {value}" for name, value in params.items())
    return f"**Started** with {in_markdown(text[:2_000])}" if text else "**Started**"


def _user_tags(job: Job) -> dict[str, str]:
    """The job's own tags, but those that tell Trialbook what to do with it."""
    own = {name: value for name, value in job.tags.items() if not name.startswith(("trialbook:", "aws:", "mlflow."))}
    names = named(sorted(own)[:_MOST_USER_TAGS]).names
    return {plain_name(f"sagemaker.tags.{names[name]}"): own[name] for name in names}


def _dataset(channel: InputChannel) -> Dataset | None:
    if not channel.data:
        return None
    digest = sha256(channel.data.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    source = json.dumps({"uri": channel.data})
    return Dataset(channel.name[:LONGEST_TAG], digest, source, _CONTEXTS.get(channel.name.lower(), channel.name))


# MLflow's own words where a channel has one of them.
_CONTEXTS: Mapping[str, str] = {
    "train": "training",
    "training": "training",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "eval": "evaluation",
    "test": "testing",
}


# -- sweeps ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What is said of a sweep: its answer in a sentence, more sentences, and facts by label, as its message has them;
    `report` is the link to the report, None if there is none."""

    verdict: str
    sentences: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    report: str | None = None


def sweep_run(
    sweep: Sweep, standing: Standing, records: Sequence[Record] = (), *, best_run: str | None = None, user: str = ""
) -> Run:
    """The parent run of a sweep. `records` are its jobs where the curve of the best so far is wanted."""
    counts = sweep.counts
    best = sweep.best
    tags = {
        KEY_TAG: sweep_key(sweep),
        "mlflow.source.type": "JOB",
        "mlflow.source.name": sweep.id,
        NOTE_TAG: _sweep_note(standing),
        "trialbook.sweep": sweep.id,
        "trialbook.kind": sweep.kind.value,
        "trialbook.experiment": sweep.experiment,
        "trialbook.state": sweep.state.value,
        "trialbook.revision": str(sweep.revision),
        **{f"trialbook.jobs.{name}": str(getattr(counts, name)) for name in ("completed", "failed", "stopped")},
        "trialbook.jobs": str(counts.jobs),
        **({"trialbook.objective": sweep.objective.label} if sweep.objective else {}),
        **({"trialbook.best_job": best.job_name, "trialbook.best_value": repr(best.value)} if best else {}),
        **({"trialbook.best_run": best_run} if best_run else {}),
        **({"mlflow.user": user} if user else {}),
        **({"trialbook.report": standing.report} if standing.report else {}),
    }
    facts = {plain_name(f"trialbook.{label.lower().replace(' ', '_')}"): text for label, text in standing.facts}
    tags = {**facts, **tags}  # a fact in words never takes the place of a figure, such as `trialbook.jobs`
    status = _sweep_status(sweep)
    end = sweep.ended_at or sweep.closed_at or sweep.last_at or sweep.began_at
    return Run(
        key=sweep_key(sweep),
        name=sweep.id[:LONGEST_NAME],
        started=millis(sweep.began_at or sweep.last_at),
        status=status,
        ended=None if status is RunStatus.RUNNING else millis(end),
        user=user,
        tags=fitting_tags(tags),
        metrics=tuple(best_so_far(sweep, records)),
    )


def _sweep_status(sweep: Sweep) -> RunStatus:
    """A sweep is over once it is closed: FAILED if no job ended well, KILLED if its tuning job was stopped."""
    if sweep.state is not SweepState.CLOSED:
        return RunStatus.RUNNING
    if sweep.tuning_status == FAILED or (sweep.counts.failed and not sweep.counts.completed + sweep.counts.stopped):
        return RunStatus.FAILED
    return RunStatus.KILLED if sweep.tuning_status == STOPPED else RunStatus.FINISHED


def _sweep_note(standing: Standing) -> str:
    lines = [f"**{in_markdown(standing.verdict)}**", *map(in_markdown, standing.sentences)]
    if standing.report:
        lines.append(f"[Report]({standing.report})")
    return "\n\n".join(lines)


def best_so_far(sweep: Sweep, records: Sequence[Record]) -> Iterator[Point]:
    """The best value after each job that ended, in the order in which they did: step 1 is the first."""
    objective = sweep.objective
    if objective is None:
        return
    name = plain_name(f"best.{objective.metric}")
    best: float | None = None
    ended = [each for each in records if each.job.is_terminal and each.job.ended_at is not None]
    for step, each in enumerate(sorted(ended, key=lambda one: (one.job.ended_at, one.job.name)), 1):
        ranks = each.ranks and each.value is not None and objective.is_like(each.objective)
        if ranks and each.value is not None and (best is None or objective.is_better(each.value, best)):
            best = each.value
        if best is not None:
            yield Point(name, best, millis(each.job.ended_at), step)


# -- what both need -------------------------------------------------------------------------------------------------


def millis(moment: datetime | None) -> int:
    """Epoch milliseconds, exactly."""
    if moment is None:
        return 0
    return int(moment.timestamp()) * 1_000 + moment.microsecond // 1_000


def listed(mapping: Mapping[str, Any]) -> str:
    """A mapping as JSON that fits a tag: whole entries, and how many are left out."""
    kept: dict[str, Any] = {}
    for name, value in mapping.items():
        if len(json.dumps({**kept, name: value, "…": len(mapping)}, ensure_ascii=False)) > LONGEST_TAG:
            return json.dumps({**kept, "…": len(mapping) - len(kept)}, ensure_ascii=False)
        kept[name] = value
    return json.dumps(kept, ensure_ascii=False)


def fitting_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    """Tags as MLflow takes them; a text that is too long ends with an ellipsis."""
    found = {plain_name(name): storable(value) for name, value in tags.items()}
    return {
        name: value if len(value) <= LONGEST_TAG else f"{value[: LONGEST_TAG - 1]}…" for name, value in found.items()
    }


def storable(text: str) -> str:
    """A text that databases take: without null characters and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


_MARKUP = str.maketrans({each: f"\\{each}" for each in r"\`*_{}[]<>#|!~"})


def in_markdown(text: str) -> str:
    """A text that Markdown shows as it is, on one line: it is other people's, and MLflow's page renders it."""
    return " ".join(text.split()).translate(_MARKUP)


def batches(params: Mapping[str, str], metrics: Iterable[Point], tags: Mapping[str, str]) -> Iterator[Batch]:
    """As few log-batch requests as MLflow's limits allow: 100 parameters, 100 tags, 1,000 entities, 1 MB; and 100 names
    of metrics, so that each request may be repeated."""
    left: list[tuple[str, Any]] = [
        *(("params", each) for each in params.items()),
        *(("tags", each) for each in tags.items()),
        *(("metrics", each) for each in metrics),
    ]
    most = {"params": MOST_PARAMS, "tags": MOST_TAGS, "metrics": MOST_METRICS}
    while left:
        taken: dict[str, list[Any]] = {"params": [], "tags": [], "metrics": []}
        later: list[tuple[str, Any]] = []
        names: set[str] = set()
        entities = size = 0
        for kind, each in left:
            weight = _bytes(each)
            fits = len(taken[kind]) < most[kind] and entities < MOST_ENTITIES and size + weight <= MOST_BYTES
            if kind == "metrics":
                fits = fits and (each.name in names or len(names) < MOST_METRIC_NAMES)
            if fits:
                names |= {each.name} if kind == "metrics" else set()
                taken[kind].append(each)
                entities, size = entities + 1, size + weight
            else:
                later.append((kind, each))
        yield Batch(tuple(taken["params"]), tuple(taken["metrics"]), tuple(taken["tags"]))
        left = later


def with_colons(batch: Batch) -> Batch:
    """The part of a batch whose names servers before 2.16 refuse, and those on Windows."""
    return Batch(
        tuple(each for each in batch.params if ":" in each[0]),
        tuple(each for each in batch.metrics if ":" in each.name),
        tuple(each for each in batch.tags if ":" in each[0]),
    )


def without_colons(batch: Batch) -> Batch:
    """The batch as such servers take it; its tags name what was renamed."""
    metrics = mlflow_names.without_colons(each.name for each in batch.metrics)
    params = mlflow_names.without_colons(name for name, _ in batch.params)
    tags = tags_without_colons(dict(batch.tags))
    for tag, names in (("trialbook.renamed_metrics", metrics), ("trialbook.renamed_params", params)):
        renamed = {new: old for old, new in names.items() if new != old}
        tags |= {tag: _also_renamed(tags.get(tag), renamed)} if renamed else {}
    return Batch(
        tuple((params[name], value) for name, value in batch.params),
        tuple(replace(each, name=metrics[each.name]) for each in batch.metrics),
        tuple(tags.items()),
    )


def tags_without_colons(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as such servers take them."""
    names = mlflow_names.without_colons(tags)
    return {names[name]: value for name, value in tags.items()}


def _also_renamed(known: str | None, names: Mapping[str, str]) -> str:
    """A tag that lists new names by the original ones, with further ones, some of which it may have already."""
    before = json.loads(known) if known else {}
    return listed({**before, **{new: before.pop(old, old) for new, old in names.items()}})


def halves(batch: Batch) -> tuple[Batch, Batch] | None:
    """Two requests with the content of one; None if it can't be divided."""
    params, metrics, tags = len(batch.params) // 2, (len(batch.metrics) + 1) // 2, (len(batch.tags) + 1) // 2
    first = Batch(batch.params[:params], batch.metrics[:metrics], batch.tags[:tags])
    second = Batch(batch.params[params:], batch.metrics[metrics:], batch.tags[tags:])
    return (first, second) if first != Batch() != second else None


def _bytes(each: Any) -> int:
    """The most bytes that an entry takes in JSON."""
    if isinstance(each, Point):
        return len(json.dumps(each.name)) + 120
    return sum(len(json.dumps(text)) for text in each) + 40
