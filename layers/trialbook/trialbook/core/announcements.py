"""The domain events that follow from a change of the ledger, each with an id derived from what happened."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trialbook.core import report_keys
from trialbook.core.codec import pack
from trialbook.core.errors import MalformedEvent
from trialbook.core.executions import PipelineStep, execution_of, is_of_step
from trialbook.core.job_names import is_from_a_queue
from trialbook.core.jobs import FAILED, JobKey, JobKind
from trialbook.core.kinds import RUNS_OF
from trialbook.core.numbers import LARGEST, apart
from trialbook.core.objectives import Objective, prefix_of
from trialbook.core.sweeps import Best, Record, Sweep, SweepKind, SweepState
from trialbook.core.times import iso_or_none

SWEEP_STARTED = "Sweep Started"
SWEEP_PROGRESSED = "Sweep Progressed"
BEST_TRIAL_CHANGED = "Best Trial Changed"
JOB_FAILED = "Job Failed"
JOB_FINISHED = "Job Finished"
JOB_CHANGED = "Job Changed"
SWEEP_FINISHED = "Sweep Finished"
TUNING_JOB_FAILED = "Tuning Job Failed"
REPORT_READY = "Report Ready"
BEST_TRIALS = "Best Trials"
PIPELINE_STARTED = "Pipeline Started"
PIPELINE_PROGRESSED = "Pipeline Progressed"
PIPELINE_FINISHED = "Pipeline Finished"
PIPELINE_TYPES = (PIPELINE_STARTED, PIPELINE_PROGRESSED, PIPELINE_FINISHED)
TYPES = (
    SWEEP_STARTED,
    SWEEP_PROGRESSED,
    BEST_TRIAL_CHANGED,
    JOB_FAILED,
    JOB_FINISHED,
    JOB_CHANGED,
    SWEEP_FINISHED,
    TUNING_JOB_FAILED,
    REPORT_READY,
    BEST_TRIALS,
    *PIPELINE_TYPES,
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A domain event. The same change always gives the same `id`, so that consumers can drop repeats.

    `cause` is the id of the event that led to the change. It serves to follow a job through the logs; nothing else uses
    it.
    """

    id: str
    type: str
    detail: Mapping[str, Any]
    cause: str | None = None


def announcement_of(envelope: Mapping[str, Any]) -> Announcement:
    """The domain event in an envelope of Trialbook's bus. Raises MalformedEvent, naming the field."""
    kind, detail = envelope.get("detail-type"), envelope.get("detail")
    if kind not in TYPES:
        raise MalformedEvent("detail-type", kind, f"one of {', '.join(TYPES)}")
    if not isinstance(detail, Mapping) or not isinstance(detail.get("id"), str):
        raise MalformedEvent("detail", detail, "a domain event with its id")
    cause = detail.get("correlation_id")
    known = {key: value for key, value in detail.items() if key not in ("id", "correlation_id")}
    return Announcement(detail["id"], kind, known, cause if isinstance(cause, str) else None)


def of_sweep(old: Sweep | None, new: Sweep) -> list[Announcement]:
    """The announcements of a sweep's change; none for history, single jobs and sweeps that merged into another."""
    if new.is_history or new.is_single or new.superseded_by is not None or not _is_there(new):
        return []
    was_there = old is not None and _is_there(old) and not old.is_single and not old.is_history
    found = []
    if not was_there and not new.supersedes and not new.revision:
        found.append(_about(new, SWEEP_STARTED, new.id))
    elif old is None or old.counts != new.counts or (new.supersedes and not was_there):
        found.append(_about(new, SWEEP_PROGRESSED, f"{new.id}/{new.version}"))
    if new.best is not None and (not was_there or old is None or old.best != new.best):
        found.append(_best_changed(new, old.best if was_there and old else None, new.best))
    if new.tuning_status == FAILED and (old is None or old.tuning_status != FAILED):
        found.append(_about(new, TUNING_JOB_FAILED, new.id, failure_reason=new.tuning_failure))
    if new.state is SweepState.CLOSED and (old is None or new.revision > old.revision):
        found.append(_about(new, SWEEP_FINISHED, f"{new.id}/{new.revision}"))
    return found


def _is_there(sweep: Sweep) -> bool:
    return bool(sweep.counts.jobs) or sweep.kind is SweepKind.TUNING


def of_job(old: Record | None, new: Record, is_alone: Callable[[Record], bool]) -> list[Announcement]:
    """The announcements of a job's change: its failure, unless its sweep covers it. Processing and transform jobs,
    which are in no window that closes, are also announced when they complete. A tuning job is covered by its sweep."""
    if new.key.kind is JobKind.TUNING or (old is not None and old.job.is_terminal):
        return []
    if new.key.kind.is_single and new.job.status != FAILED:
        return of_single(new)
    if new.job.status != FAILED or new.is_history or is_from_a_queue(new.job.name):
        return []
    return [_job_failed(new)] if is_alone(new) else []


def is_single_over(old: Sweep | None, new: Sweep) -> bool:
    """Whether a window closed with one job in it that no sweep has covered."""
    was_over = old is not None and old.state is SweepState.CLOSED and old.is_single
    is_over = new.state is SweepState.CLOSED and new.is_single and bool(new.counts.jobs)
    return is_over and not (was_over or new.revision or new.is_history or new.superseded_by)


def of_single(record: Record) -> list[Announcement]:
    """The announcement that a single job has ended; a training job's comes once its window has closed. A failure was
    announced at once, except that of a job from a queue, which the queue may have tried again until now."""
    if record.is_history or not record.job.is_terminal:
        return []
    if record.job.status == FAILED:
        is_final = is_from_a_queue(record.job.name) and record.job.retried_as is None
        return [_job_failed(record)] if is_final else []
    detail = {"job": _job_detail(record), "objective": _objective(record.objective), "value": record.value}
    return [Announcement(f"job-finished/{_job_id(record)}", JOB_FINISHED, detail)]


def of_any_job(new: Record) -> list[Announcement]:
    """That something changed about a job, of whatever kind has a run of its own in MLflow; nothing of history."""
    if new.is_history or new.key.kind not in RUNS_OF:
        return []
    return [Announcement(f"job-changed/{_job_id(new)}/{new.version}", JOB_CHANGED, {"job": _job_detail(new)})]


def of_execution(old: Record | None, new: Record) -> list[Announcement]:
    """The announcements of a change of an execution's own record, or of that of a job that one of its steps runs. A
    job's end is announced for its execution because it may become known after the end of its step."""
    execution = execution_of(new.job)
    if execution is None or new.is_history:
        return []
    ended = iso_or_none(new.job.ended_at)
    if is_of_step(new.job):
        was_known = old is not None and old.job.is_terminal and old.job.pipeline is not None
        names = {"step": None, "job_name": new.job.name}
        what = f"{new.key.kind.value}/{new.job.name}/{ended}"
        is_news = new.job.is_terminal and not was_known
        return [_about_execution(execution, PIPELINE_PROGRESSED, what, **names)] if is_news else []
    if not new.key.kind.is_execution:
        return []
    times = {"status": new.job.status, "started_at": iso_or_none(new.job.started_at), "ended_at": ended}
    if new.job.is_terminal:
        was_announced = old is not None and old.job.is_terminal and old.job.ended_at == new.job.ended_at
        return [] if was_announced else [_about_execution(execution, PIPELINE_FINISHED, str(ended), **times)]
    is_first = old is None or old.job.started_at != new.job.started_at
    return [_about_execution(execution, PIPELINE_STARTED, str(times["started_at"]), **times)] if is_first else []


def of_step(old: PipelineStep | None, new: PipelineStep) -> list[Announcement]:
    """The announcement that a step of a pipeline's execution began or ended."""
    if old is not None and old.mark >= new.mark:
        return []
    step = {
        "name": new.name,
        "type": new.step_type,
        "status": new.status,
        "job_arn": new.job_arn,
        "started_at": iso_or_none(new.started_at),
        "ended_at": iso_or_none(new.ended_at),
        "failure_reason": new.failure_reason,
    }
    what = f"step/{new.name}/{new.mark}"
    return [_about_execution(new.execution, PIPELINE_PROGRESSED, what, step=step, job_name=None)]


def _about_execution(key: JobKey, event_type: str, what: str, **more: Any) -> Announcement:
    pipeline, _, execution = key.name.partition("/")
    about = {"account": key.account, "region": key.region, "pipeline": pipeline, "execution": execution}
    kind = event_type.lower().replace(" ", "-")
    return Announcement(
        f"{kind}/{key.account}/{key.region}/{key.name}/{what}", event_type, {"execution": about, **more}
    )


def report_ready(sweep: Sweep, bucket: str, headline: str, alt_text: str) -> Announcement:
    """The announcement that the report of a closed sweep is saved: its page, its picture with a text alternative, and
    its figures as data."""
    folder = report_keys.of_revision(sweep.id, sweep.revision)
    report = {
        "bucket": bucket,
        "page": f"{folder}/{report_keys.PAGE}",
        "picture": f"{folder}/{report_keys.PICTURE}",
        "data": f"{folder}/{report_keys.DATA}",
        "revision": sweep.revision,
        "headline": headline,
        "alt_text": alt_text,
    }
    return _about(sweep, REPORT_READY, f"{sweep.id}/{sweep.revision}", report=report)


def thinned(announcements: Iterable[Announcement]) -> list[Announcement]:
    """The announcements without those of a sweep's progress, or of a job's change, that a later one includes."""
    kept = list(announcements)
    last = {_thinned_by(each): each.id for each in kept}
    return [each for each in kept if _thinned_by(each) is None or last[_thinned_by(each)] == each.id]


def _thinned_by(announcement: Announcement) -> str | None:
    """What the announcements have in common of which the last one includes the others; None if each counts."""
    if announcement.type == SWEEP_PROGRESSED:
        return f"sweep/{announcement.detail['sweep']['sweep']}"
    return announcement.id.rpartition("/")[0] if announcement.type == JOB_CHANGED else None


def _about(sweep: Sweep, event_type: str, what: str, **more: Any) -> Announcement:
    kind = event_type.lower().replace(" ", "-")
    return Announcement(f"{kind}/{what}", event_type, {"sweep": sweep_detail(sweep), **more})


def _best_changed(sweep: Sweep, old: Best | None, new: Best) -> Announcement:
    is_by_same = old is not None and prefix_of(old.rank) == prefix_of(new.rank)
    margin = _margin(old.value, new.value) if old is not None and is_by_same else None
    found = {"old": None if old is None else _best(old), "new": _best(new), "margin": margin}
    return _about(sweep, BEST_TRIAL_CHANGED, f"{sweep.id}/{new.job_name}", **found)


def _margin(one: float, other: float) -> float | None:
    """How far apart they are; None if that is beyond what a float holds, as between 1.7e308 and -1.7e308."""
    margin = apart(one, other)
    return margin if margin < LARGEST else None


def _job_failed(record: Record) -> Announcement:
    detail = {"job": _job_detail(record), "failure_reason": record.job.failure_reason}
    return Announcement(f"job-failed/{_job_id(record)}", JOB_FAILED, detail)


def _job_id(record: Record) -> str:
    """A deleted job's name may be used again, so the id includes the time of creation."""
    key = record.key
    return f"{key.account}/{key.region}/{key.kind.value}/{key.name}/{iso_or_none(record.job.created_at)}"


def _job_detail(record: Record) -> dict[str, Any]:
    job = record.job
    return {
        "account": job.key.account,
        "region": job.key.region,
        "kind": job.key.kind.value,
        "job_name": job.name,
        "status": job.status,
        "experiment": record.experiment,
        "trial": record.trial,
        "started_at": iso_or_none(job.started_at or job.created_at),
        "ended_at": iso_or_none(job.ended_at),
    }


def sweep_detail(sweep: Sweep) -> dict[str, Any]:
    """A sweep as it is in events."""
    return {
        "sweep": sweep.id,
        "kind": sweep.kind.value,
        "experiment": sweep.experiment,
        "account": sweep.account,
        "region": sweep.region,
        "state": sweep.state.value,
        "revision": sweep.revision,
        "counts": {name: getattr(sweep.counts, name) for name in sweep.counts.__slots__},
        "max_jobs": sweep.max_jobs or sweep.expected_size,
        "objective": _objective(sweep.objective),
        "best": None if sweep.best is None else _best(sweep.best),
        "started_at": iso_or_none(sweep.began_at),
        "ended_at": iso_or_none(sweep.ended_at),
        "supersedes": list(sweep.supersedes),
        "parents": list(sweep.parents),
    }


def _objective(objective: Objective | None) -> dict[str, str] | None:
    if objective is None:
        return None
    return {"metric": objective.metric, "type": objective.type.value, "source": objective.source.value}


def _best(best: Best) -> dict[str, Any]:
    return {"job_name": best.job_name, "value": best.value, "hyper_parameters": pack(best.hyper_parameters)}
