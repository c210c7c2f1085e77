"""Training jobs that come through a queue of AWS Batch: loops by submission, attempts that are one trial."""

import json
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Any

import pytest

from tests.launching import at, launched, training
from tests.relocated import HERE, recording
from trialbook.core.times import iso
from trialbook_cli import replaying
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import ReplayOutcome

replay = partial(replaying.replay, without=("BuildReport", "PostSlack", "PostEmail"))
LOOP = recording("churn-min-child-weight")


def batch_name(name: str, number: object = "") -> str:
    """The name that a queue gives to a training job."""
    return f"AWSBatch{name}{sha256(f'{name}{number}'.encode()).hexdigest()[:32]}"


def queued(
    name: str,
    attempts: Sequence[str],
    submitted: float,
    now: float,
    status: str = "STARTING",
    kind: str = "SAGEMAKER_TRAINING",
) -> dict[str, Any]:
    """What a queue says at a minute of a service job that was submitted at another one."""
    start = HERE.arn("sagemaker", "training-job/")
    tried = [{"serviceResourceId": {"name": "TrainingJobArn", "value": start + each.lower()}} for each in attempts]
    job = HERE.arn("batch", f"service-job/{name}")
    return {
        "version": "0",
        "id": f"{name}-{status}-{now}",
        "detail-type": "Batch Service Job State Change",
        "source": "aws.batch",
        "account": HERE.id,
        "region": HERE.region,
        "time": iso(at(now)),
        "resources": [job],
        "detail": {
            "jobArn": job,
            "jobName": name,
            "jobQueue": HERE.arn("batch", "job-queue/training"),
            "serviceJobType": kind,
            "status": status,
            "createdAt": int(at(submitted).timestamp() * 1000),
            "attempts": tried[:-1] if status == "STARTING" else tried,
            "latestAttempt": tried[-1] if tried else None,
        },
    }


def told(found: ReplayOutcome) -> list[str]:
    return [event["detail-type"] for event in found.announced]


def sizes(found: ReplayOutcome) -> list[int]:
    return sorted(sweep.counts.jobs for sweep in found.sweeps if sweep.counts.jobs)


def renamed(recording: Recording) -> Recording:
    """The recording as if its jobs had come through a queue."""
    names = [each["request"]["TrainingJobName"] for each in recording.answers if "TrainingJobName" in each["request"]]

    def with_batch_names(given: Any) -> Any:
        text = json.dumps(given)
        for name in dict.fromkeys(names):
            text = text.replace(name, batch_name("churn-xgb", name))
        return json.loads(text)

    return Recording("queued", with_batch_names(recording.events), with_batch_names(recording.answers))


def test_a_loop_under_the_names_of_a_queue_is_one_sweep_of_one_experiment_with_one_message() -> None:
    found = replay(renamed(LOOP))

    assert sizes(found) == [5]
    assert {record.experiment for record in found.records} == {"churn-xgb"}
    assert told(found).count("Sweep Finished") == 1


def test_jobs_that_were_submitted_together_are_one_sweep_however_long_the_queue_held_them() -> None:
    names = [batch_name("churn", n) for n in range(3)]
    jobs = [training(name, 300 * n + 1, 300 * n + 20, {"eta": str(n)}) for n, name in enumerate(names)]
    events = [queued("churn", [name], n, 300 * n + 2) for n, name in enumerate(names)]
    found = replay(launched(jobs, events))
    waits = {record.job.name: record.job.queued_seconds for record in found.records}

    assert sizes(found) == [3]
    assert [waits[name] for name in names] == [60, 300 * 60, 599 * 60]
    assert {record.job.queue for record in found.records} == {"training"}
    assert found.dead_letters == {} or not any(found.dead_letters.values())


@pytest.mark.parametrize("minutes", [[3, 23, 43, 51], [64, 63, 62, 61], [62, 61, 64, 63]])
def test_three_attempts_are_one_trial_in_whatever_order_their_events_come_and_twice(minutes: list[int]) -> None:
    names = [batch_name("churn", n) for n in range(3)]
    failed: dict[str, Any] = {"status": "Failed", "FailureReason": "InternalServerError"}
    jobs = [
        training(name, 20 * n + 1, 20 * n + 10, {"eta": "0.1"}, **({} if n == 2 else failed))
        for n, name in enumerate(names)
    ]
    other = training(batch_name("churn", "other"), 5, 15, {"eta": "0.2"})
    first = [queued("churn", names[: n + 1], 0, minutes[n]) for n in range(3)]
    last = queued("churn", names, 0, minutes[3], "SUCCEEDED")
    events = [*first, first[1], last, last, queued("churn", [batch_name("churn", "other")], 0, 6)]
    found = replay(launched([*jobs, other], events))
    (sweep,) = [each for each in found.sweeps if each.counts.jobs]
    by_name = {record.job.name: record for record in found.records}

    assert (sweep.counts.completed, sweep.counts.failed) == (2, 0)
    assert [by_name[name].job.attempt for name in names] == [1, 2, 3]
    assert [by_name[name].job.retried_as for name in names] == [names[1], names[2], None]
    assert [by_name[name].sweep for name in names] == [None, None, sweep.id]


def test_service_jobs_without_a_training_job_of_sagemaker_pass_by() -> None:
    job = training(batch_name("churn"), 1, 10)
    events = [
        queued("empty", [], 0, 2, "FAILED"),
        queued("gone", [batch_name("gone")], 0, 3),
        queued("other", [batch_name("other")], 0, 4, kind="SOMETHING_ELSE"),
    ]
    found = replay(launched([job], events))

    assert [record.job.name for record in found.records] == [batch_name("churn")]
    assert not any(found.dead_letters.values())


def test_an_event_of_a_queue_that_overtakes_its_training_job_comes_again() -> None:
    name = batch_name("churn")
    found = replay(launched([training(name, 30, 40)], [queued("churn", [name], 10, 29)]))

    assert [record.job.queued_seconds for record in found.records] == [20 * 60]


def test_a_failed_attempt_is_reported_only_if_the_queue_does_not_try_again() -> None:
    """A queue tries a failed training again as another job. The failure of the first is no news then."""
    retried, final = [batch_name("retried", n) for n in range(2)], batch_name("final")
    failed: dict[str, Any] = {"status": "Failed", "FailureReason": "InternalServerError"}
    jobs = [
        training(retried[0], 1, 10, {"eta": "0.1"}, **failed),
        training(retried[1], 12, 30, {"eta": "0.1"}),
        training(final, 1, 10, {"eta": "0.1"}, **failed),
    ]
    events = [
        queued("retried", retried[:1], 0, 2),
        queued("retried", retried, 0, 13),
        queued("retried", retried, 0, 31, "SUCCEEDED"),
        queued("final", [final], 0, 2),
        queued("final", [final], 0, 11, "FAILED"),
    ]
    found = replay(launched(jobs, events))
    about = [(event["detail-type"], event["detail"]["job"]["job_name"]) for event in found.announced]

    assert sorted(about) == [("Job Failed", final), ("Job Finished", retried[1])]
