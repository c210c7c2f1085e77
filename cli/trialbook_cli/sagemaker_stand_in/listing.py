"""Lists and Search."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from trialbook.core.jobs import JobKind
from trialbook.core.kinds import Fields
from trialbook_cli.sagemaker_stand_in.errors import validation_error
from trialbook_cli.sagemaker_stand_in.kinds import child_summary
from trialbook_cli.sagemaker_stand_in.paging import page
from trialbook_cli.sagemaker_stand_in.request_validation import operation_model

__all__ = ["list_children", "list_jobs", "page", "search"]

Request = dict[str, Any]
Answer = dict[str, Any]


class Jobs(Protocol):
    """The jobs that are listed and searched."""

    jobs: dict[JobKind, dict[str, Answer]]
    children: dict[str, list[str]]
    tags: dict[str, dict[str, str]]
    now: Callable[[], datetime]
    empty_pages: bool

    def view(self, kind: JobKind, name: str) -> Answer | None:
        """Describe's answer about a job now; None if there is none (yet)."""


_SORT = {"CreationTime": "CreationTime", "Name": "", "Status": ""}


def list_jobs(sagemaker: Jobs, kind: JobKind, request: Request) -> Answer:
    """ListTrainingJobs and its like: with NameContains, an empty page may come first."""
    naming = kind.facts.fields
    found = [view for name in sagemaker.jobs[kind] if (view := sagemaker.view(kind, name)) is not None]
    request = {name[:1].upper() + name[1:]: value for name, value in request.items()}
    found = [view for view in found if _passes(view, naming, request)]
    sort = {"Name": naming.name, "Status": naming.status}.get(request.get("SortBy", ""), naming.created)
    found.sort(key=lambda view: (view[sort], view[naming.name]), reverse=request.get("SortOrder") != "Ascending")
    service, of_kind = kind.facts.service, kind.facts.listing
    assert of_kind is not None
    fields = _summary(of_kind.operation, service.name, service.spelled(of_kind.member))
    summaries = [_entry(view, fields) for view in found]
    if kind is JobKind.TUNING:
        summaries = [{**each, "Strategy": _strategy(sagemaker, each[naming.name])} for each in summaries]
    empty_first = sagemaker.empty_pages and "NameContains" in request
    answer = page(summaries, request, of_kind.member, empty_first=empty_first)
    return {service.spelled(name): value for name, value in answer.items()}


def _entry(view: Answer, fields: Sequence[str]) -> Answer:
    """A list's entry about a job; ListJobs calls a member otherwise than DescribeJob."""
    named = {**view, "JobSecondaryStatus": view.get("SecondaryStatus")}
    return {field: named[field] for field in fields if field in named}


@cache
def _summary(operation: str, service: str, member: str) -> tuple[str, ...]:
    """The members of a list's entries."""
    shape: Any = operation_model(operation, service).output_shape
    return tuple(shape.members[member].member.members)


def _strategy(sagemaker: Jobs, name: str) -> str:
    config: Mapping[str, str] = sagemaker.jobs[JobKind.TUNING][name].get("HyperParameterTuningJobConfig", {})
    return config.get("Strategy", "Bayesian")


def _passes(view: Answer, called: Fields, request: Request) -> bool:
    if request.get("NameContains", "").lower() not in view[called.name].lower():
        return False
    if request.get("StatusEquals", view[called.status]) != view[called.status]:
        return False
    for field, member in (("CreationTime", called.created), ("LastModifiedTime", called.modified)):
        value: Any = view.get(member, view[called.created])
        if f"{field}After" in request and value <= moment(request[f"{field}After"]):
            return False
        if f"{field}Before" in request and value >= moment(request[f"{field}Before"]):
            return False
    return True


def moment(value: Any) -> datetime:
    """A time of a request: epoch seconds on the wire, ISO in Search's filters."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except ValueError:
        raise validation_error(f"The filter value {value!r} is no timestamp.") from None


def list_children(sagemaker: Jobs, request: Request) -> Answer:
    """ListTrainingJobsForHyperParameterTuningJob; sorted by objective, children without one are left out."""
    name = request["HyperParameterTuningJobName"]
    tuning = sagemaker.jobs[JobKind.TUNING].get(name)
    if tuning is None or tuning["CreationTime"] > sagemaker.now():
        raise validation_error("Requested resource not found.")
    names = sagemaker.children.get(name.lower(), [])
    sort = request.get("SortBy", "Name")
    if sort == "Name" and "StatusEquals" not in request:  # the usual question, about as many as 10,000
        finals = sagemaker.jobs[JobKind.TRAINING]
        there = [child for child in names if finals[child]["CreationTime"] <= sagemaker.now()]
        there.sort(reverse=request.get("SortOrder") == "Descending")
        answer = page(there, request, "TrainingJobSummaries")
        answer["TrainingJobSummaries"] = _summaries(sagemaker, tuning, answer["TrainingJobSummaries"])
        return answer
    summaries = _summaries(sagemaker, tuning, names)
    if "StatusEquals" in request:
        summaries = [each for each in summaries if each["TrainingJobStatus"] == request["StatusEquals"]]
    if sort == "FinalObjectiveMetricValue":
        metric = "FinalHyperParameterTuningJobObjectiveMetric"
        summaries = sorted(
            (each for each in summaries if metric in each), key=lambda each: float(each[metric]["Value"])
        )
    else:
        field = {"Name": "TrainingJobName", "Status": "TrainingJobStatus"}.get(sort, "CreationTime")
        summaries = sorted(summaries, key=lambda each: (each[field], each["TrainingJobName"]))
    if request.get("SortOrder") == "Descending":
        summaries.reverse()
    return page(summaries, request, "TrainingJobSummaries")


def _summaries(sagemaker: Jobs, tuning: Answer, names: Sequence[str]) -> list[Answer]:
    views = [sagemaker.view(JobKind.TRAINING, name) for name in names]
    return [child_summary(tuning, view) for view in views if view is not None]


def search(sagemaker: Jobs, request: Request) -> Answer:
    """Search over training jobs, as Describe tells them, with their tags; an empty page may come between two."""
    if request["Resource"] != "TrainingJob":
        raise validation_error(f"The stand-in does not search {request['Resource']}")
    seen = (sagemaker.view(JobKind.TRAINING, name) for name in sagemaker.jobs[JobKind.TRAINING])
    views = [view for view in seen if view is not None]
    expression = request.get("SearchExpression") or {}
    together = any if expression.get("Operator") == "Or" else all
    filters = expression.get("Filters", [])
    found = []
    for view in views:
        tags = sagemaker.tags.get(view["TrainingJobArn"].lower(), {})
        record = {**view, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        if not filters or together(_holds(record, tags, each) for each in filters):
            found.append(record)
    sort = request.get("SortBy", "LastModifiedTime")
    reverse = request.get("SortOrder", "Descending") == "Descending"
    found.sort(key=lambda view: (str(view.get(sort, "")), view["TrainingJobName"]), reverse=reverse)
    found = [{"TrainingJob": each} for each in found]
    return page(found, request, "Results", empty_between=sagemaker.empty_pages)


def _holds(record: Answer, tags: Mapping[str, str], condition: Request) -> bool:
    name, operator = condition["Name"], condition.get("Operator", "Equals")
    value = tags.get(name.removeprefix("Tags.")) if name.startswith("Tags.") else _member(record, name)
    if operator in ("Exists", "NotExists"):
        return bool((value is not None) == (operator == "Exists"))
    if value is None:
        return bool(operator == "NotEquals")
    wanted: Any = condition.get("Value", "")
    if isinstance(value, datetime):
        wanted = moment(wanted)
    elif isinstance(value, int | float):
        wanted = float(wanted)
    return bool(_OPERATORS[operator](value, wanted))


_OPERATORS: Mapping[str, Callable[[Any, Any], object]] = {
    "Equals": lambda value, wanted: value == wanted,
    "NotEquals": lambda value, wanted: value != wanted,
    "GreaterThan": lambda value, wanted: value > wanted,
    "GreaterThanOrEqualTo": lambda value, wanted: value >= wanted,
    "LessThan": lambda value, wanted: value < wanted,
    "LessThanOrEqualTo": lambda value, wanted: value <= wanted,
    "Contains": lambda value, wanted: str(wanted) in str(value),
    "In": lambda value, wanted: str(value) in str(wanted).split(","),
}


def _member(record: Answer, path: str) -> Any:
    value: Any = record
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
