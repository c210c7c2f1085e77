"""Sweeps of any number and size, made of recorded jobs: loops and tuning jobs in turn, several at a time. Odd ones have
jobs with hyperparameters as long as SageMaker takes them, and jobs and tuning jobs that were deleted and recreated."""

import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import RECORDINGS
from trialbook.core.times import iso
from trialbook_cli.laptop_cloud import Recording, read_recording

Line = dict[str, Any]
_START = datetime(2026, 11, 21, 9, tzinfo=UTC)
_TRACKS = 8  # experiments in which one sweep follows another
_PAUSE = timedelta(minutes=20)  # longer than the quiet period that parts loops
_LONG = 2  # jobs of a sweep with oversized hyperparameters
_BETWEEN_LIVES = timedelta(seconds=30)
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
    """A sweep, with the events and answers that tell of it. `recreated` are the answers of what was made under a name that
    another had until then; `tuning_job` is the name of a tuning job's sweep."""

    jobs: Sequence[MadeJob]
    events: Sequence[Line]
    answers: Sequence[Line]
    ends: datetime
    recreated: Sequence[Line] = ()
    tuning_job: str | None = None


def make_sweeps(sweeps: int, jobs: int, *, tracks: int = _TRACKS, are_odd: bool = False) -> Iterator[Made]:
    """Sweeps of so many jobs each, one in fifty of which fails; the same ones each time. Of the odd ones, half have two
    jobs with oversized hyperparameters, each loop has a job that was recreated, and every second tuning job is the one
    before it, recreated."""
    noise = random.Random(1)
    longest = {f"parameter-{number:02}": "".join(noise.choices(string.ascii_letters, k=2500)) for number in range(100)}
    loop, tuning = (
        _Pattern(read_recording(RECORDINGS / each)) for each in ("churn-min-child-weight", "tuning-random-60")
    )
    free = [_START + timedelta(seconds=7 * track) for track in range(tracks)]
    names: dict[int, str] = {}
    for number in range(sweeps):
        round_, track = divmod(number, tracks)
        base, start = f"soak-{'abcdefgh'[track]}", free[track]
        given = longest if are_odd and (round_ + track) % 2 else {}
        if track % 2:
            made = loop.loop(base, start, jobs, noise, given)
            made = loop.with_job_made_anew(made, round_ % 2, noise) if are_odd else made
        else:
            former = names.get(track) if are_odd and round_ % 2 else None
            made = tuning.tuning_job(base, start, jobs, noise, given, former)
            names[track] = made.tuning_job or ""
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

    def loop(self, base: str, start: datetime, count: int, noise: random.Random, given: Line) -> Made:
        """Jobs that a loop starts, each under a name as the SDK makes it."""
        jobs, events, answers = [], [], []
        for number in range(count):
            created = start + timedelta(seconds=10 * number, milliseconds=noise.randrange(1000))
            name = f"{base}-{created:%Y-%m-%d-%H-%M-%S}-{created.microsecond // 1000:03d}"
            job, found, answer = self._job(
                name, created, "validation:error", noise, {}, given if number < _LONG else {}
            )
            jobs.append(job)
            events += found
            answers.append(answer)
        return Made(jobs, events, answers, max(datetime.fromisoformat(event["time"]) for event in events))

    def with_job_made_anew(self, made: Made, which: int, noise: random.Random) -> Made:
        """The loop with one of its jobs deleted after its end and recreated under the same name."""
        first = made.jobs[which]
        ended = max(datetime.fromisoformat(each["time"]) for each in made.events if _is_about(each, first.name))
        job, found, answer = self._job(first.name, ended + _BETWEEN_LIVES, "validation:error", noise, {}, {})
        jobs = [job if each is first else each for each in made.jobs]
        ends = max(made.ends, *(datetime.fromisoformat(each["time"]) for each in found))
        return replace(made, jobs=jobs, events=[*made.events, *found], ends=ends, recreated=[answer])

    def tuning_job(
        self, base: str, start: datetime, count: int, noise: random.Random, given: Line, former: str | None
    ) -> Made:
        """A tuning job with its children; `former` is the name of a deleted one that it is given."""
        name = former or f"{base}-{start:%y%m%d-%H%M}"
        arn = f"{_ARN}:hyper-parameter-tuning-job/{name}"
        jobs, events, answers = [], [], []
        for number in range(count):
            child = f"{name}-{number:03d}-{noise.randrange(16**8):08x}"
            created = start + timedelta(seconds=10 * number + 5)
            more = {"TuningJobArn": arn}
            job, found, answer = self._job(
                child, created, "validation:logloss", noise, more, given if number < _LONG else {}
            )
            jobs.append(job)
            events += found
            answers.append(answer)
        end = max(datetime.fromisoformat(event["time"]) for event in events) + timedelta(seconds=10)
        own = {"HyperParameterTuningJobName": name, "HyperParameterTuningJobArn": arn, "CreationTime": iso(start)}
        ended = {**own, "LastModifiedTime": iso(end), "HyperParameterTuningEndTime": iso(end)}
        begun = {**own, "LastModifiedTime": iso(start), "HyperParameterTuningEndTime": None}
        request = {"HyperParameterTuningJobName": name}
        own_answer = _answer("DescribeHyperParameterTuningJob", request, {**self.tuning, **ended})
        for status, moment, detail in (("InProgress", start, begun), ("Completed", end, ended)):
            changed = {**self.tuning_event["detail"], **detail, "HyperParameterTuningJobStatus": status}
            events.append({**self.tuning_event, "time": iso(moment), "detail": changed})
        if former is None:
            return Made(jobs, events, [*answers, own_answer], end, tuning_job=name)
        # Its children with it: a list of the former one's children does not tell of them.
        return Made(jobs, events, [], end, recreated=[own_answer, *answers], tuning_job=name)

    def _job(
        self, name: str, created: datetime, objective: str, noise: random.Random, more: Line, given: Line
    ) -> tuple[MadeJob, list[Line], Line]:
        ended = created + timedelta(seconds=noise.randint(60, 600))
        failed = noise.random() < 1 / 50
        status = "Failed" if failed else "Completed"
        recorded = [] if failed else self.described["FinalMetricDataList"]
        metrics = [{**each, "Value": noise.random()} for each in recorded]
        own = {"TrainingJobName": name, "TrainingJobArn": f"{_ARN}:training-job/{name}", **more}
        own |= {"CreationTime": iso(created), "SecondaryStatusTransitions": []}
        # What is searched: jobs of a loop that all have the same settings are no sweep.
        searched = {min(given): f"{noise.random():.6f}"} if given else {"eta": f"{noise.random():.6f}"}
        own["HyperParameters"] = {**(given or self.described["HyperParameters"]), **searched}
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


def _is_about(event: Line, name: str) -> bool:
    return bool(event["detail"].get("TrainingJobName") == name)


def _answer(operation: str, request: Line, response: Line) -> Line:
    return {"operation": operation, "request": request, "response": response}
