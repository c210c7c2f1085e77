"""What a soak is disturbed by beside its events: jobs that can't be described, services that hang, jobs that are made
recreated, and events that somebody else puts in the way of Trialbook's own; and what is left when the sweeps expire."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from trialbook.core.announcements import (
    BEST_TRIAL_CHANGED,
    JOB_FAILED,
    JOB_FINISHED,
    REPORT_READY,
    SWEEP_FINISHED,
    SWEEP_PROGRESSED,
    SWEEP_STARTED,
    TUNING_JOB_FAILED,
)
from trialbook.core.jobs import JobKind
from trialbook.core.sweeps import Sweep, SweepState
from trialbook.core.times import iso
from trialbook.runtime.aws_clients import READ
from trialbook_cli.laptop_cloud import LaptopCloud
from trialbook_cli.sagemaker_stand_in import ApiError, SageMaker, described_job
from trialbook_cli.slack_stand_in.errors import Hang
from trialbook_cli.slack_stand_in.workspace import Request

HANGS = 0.001  # of the calls, and as many are done though no answer comes
FORGED = 48  # events in the whole run
EXPIRE_DAYS = 7  # longer than what hangs is waited for
WAITS_AT_MOST = timedelta(minutes=45)  # in the record queue: a few deaths and calls that hang, each of six minutes
MARK = "forged"  # stands in all that is false
_QUEUES = {"SlackQueue": "SlackDeadLetters", "EmailQueue": "EmailDeadLetters", "ReportQueue": "ReportDeadLetters"}
_VALUE = -98_765.4321  # better than all
_ATTEMPTS = 20  # to let expire what is to: some runs die


@dataclass
class Trouble:
    """What is done beside the events, and how often. `undescribed` are the jobs whose Describe fails; the rest of a
    queue waits for none of them."""

    noise: random.Random
    undescribed: frozenset[str] = frozenset()
    recreated: list[tuple[datetime, Mapping[str, Any]]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    malformed: dict[str, set[str]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    waited: set[str] = field(default_factory=set)
    _passed: float = 0.0
    _called: dict[str, str] = field(default_factory=dict)  # last, by each function

    @contextmanager
    def into(self, cloud: LaptopCloud, sagemaker: SageMaker) -> Iterator[None]:
        """Calls hang for the block, and jobs are not described."""
        clock = time.monotonic

        def in_its_stead(function: str, service: str, operation: str) -> AWSResponse | None:
            if self.noise.random() < HANGS:
                self._hang(service)
                self.done["records of a mail that hung"] += self._called.get(function) == "SendEmail"
                raise ReadTimeoutError(endpoint_url=f"https://{service}")
            return None

        def before(method: str, request: Request) -> None:
            if self.noise.random() < HANGS:
                self._hang("slack")
                raise Hang

        def faults(operation: str, request: Mapping[str, Any]) -> None:
            if operation == "DescribeTrainingJob" and request["TrainingJobName"] in self.undescribed:
                self.done["Describe refused"] += 1
                raise ApiError("ValidationException", "1 validation error detected: nobody expects it")

        cloud.fault, cloud.slack.before, sagemaker.faults = in_its_stead, before, faults
        cloud.on_error = lambda function, error: self.failed.update({function: 1})
        with patch("time.monotonic", lambda: clock() + self._passed):
            yield

    def lose_answer(self, function: str, service: str, operation: str) -> None:
        """A call was done, and hangs all the same; SES's is left out, as it can't be asked what it took."""
        self._called[function] = operation
        if operation != "SendEmail" and self.noise.random() < HANGS:
            self._hang(service)
            raise ReadTimeoutError(endpoint_url=f"https://{service}")

    def _hang(self, service: str) -> None:
        """The time passes in which nothing comes, without anybody waiting for it."""
        self._passed += READ
        self.done["calls that hung"] += 1
        self.done[f"calls of {service} that hung"] += 1

    def make_anew(self, sagemaker: SageMaker, now: datetime) -> None:
        """What was to be deleted by now is, and its name given to another."""
        while self.recreated and self.recreated[0][0] <= now:
            kind, final = described_job(self.recreated.pop(0)[1])
            if final[kind.facts.fields.name] in sagemaker.jobs[kind]:
                sagemaker.remove(kind, final[kind.facts.fields.name])
                self.done["tuning jobs recreated" if kind is JobKind.TUNING else "jobs recreated"] += 1
            sagemaker.add(kind, final)

    def look(self, cloud: LaptopCloud) -> None:
        """Notes which events have waited for too long, but for those of the jobs that were made to fail."""
        before = (cloud.now - WAITS_AT_MOST).timestamp() * 1000
        for message in cloud.queues.messages("RecordQueue"):
            if message.sent_timestamp < before and not self._is_undescribed(message.body):
                self.waited.add(message.body)

    def _is_undescribed(self, body: str) -> bool:
        """Whether it is an event of a job that was made to fail."""
        return any(name in body for name in self.undescribed)

    def forge(self, cloud: LaptopCloud) -> None:
        """Somebody else's event comes before each function that tells of events."""
        number = self.done["forged events"]
        self.done["forged events"] += 1
        sweeps = list(cloud.ledger.sweeps())
        sweep = self.noise.choice(sweeps) if sweeps else None
        names = [each.job.name for each in cloud.ledger.ranking(sweep.id) if each.value is not None] if sweep else []
        for queue, letters in _QUEUES.items():
            is_malformed = number % 3 == 0
            if is_malformed:
                body = malformed(number // 3, cloud.now)
            else:
                body = forged(number - number // 3 - 1, sweep.id if sweep else MARK, names or [MARK], cloud.now)
            if is_malformed or (queue == "ReportQueue" and body["detail-type"] != SWEEP_FINISHED):
                self.malformed.setdefault(letters, set()).add(json.dumps(body))
            cloud.put_message(queue, body)

    def wrong(self, dead_letters: Mapping[str, Sequence[str]]) -> dict[str, int]:
        """What was in the way of others; all have to be 0."""
        found = {(name, body) for name, bodies in dead_letters.items() for body in bodies}
        wanted = {(name, body) for name, bodies in self.malformed.items() for body in bodies}
        others = [
            body for name, body in found - wanted if name != "RecordDeadLetters" or not self._is_undescribed(body)
        ]
        return {
            "malformed events that are in no dead-letter queue": len(wanted - found),
            "messages in dead-letter queues": len(others),
            "events that waited too long": len(self.waited),
        }


def forged(number: int, sweep: str, names: Sequence[str], now: datetime) -> dict[str, Any]:
    """An event like one of Trialbook's own that says what is not so, of a sweep with jobs of these names, best first."""
    here = {"account": "123456789012", "region": "us-east-1", "kind": "TrainingJob"}
    objective = {"metric": MARK, "type": "Maximize", "source": "rules"}
    about = {"sweep": sweep, "experiment": MARK, "state": "closed", "revision": 99, "objective": objective}
    about |= {"counts": {"completed": 4711, "failed": 4711, "stopped": 0, "in_progress": 0}, "supersedes": [MARK]}
    about["best"] = {"job_name": MARK, "value": _VALUE, "hyper_parameters": {MARK: MARK}}
    best, worst = ({"job_name": each, "value": 1.0, "hyper_parameters": {MARK: MARK}} for each in (names[0], names[-1]))
    report = {"bucket": MARK, "page": MARK, "picture": MARK, "data": MARK, "headline": MARK, "alt_text": MARK}
    details: tuple[tuple[str, dict[str, Any]], ...] = (
        (BEST_TRIAL_CHANGED, {"sweep": about, "old": best, "new": about["best"], "margin": 99.0}),
        (BEST_TRIAL_CHANGED, {"sweep": about, "old": best, "new": {**worst, "value": _VALUE}, "margin": 9.0}),
        (SWEEP_FINISHED, {"sweep": about}),
        (SWEEP_FINISHED, {"sweep": {**about, "sweep": MARK}}),
        (SWEEP_PROGRESSED, {"sweep": about}),
        (SWEEP_STARTED, {"sweep": {**about, "sweep": f"{MARK}-sweep"}}),
        (TUNING_JOB_FAILED, {"sweep": about, "failure_reason": MARK}),
        (JOB_FAILED, {"job": {**here, "job_name": MARK, "experiment": MARK}, "failure_reason": MARK}),
        (JOB_FINISHED, {"job": {**here, "job_name": names[-1]}, "objective": objective, "value": _VALUE}),
        (REPORT_READY, {"sweep": about, "report": {**report, "revision": 99}}),
    )
    kind, detail = details[number % len(details)]
    return _envelope(kind, {"id": f"{MARK}/{number}", **detail}, now)


def malformed(number: int, now: datetime) -> dict[str, Any]:
    """An event that is none of Trialbook's."""
    bodies = (
        ("Forged", {"id": MARK}),
        (SWEEP_FINISHED, [MARK]),
        (SWEEP_FINISHED, {"id": MARK, "sweep": {"sweep": 4711}}),
        (SWEEP_FINISHED, {"id": MARK, "sweep": MARK}),
    )
    kind, detail = bodies[number % len(bodies)]
    return {**_envelope(kind, detail, now), "id": f"{MARK}-{number}"}


def _envelope(kind: str, detail: Any, now: datetime) -> dict[str, Any]:
    return {
        "version": "0",
        "id": MARK,
        "detail-type": kind,
        "source": "trialbook",
        "account": "123456789012",
        "time": iso(now),
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }


def wrongly_expired(cloud: LaptopCloud) -> dict[str, int]:
    """Lets the older half of the sweeps expire, then the rest; how much stays or goes that should not. All are 0."""
    closed = {sweep.id: sweep.closed_at for sweep in _standing(cloud) if sweep.closed_at is not None}
    moments = sorted(closed.values())
    wrong: Counter[str] = Counter()
    for last in (moments[len(moments) // 2], moments[-1]):
        until = last + timedelta(days=EXPIRE_DAYS, seconds=1)
        cloud.advance(until)
        for _ in range(_ATTEMPTS):
            cloud._run("CloseSweeps")
            left = {sweep.id: sweep for sweep in _standing(cloud)}
            if all((sweep.closed_at or last) > last for sweep in left.values()):
                break
        stays = {each for each, moment in closed.items() if moment > last}
        records = [each for each in cloud.ledger.jobs() if each.key.kind.value == "TrainingJob"]
        jobs = Counter(each.sweep for each in records)
        wrong["sweeps that expired too early"] += len(stays - left.keys())
        wrong["sweeps that stay though they expired"] += len(left.keys() - stays)
        wrong["jobs without their sweep"] += sum(each.sweep not in left for each in records)
        wrong["sweeps without their jobs"] += sum(jobs[each.id] != each.counts.jobs for each in left.values())
    return dict(wrong)


def _standing(cloud: LaptopCloud) -> list[Sweep]:
    return [
        each for each in cloud.ledger.all_sweeps() if each.superseded_by is None and each.state is SweepState.CLOSED
    ]
