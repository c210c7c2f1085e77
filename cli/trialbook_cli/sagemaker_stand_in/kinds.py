"""Jobs as they were at an earlier moment."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from trialbook.core.jobs import LEAVING, TERMINAL, JobKind

Fields = Mapping[str, Any]


# What a job has only once it has come to its end.
_FROM_THE_END = frozenset(
    {
        "FinalMetricDataList",
        "TrainingTimeInSeconds",
        "BillableTimeInSeconds",
        "FailureReason",
        "ExitMessage",
        "FinalHyperParameterTuningJobObjectiveMetric",
        "failureMessage",
        "outputModelArn",
        "trainingMetrics",
        "validationMetrics",
    }
)


def end_of(kind: JobKind, final: Fields) -> datetime | None:
    """When the job came to its end; None while it has none."""
    if final.get(kind.facts.fields.status) not in TERMINAL | LEAVING:
        return None
    called = kind.facts.fields
    end: datetime = final.get(called.ended) or final.get(called.modified) or final[called.created]
    return end


def at(kind: JobKind, final: Fields, now: datetime) -> dict[str, Any] | None:
    """Describe's answer at an earlier moment, derived from the final state; None before the job was created.

    Envelopes tell whole seconds: whoever asks at an envelope's time asks within the second of the creation.
    """
    naming = kind.facts.fields
    if now < final[naming.created].replace(microsecond=0):
        return None
    end = end_of(kind, final)
    if end is not None and now >= end:
        return dict(final)
    earlier = {key: value for key, value in final.items() if key not in _FROM_THE_END | {naming.ended}}
    earlier[naming.status] = "InProgress"
    if naming.started and final.get(naming.started) and final[naming.started] > now:
        earlier.pop(naming.started)
        earlier = with_resources(earlier, _before_selection)
    changes = [each for each in final.get("SecondaryStatusTransitions", ()) if each["StartTime"] <= now]
    if changes:
        open_end = {key: value for key, value in changes[-1].items() if key != "EndTime"}
        earlier["SecondaryStatusTransitions"] = [*changes[:-1], open_end]
        earlier["SecondaryStatus"] = changes[-1]["Status"]
        earlier["LastModifiedTime"] = changes[-1]["StartTime"]
    else:
        earlier[naming.modified] = final[naming.created]
        if "SecondaryStatus" in final:
            earlier["SecondaryStatus"] = "Starting"
            earlier["SecondaryStatusTransitions"] = []
    return earlier


def with_resources(job: Fields, change: Callable[[Fields], Fields]) -> dict[str, Any]:
    """The job with its machines changed: a training job's ResourceConfig, a processing job's ClusterConfig."""
    changed = dict(job)
    if "ResourceConfig" in job:
        changed["ResourceConfig"] = change(job["ResourceConfig"])
    if "ClusterConfig" in job.get("ProcessingResources", {}):
        cluster = change(job["ProcessingResources"]["ClusterConfig"])
        changed["ProcessingResources"] = {**job["ProcessingResources"], "ClusterConfig": cluster}
    return changed


def _before_selection(resources: Fields) -> Fields:
    return {key: value for key, value in resources.items() if not key.startswith("Selected")}


_METRIC_OF_CHILD = "FinalHyperParameterTuningJobObjectiveMetric"


def tuning_at(final: Fields, children: Sequence[Fields], now: datetime) -> dict[str, Any] | None:
    """A tuning job at a moment: its counters and best job are those of its children by then."""
    answer = at(JobKind.TUNING, final, now)
    if answer is None:
        return None
    views = [view for child in children if (view := at(JobKind.TRAINING, child, now)) is not None]
    if (
        not views
        and "TrainingJobStatusCounters" in final
        and answer.get("HyperParameterTuningJobStatus") != "InProgress"
    ):
        return answer
    statuses = [view["TrainingJobStatus"] for view in views]
    scored = [view for view in views if objective_of(final, view) is not None]
    ended = [status for status in statuses if status in TERMINAL]
    answer["TrainingJobStatusCounters"] = {
        "Completed": statuses.count("Completed"),
        "InProgress": len(statuses) - len(ended),
        "RetryableError": 0,
        "NonRetryableError": statuses.count("Failed"),
        "Stopped": statuses.count("Stopped"),
    }
    answer["ObjectiveStatusCounters"] = {
        "Succeeded": len(scored),
        "Pending": len(statuses) - len(ended),
        "Failed": len(ended) - len(scored),
    }
    ranked = [view for view in scored if view["TrainingJobStatus"] in ("Completed", "Stopped")]
    answer.pop("BestTrainingJob", None)
    if ranked:
        smaller_is_better = objective(final)["Type"] == "Minimize"
        best = min(ranked, key=lambda view: (objective_of(final, view) or 0.0) * (1 if smaller_is_better else -1))
        answer["BestTrainingJob"] = child_summary(final, best)
    return answer


def objective(tuning: Fields) -> Fields:
    """The objective of a tuning job; with several definitions, that of the first."""
    config: Fields = tuning.get("HyperParameterTuningJobConfig", {})
    definitions = tuning.get("TrainingJobDefinitions") or [{}]
    found = config.get("HyperParameterTuningJobObjective") or definitions[0].get("TuningObjective")
    return found or {"Type": "Minimize", "MetricName": ""}


def objective_of(tuning: Fields, child: Fields) -> float | None:
    """A child's value of its tuning job's objective."""
    name = objective(tuning)["MetricName"]
    values = {each["MetricName"]: each.get("Value") for each in child.get("FinalMetricDataList", ())}
    value = values.get(name, values.get("ObjectiveMetric"))
    return value if isinstance(value, float | int) else None


def child_summary(tuning: Fields, child: Fields) -> dict[str, Any]:
    """A child as lists and BestTrainingJob tell it."""
    tuned = {each["Name"] for each in _ranges(tuning)}
    fields = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime")
    summary = {field: child[field] for field in (*fields, "TrainingJobStatus", "FailureReason") if field in child}
    hyper_parameters = child.get("HyperParameters", {})
    summary["TunedHyperParameters"] = {key: value for key, value in hyper_parameters.items() if key in tuned}
    value = objective_of(tuning, child)
    if value is not None:
        summary[_METRIC_OF_CHILD] = {"MetricName": objective(tuning)["MetricName"], "Value": value}
        summary["ObjectiveStatus"] = "Succeeded"
    return summary


def _ranges(tuning: Fields) -> list[Fields]:
    config: Fields = tuning.get("HyperParameterTuningJobConfig", {})
    sources = [config.get("ParameterRanges") or {}]
    sources += [each.get("HyperParameterRanges") or {} for each in tuning.get("TrainingJobDefinitions", ())]
    return [each for source in sources for ranges in source.values() if isinstance(ranges, list) for each in ranges]


def seconds(moment: datetime) -> float:
    """A time on the wire."""
    return moment.timestamp()
