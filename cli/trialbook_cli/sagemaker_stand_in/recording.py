"""A stand-in from a recording: what SageMaker would answer, one line an operation, in the jobs' final state."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import JobKind
from trialbook.core.kinds import DESCRIBED, SERVICES, Service, described_kind
from trialbook.core.times import parse_time
from trialbook_cli.sagemaker_stand_in.account import Account
from trialbook_cli.sagemaker_stand_in.state import SageMaker

Answer = Mapping[str, Any]
_DESCRIBES = dict.fromkeys(kind.facts.describe for kind in DESCRIBED)
_TAGS = {each.tags_operation: each for each in SERVICES}


def _put_trial(sagemaker: SageMaker, request: Answer, response: Answer) -> None:
    sagemaker.experiments.ensure(response["ExperimentName"], request["TrialName"])


def _put_component(sagemaker: SageMaker, request: Answer, response: Answer) -> None:
    name = request["TrialComponentName"].removesuffix("-aws-training-job")
    sagemaker.statistics[name] = list(response.get("Metrics", ()))


def _put_service_job(sagemaker: SageMaker, request: Answer, response: Answer) -> None:
    sagemaker.service_jobs[request["jobId"]] = dict(response)


_OTHERS: Mapping[str, Callable[[SageMaker, Answer, Answer], None]] = {
    "DescribeTrial": _put_trial,
    "DescribeTrialComponent": _put_component,
    "DescribeServiceJob": _put_service_job,
}
_OPERATIONS = (*_DESCRIBES, *_TAGS, *_OTHERS)


class UnreadableAnswer(Exception):
    """A line of sagemaker.jsonl is not what it must be; `line` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


def from_recording(
    answers: Iterable[Mapping[str, Any]], account: Account, now: Callable[[], datetime], **options: Any
) -> SageMaker:
    """A stand-in that answers as recorded, as of its clock. Raises UnreadableAnswer."""
    sagemaker = SageMaker(account, now=now, **options)
    jobs: list[tuple[JobKind, dict[str, Any]]] = []
    tags: dict[str, dict[str, str]] = {}
    for number, answer in enumerate(answers, 1):
        operation, request, response = (answer.get(key) for key in ("operation", "request", "response"))
        if operation not in _OPERATIONS:
            raise UnreadableAnswer(number, f"operation is {operation!r}, expected one of {', '.join(_OPERATIONS)}")
        if not isinstance(request, Mapping) or not isinstance(response, Mapping):
            raise UnreadableAnswer(number, "request and response must be objects")
        try:
            if operation in _TAGS:
                arn, given = _tags(_TAGS[operation], request, response)
                tags[arn.lower()] = given
            elif operation in _OTHERS:
                _OTHERS[operation](sagemaker, request, response)
            else:
                kind, final = described_job(answer)
                called = kind.facts.fields
                missing = [key for key in (called.name, called.status, called.created) if not final.get(key)]
                if missing:
                    raise UnreadableAnswer(number, f"response lacks {', '.join(missing)}")
                jobs.append((kind, final))
        except (KeyError, TypeError, ValueError, InvalidInput) as error:
            raise UnreadableAnswer(number, f"{operation}: {error!r}") from error
    for kind, final in sorted(jobs, key=_creation):
        arn = final.get(kind.facts.fields.arn) or sagemaker.arn(kind.facts.arn, final[kind.facts.fields.name])
        own = _tags_of(SERVICES[0], final) if kind.facts.has_tags_in_description and "Tags" in final else {}
        sagemaker.add(kind, final, tags.get(arn.lower(), own))
    return sagemaker


def _creation(job: tuple[JobKind, Mapping[str, Any]]) -> tuple[datetime, str]:
    called = job[0].facts.fields
    return job[1][called.created], job[1][called.name]


def _tags(service: Service, request: Mapping[str, Any], response: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    return request[service.tagged], _tags_of(service, response)


def _tags_of(service: Service, response: Mapping[str, Any]) -> dict[str, str]:
    key, value = service.spelled("Key"), service.spelled("Value")
    return {each[key]: each[value] for each in response[service.spelled("Tags")]}


def described_job(answer: Mapping[str, Any]) -> tuple[JobKind, dict[str, Any]]:
    """Kind and final state of the job that a recorded Describe tells of. Raises ValueError for an unknown category."""
    request, response = answer["request"], answer["response"]
    kind = described_kind(answer["operation"], {**response, **request})
    if kind is None:
        raise ValueError(f"no known kind of job: {request}")
    return kind, {key: _timed(key, value) for key, value in response.items()}


def _timed(key: str, value: Any) -> Any:
    """A value with the times in it parsed; recordings write them as ISO texts."""
    if isinstance(value, Mapping):
        return {name: _timed(name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_timed(key, each) for each in value]
    if isinstance(value, str) and (key.endswith("Time") or key == "Timestamp"):
        return parse_time(value, key)
    return value
