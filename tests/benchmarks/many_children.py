"""A tuning job of any size, made of recorded ones."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import RECORDINGS
from trialbook.core.times import iso
from trialbook_cli.laptop_cloud import Recording, read_recording

TUNING_JOB = "bench-261121-0900"


def many_children(count: int) -> Recording:
    """A tuning job with as many children, each like one of the recorded ones, six a minute."""
    recorded = read_recording(RECORDINGS / "tuning-random-60")
    describes = [a["response"] for a in recorded.answers if a["operation"] == "DescribeTrainingJob"]
    tuning = next(a["response"] for a in recorded.answers if a["operation"] == "DescribeHyperParameterTuningJob")
    completed = next(each for each in describes if each["TrainingJobStatus"] == "Completed")
    event = next(e for e in recorded.events if e["detail"].get("SecondaryStatus") == "Completed")
    envelope = {key: value for key, value in event.items() if key != "detail"}
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/{TUNING_JOB}"
    noise = random.Random(1)
    start = datetime(2026, 11, 21, 9, tzinfo=UTC)
    found: list[tuple[datetime, dict[str, Any]]] = []
    answers: list[dict[str, Any]] = []
    for number in range(count):
        created = start + timedelta(seconds=10 * number)
        ended = created + timedelta(seconds=60)
        name = f"{TUNING_JOB}-{number:05d}-{number:08x}"
        metrics = [{**each, "Value": noise.random()} for each in completed["FinalMetricDataList"]]
        times = {
            "CreationTime": iso(created),
            "TrainingStartTime": iso(created),
            "TrainingEndTime": iso(ended),
            "LastModifiedTime": iso(ended),
        }
        own = {
            "TrainingJobName": name,
            "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
            "TuningJobArn": arn,
        }
        final = {**completed, **own, **times, "FinalMetricDataList": metrics, "SecondaryStatusTransitions": []}
        answers.append({"operation": "DescribeTrainingJob", "request": {"TrainingJobName": name}, "response": final})
        detail = {**event["detail"], **own, **times, "SecondaryStatusTransitions": []}
        begin = {
            **detail,
            "TrainingJobStatus": "InProgress",
            "SecondaryStatus": "Starting",
            "TrainingEndTime": None,
            "LastModifiedTime": iso(created),
        }
        found += [
            (created, {**envelope, "time": iso(created), "detail": begin}),
            (ended, {**envelope, "time": iso(ended), "detail": detail}),
        ]
    end = start + timedelta(seconds=10 * count + 120)
    own = {
        "HyperParameterTuningJobName": TUNING_JOB,
        "HyperParameterTuningJobArn": arn,
        "CreationTime": iso(start),
        "LastModifiedTime": iso(end),
        "HyperParameterTuningEndTime": iso(end),
    }
    answers.append(
        {
            "operation": "DescribeHyperParameterTuningJob",
            "request": {"HyperParameterTuningJobName": TUNING_JOB},
            "response": {**tuning, **own},
        }
    )
    pattern = next(e for e in recorded.events if "HyperParameter Tuning" in e["detail-type"])
    for status, moment in (("InProgress", start), ("Completed", end)):
        changed: dict[str, Any] = {
            "LastModifiedTime": iso(moment),
            "HyperParameterTuningEndTime": None if status == "InProgress" else iso(end),
        }
        detail = {**pattern["detail"], **own, **changed, "HyperParameterTuningJobStatus": status}
        found.append((moment, {**pattern, "time": iso(moment), "detail": detail}))
    return Recording(f"{count} children", [event for _, event in sorted(found, key=lambda each: each[0])], answers)
