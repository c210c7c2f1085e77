"""State changes as EventBridge delivers them: SageMaker's inside leaks into the details."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from trialbook.core.jobs import TERMINAL, JobKind
from trialbook.core.kinds import SAGEMAKER
from trialbook.core.times import iso

if TYPE_CHECKING:
    from trialbook_cli.sagemaker_stand_in.account import Account

_NAMESPACE = UUID("6f1d63a4-4d0e-4e65-8d0c-6c2f9f1d2e01")
# Told by Describe alone.
_NOT_IN_EVENTS = frozenset(
    {
        "FinalMetricDataList",
        "BillableTimeInSeconds",
        "TrainingTimeInSeconds",
        "Tags",
        "HyperParameterTuningJobConfig",
        "TrainingJobStatusCounters",
        "ObjectiveStatusCounters",
        "statusDetails",
        "trainingMetrics",
        "validationMetrics",
    }
)


def envelope(
    kind: JobKind, view: Mapping[str, Any], tags: Mapping[str, str], account: "Account", moment: datetime, number: int
) -> dict[str, Any]:
    """The event of one state change: epoch milliseconds, tags as a map, null for what is absent."""
    naming = kind.facts.fields
    if kind.facts.service is not SAGEMAKER:
        return _envelope(kind, _elsewhere(kind, view), account, moment, number)
    detail = {key: wired(value) for key, value in view.items() if key not in _NOT_IN_EVENTS}
    if kind is JobKind.TRAINING:
        detail.pop("ExperimentConfig", None)
        if view[naming.status] != "Completed":
            detail["ModelArtifacts"] = None
        detail.setdefault("FailureReason", None)
        detail.setdefault("TrainingEndTime", None)
    if kind is JobKind.PROCESSING:
        detail["ExperimentConfig"] = {"ExperimentName": "", "TrialName": "", "TrialComponentDisplayName": ""} | {
            **(view.get("ExperimentConfig") or {})
        }
    if kind is JobKind.TUNING:
        detail["BestTrainingJob"] = {}
        if view[naming.status] in TERMINAL and "BestTrainingJob" in view:
            detail["BestTrainingJob"] = {"TrainingJobName": view["BestTrainingJob"]["TrainingJobName"]}
        detail.pop("OverallBestTrainingJob", None)
    detail["Tags"] = dict(tags)
    return _envelope(kind, detail, account, moment, number)


def _elsewhere(kind: JobKind, view: Mapping[str, Any]) -> dict[str, Any]:
    """The detail of another service's event: times as ISO texts, no tags, and the status under a name of its own."""
    called = kind.facts.fields
    detail = {key: iso(value) if isinstance(value, datetime) else value for key, value in view.items()}
    detail[called.event_status or called.status] = detail.pop(called.status)
    return {"version": "0.0", **{key: value for key, value in detail.items() if key not in _NOT_IN_EVENTS}}


def _envelope(
    kind: JobKind, detail: dict[str, Any], account: "Account", moment: datetime, number: int
) -> dict[str, Any]:
    arn = detail[kind.facts.fields.arn]
    return {
        "version": "0",
        "id": str(uuid5(_NAMESPACE, f"{arn}/{moment.isoformat()}/{number}")),
        "detail-type": kind.facts.detail_type,
        "source": f"aws.{kind.facts.service.name}",
        "account": account.id,
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": account.region,
        "resources": [arn],
        "detail": detail,
    }


def wired(value: Any) -> Any:
    """A value as events carry it: times in epoch milliseconds."""
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, Mapping):
        return {key: wired(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [wired(each) for each in value]
    return value
