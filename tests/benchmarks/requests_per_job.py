"""Requests to AWS in a job's life, counted in whole replays of the recordings, the ledger in AWS's DynamoDB Local: a loop of
five jobs, and a tuning job of sixty. For comparison, counted against the same stand-in, a tracker without a ledger, which on
each event describes the tuning job and all of its children."""

from collections import Counter
from datetime import UTC, datetime

from tests.benchmarks.many_children import TUNING_JOB, many_children
from tests.benchmarks.page import table
from tests.conftest import RECORDINGS
from tests.integration.conftest import running_dynamodb_local
from trialbook_cli.laptop_cloud import read_recording
from trialbook_cli.replaying import ReplayOutcome, replay
from trialbook_cli.sagemaker_stand_in import Account, from_recording

TITLE = "Requests of a job, and of a sweep"
NAMES = ("churn-min-child-weight", "tuning-random-60")
SIZES = (60, 750)


def measure() -> str:
    """The recordings' requests by function and operation, then the comparison."""
    with running_dynamodb_local() as url:
        outcomes = [replay(read_recording(RECORDINGS / name), dynamodb_url=url) for name in NAMES]
    counted = [per_job(outcome) for outcome in outcomes]
    keys = sorted({key for each in counted for key in each})
    heads = [f"{name}, of {len(outcome.records)} jobs" for name, outcome in zip(NAMES, outcomes, strict=True)]
    by_operation = table(
        ["function", "service", "operation", *heads],
        [[*key, *(each.get(key, 0.0) for each in counted)] for key in keys],
    )
    compared = table(
        ["children", "SageMaker calls, Trialbook", "SageMaker calls, describing all on each event"],
        [[size, 3 * size + 5, calls_of_describing_all(size)] for size in SIZES],
    )
    return f"Requests divided by jobs:\n\n{by_operation}\n\n{compared}"


def per_job(outcome: ReplayOutcome) -> dict[tuple[str, str, str], float]:
    """Requests by function, service and operation, divided by jobs."""
    return {key: round(number / len(outcome.records), 2) for key, number in outcome.calls.items()}


def calls_of_describing_all(children: int) -> int:
    """For each first and last event: describe the tuning job, list its children, and describe each."""
    recording = many_children(children)
    moment = [datetime(2026, 11, 21, 9, tzinfo=UTC)]
    sagemaker = from_recording(recording.answers, Account(), lambda: moment[0])
    counted: Counter[str] = Counter()
    for event in recording.events:
        moment[0] = max(moment[0], datetime.fromisoformat(event["time"]))
        counted["DescribeHyperParameterTuningJob"] += 1
        token: dict[str, str] = {}
        while True:
            request = {"HyperParameterTuningJobName": TUNING_JOB, "MaxResults": 100, **token}
            listed = sagemaker.call("ListTrainingJobsForHyperParameterTuningJob", request)
            counted["ListTrainingJobsForHyperParameterTuningJob"] += 1
            # Each would be described; the answers are of no interest, and 750 x 1,500 take hours.
            counted["DescribeTrainingJob"] += len(listed["TrainingJobSummaries"])
            if "NextToken" not in listed:
                break
            token = {"NextToken": listed["NextToken"]}
    return counted.total()
