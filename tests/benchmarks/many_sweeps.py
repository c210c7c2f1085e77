"""Sweeps of any number and size, made of recorded jobs: loops and tuning jobs in turn, several at a time."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import RECORDINGS
from trialbook.core.times import iso
from trialbook_cli.laptop_cloud import Recording, read_recording

Line = dict[str, Any]
_START = datetime(2026, 11, 21, 9, tzinfo=UTC)
_TRACKS = 8  # experiments in which one sweep follows another
_PAUSE = timedelta(minutes=20)  # longer than the quiet period that parts loops
_ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@dataclass(frozen=True, slots=True)
class MadeJob:
    """A job as it ends; failed ones have no value."""

    name: str
    created: datetime
    status: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Made:
    """A sweep, with the events and answers that tell of it."""

    jobs: Sequence[MadeJob]
    events: Sequence[Line]
    answers: Sequence[Line]
    ends: datetime


def make_sweeps(sweeps: int, jobs: int) -> Iterator[Made]:
    """Sweeps of so many jobs each, one in fifty of which fails; the same ones each time."""
    noise = random.Random(1)
    loop, tuning = (
        _Pattern(read_recording(RECORDINGS / each)) for each in ("churn-min-child-weight", "tuning-random-60")
    )
    free = [_START + timedelta(seconds=7 * track) for track in range(_TRACKS)]
    for number in range(sweeps):
        track = number % _TRACKS
        base, start = f"soak-{'abcdefgh'[track]}", free[track]
        made = loop.loop(base, start, jobs, noise) if track % 2 else tuning.tuning_job(base, start, jobs, noise)
        free[track] = made.ends + _PAUSE
        yield made


class _Pattern:
    """What a recording's jobs look like."""

    def __init__(self, recorded: Recording) -> None:
        answers = {each["operation"]: each["response"] for each in recorded.answers}
        self.described = next(
            each["response"]
            for each in recorded.answers
            if each["operation"] == "DescribeTrainingJob" and each["response"]["TrainingJobStatus"] == "Completed"
        )
        self.event = next(e for e in recorded.events if e["detail"].get("SecondaryStatus") == "Completed")
        self.tuning = answers.get("DescribeHyperParameterTuningJob", {})
        self.tuning_event = next((e for e in recorded.events if "HyperParameter Tuning" in e["detail-type"]), {})

    def loop(self, base: str, start: datetime, count: int, noise: random.Random) -> Made:
        """Jobs that a loop starts, each under a name as the SDK makes it."""
        jobs, events, answers = [], [], []
        for number in range(count):
            created = start + timedelta(seconds=10 * number, milliseconds=noise.randrange(1000))
            name = f"{base}-{created:%Y-%m-%d-%H-%M-%S}-{created.microsecond // 1000:03d}"
            job, told, answer = self._job(name, created, "validation:error", noise, {})
            jobs.append(job)
            events += told
            answers.append(answer)
        return Made(jobs, events, answers, max(datetime.fromisoformat(event["time"]) for event in events))

    def tuning_job(self, base: str, start: datetime, count: int, noise: random.Random) -> Made:
        """A tuning job with its children."""
        name = f"{base}-{start:%y%m%d-%H%M}"
        arn = f"{_ARN}:hyper-parameter-tuning-job/{name}"
        jobs, events, answers = [], [], []
        for number in range(count):
            child = f"{name}-{number:03d}-{noise.randrange(16**8):08x}"
            created = start + timedelta(seconds=10 * number + 5)
            job, told, answer = self._job(child, created, "validation:logloss", noise, {"TuningJobArn": arn})
            jobs.append(job)
            events += told
            answers.append(answer)
        end = max(datetime.fromisoformat(event["time"]) for event in events) + timedelta(seconds=10)
        own = {"HyperParameterTuningJobName": name, "HyperParameterTuningJobArn": arn, "CreationTime": iso(start)}
        ended = {**own, "LastModifiedTime": iso(end), "HyperParameterTuningEndTime": iso(end)}
        begun = {**own, "LastModifiedTime": iso(start), "HyperParameterTuningEndTime": None}
        request = {"HyperParameterTuningJobName": name}
        answers.append(_answer("DescribeHyperParameterTuningJob", request, {**self.tuning, **ended}))
        for status, moment, detail in (("InProgress", start, begun), ("Completed", end, ended)):
            changed = {**self.tuning_event["detail"], **detail, "HyperParameterTuningJobStatus": status}
            events.append({**self.tuning_event, "time": iso(moment), "detail": changed})
        return Made(jobs, events, answers, end)

    def _job(
        self, name: str, created: datetime, objective: str, noise: random.Random, more: Line
    ) -> tuple[MadeJob, list[Line], Line]:
        ended = created + timedelta(seconds=noise.randint(60, 600))
        failed = noise.random() < 1 / 50
        status = "Failed" if failed else "Completed"
        recorded = [] if failed else self.described["FinalMetricDataList"]
        metrics = [{**each, "Value": noise.random()} for each in recorded]
        own = {"TrainingJobName": name, "TrainingJobArn": f"{_ARN}:training-job/{name}", **more}
        own |= {"CreationTime": iso(created), "SecondaryStatusTransitions": []}
        begun = {**own, "TrainingJobStatus": "InProgress", "SecondaryStatus": "Starting"}
        begun |= {"TrainingEndTime": None, "LastModifiedTime": iso(created), "ModelArtifacts": None}
        over = {**own, "TrainingJobStatus": status, "SecondaryStatus": status}
        over |= {"TrainingStartTime": iso(created), "TrainingEndTime": iso(ended), "LastModifiedTime": iso(ended)}
        over |= {"FailureReason": "AlgorithmError: for the soak, exit code: 1"} if failed else {}
        final = {**self.described, **over, "FinalMetricDataList": metrics}
        events = [
            {**self.event, "time": iso(moment), "detail": {**self.event["detail"], **detail}}
            for moment, detail in ((created, begun), (ended, over))
        ]
        value = next((each["Value"] for each in metrics if each["MetricName"] == objective), None)
        answer = _answer("DescribeTrainingJob", {"TrainingJobName": name}, final)
        return MadeJob(name, created, status, value), events, answer


def _answer(operation: str, request: Line, response: Line) -> Line:
    return {"operation": operation, "request": request, "response": response}
