"""A stand-in from a recording: what SageMaker would answer, one line an operation, in the jobs' final state."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from trialbook.core.errors import InvalidInput
from trialbook.core.times import parse_time
from trialbook_cli.sagemaker_stand_in.account import Account
from trialbook_cli.sagemaker_stand_in.kinds import Kind
from trialbook_cli.sagemaker_stand_in.state import SageMaker

_DESCRIBES = {f"Describe{kind.value.job}": kind for kind in Kind}
_OPERATIONS = (*_DESCRIBES, "ListTags", "DescribeTrial", "DescribeTrialComponent")


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
    jobs: list[tuple[Kind, dict[str, Any]]] = []
    tags: dict[str, dict[str, str]] = {}
    for number, answer in enumerate(answers, 1):
        operation, request, response = (answer.get(key) for key in ("operation", "request", "response"))
        if operation not in _OPERATIONS:
            raise UnreadableAnswer(number, f"operation is {operation!r}, expected one of {', '.join(_OPERATIONS)}")
        if not isinstance(request, Mapping) or not isinstance(response, Mapping):
            raise UnreadableAnswer(number, "request and response must be objects")
        try:
            if operation == "ListTags":
                tags[request["ResourceArn"].lower()] = {each["Key"]: each["Value"] for each in response["Tags"]}
            elif operation == "DescribeTrial":
                sagemaker.experiments.ensure(response["ExperimentName"], request["TrialName"])
            elif operation == "DescribeTrialComponent":
                name = request["TrialComponentName"].removesuffix("-aws-training-job")
                sagemaker.statistics[name] = list(response.get("Metrics", ()))
            else:
                kind, final = described_job(answer)
                missing = [key for key in (kind.value.name, kind.value.status, "CreationTime") if not final.get(key)]
                if missing:
                    raise UnreadableAnswer(number, f"response lacks {', '.join(missing)}")
                jobs.append((kind, final))
        except (KeyError, TypeError, ValueError, InvalidInput) as error:
            raise UnreadableAnswer(number, f"{operation}: {error!r}") from error
    for kind, final in sorted(jobs, key=lambda job: (job[1]["CreationTime"], job[1][job[0].value.name])):
        arn = final.get(kind.value.arn_field) or sagemaker.arn(kind.value.arn, final[kind.value.name])
        sagemaker.add(kind, final, tags.get(arn.lower(), {}))
    return sagemaker


def described_job(answer: Mapping[str, Any]) -> tuple[Kind, dict[str, Any]]:
    """Kind and final state of the job that a recorded Describe tells of."""
    return _DESCRIBES[answer["operation"]], {key: _timed(key, value) for key, value in answer["response"].items()}


def _timed(key: str, value: Any) -> Any:
    """A value with the times in it parsed; recordings write them as ISO texts."""
    if isinstance(value, Mapping):
        return {name: _timed(name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_timed(key, each) for each in value]
    if isinstance(value, str) and (key.endswith("Time") or key == "Timestamp"):
        return parse_time(value, key)
    return value
