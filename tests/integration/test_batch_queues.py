"""Training jobs that come through a queue of AWS Batch: loops by submission, attempts that are one trial."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from tests.faults.wire import answer
from tests.launching import at, batch_name, launched, queued, tags, training
from tests.relocated import HERE, recording
from trialbook_cli import replaying
from trialbook_cli.laptop_cloud import LaptopCloud, Recording
from trialbook_cli.replaying import ReplayOutcome
from trialbook_cli.sagemaker_stand_in import SageMaker
from trialbook_cli.sagemaker_stand_in.request_validation import answer_problems

replay = partial(replaying.replay, without=("BuildReport", "PostSlack", "PostEmail"))
LOOP = recording("churn-min-child-weight")


def event_types(found: ReplayOutcome) -> list[str]:
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
    assert event_types(found).count("Sweep Finished") == 1


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


def described(name: str, submitted: float, scheduled: float, **given: str) -> dict[str, Any]:
    """What AWS Batch answers of a service job: what its events leave out."""
    response = {
        "jobId": name,
        "jobName": name,
        "jobArn": HERE.arn("batch", f"service-job/{name}"),
        "jobQueue": HERE.arn("batch", "job-queue/training"),
        "serviceJobType": "SAGEMAKER_TRAINING",
        "status": "SUCCEEDED",
        "startedAt": int(at(scheduled).timestamp() * 1000),
        "createdAt": int(at(submitted).timestamp() * 1000),
        "scheduledAt": int(at(scheduled).timestamp() * 1000),
        "tags": given,
    }
    assert answer_problems("DescribeServiceJob", response, "batch") == []
    return {"operation": "DescribeServiceJob", "request": {"jobId": name}, "response": response}


TAGGED = {"trialbook:experiment": "from-the-queue", "team": "growth"}


def test_a_service_jobs_tags_place_its_job_and_the_queue_holds_it_until_it_is_scheduled() -> None:
    name = batch_name("churn")
    answers = [training(name, 30, 40), tags(name, team="own"), described("churn", 0, 25, **TAGGED)]
    events = [queued("churn", [name], 0, 31), queued("churn", [name], 0, 41, "SUCCEEDED")]
    found = replay(launched(answers, events))
    (record,) = found.records

    assert record.experiment == "from-the-queue"
    assert record.job.tags == {"trialbook:experiment": "from-the-queue", "team": "own"}
    assert record.job.queued_seconds == 25 * 60
    assert found.calls["RecordJob", "batch", "DescribeServiceJob"] == 1


def test_a_sweeps_message_says_how_long_its_jobs_waited() -> None:
    names = [batch_name("churn", n) for n in range(2)]
    jobs = [training(name, 60 * n + 5, 60 * n + 20, {"eta": str(n)}) for n, name in enumerate(names)]
    events = [queued("churn", [name], 0, 60 * n + 6) for n, name in enumerate(names)]
    found = replaying.replay(launched(jobs, events), without=("PostEmail",))

    assert "1 h 10 min in all, at most 1 h 5 min" in json.dumps(found.slack.calls)


def down() -> AWSResponse:
    return answer(503, b"{}")


def refused() -> AWSResponse:
    return answer(403, b'{"__type": "AccessDeniedException", "message": "no"}')


@pytest.mark.parametrize("fault", [down, refused])
def test_a_service_job_that_batch_does_not_describe_is_known_from_its_events(fault: Callable[[], AWSResponse]) -> None:
    name = batch_name("churn")

    def prepare(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
        cloud.fault = lambda function, service, operation: fault() if service == "batch" else None

    found = replay(launched([training(name, 30, 40)], [queued("churn", [name], 10, 31)]), prepare=prepare)

    assert [(record.job.queue, record.job.queued_seconds) for record in found.records] == [("training", 20 * 60)]
    assert not any(found.dead_letters.values())
