"""capture_job: what is known of a job that ended stands beside the reports; secrets do not."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.faults.wire import answer
from tests.launching import at, launched, training
from tests.measuring import curve, line, minutes, one_job, with_measurements
from tests.relocated import HERE
from trialbook.core import report_keys
from trialbook.core.curves.series import Axis, JobCurves
from trialbook.core.curves.stored import from_bytes, log_from_bytes
from trialbook.core.jobs import JobKey, JobKind
from trialbook_cli import replaying
from trialbook_cli.laptop_cloud import LaptopCloud, ProcessDied, Recording
from trialbook_cli.sagemaker_stand_in import SageMaker

ALONE = ("BuildReport", "PostSlack", "PostEmail", "PostBestTrials", "AttachJob", "Reconcile")
KEY = JobKey(HERE.id, HERE.region, JobKind.TRAINING, "resnet")
FOLDER = report_keys.of_job(KEY)
HF = "hf_" + "abcdefghijklmnopqrstuvwxyz"
REASON = "AlgorithmError: ValueError: no column"


@contextmanager
def captured(
    recording: Recording, prepare: Callable[[LaptopCloud], None] = lambda cloud: None
) -> Iterator[LaptopCloud]:
    with replaying.running(recording, without=ALONE) as (cloud, _):
        prepare(cloud)
        for event in recording.events:
            cloud.deliver(event)
        cloud.finish()
        yield cloud


def stored(cloud: LaptopCloud) -> dict[str, bytes]:
    return dict(cloud.stored())


def curves_of(cloud: LaptopCloud) -> JobCurves:
    return from_bytes(stored(cloud)[f"{FOLDER}/{report_keys.CURVES}"])


def asked(cloud: LaptopCloud) -> dict[str, int]:
    services = ("sagemaker-metrics", "cloudwatch", "logs")
    return {operation: number for (_, service, operation), number in cloud.calls.items() if service in services}


def test_the_curves_of_a_job_that_ended_are_kept_by_two_calls() -> None:
    with captured(one_job()) as cloud:
        found = curves_of(cloud)
        calls, keys, dead = asked(cloud), set(stored(cloud)), cloud.dead_letters()

    accuracy = found.metrics["validation:accuracy"]
    assert (accuracy.axis, accuracy.values) == (Axis.ITERATION, (0.5, 0.7, 0.8, 0.85, 0.9))
    assert set(found.hosts["algo-1"]) == {"CPUUtilization", "MemoryUtilization"}
    assert len(found.hosts["algo-1"]["CPUUtilization"].xs) == 30
    assert calls == {"BatchGetMetrics": 1, "GetMetricData": 1}
    assert keys == {f"{FOLDER}/{report_keys.CURVES}"}  # no log: it did not fail
    assert not any(dead.values())


@pytest.mark.parametrize(("machine", "number"), [("ml.m5.xlarge", 3), ("ml.g5.xlarge", 5), ("ml.new1.xlarge", 5)])
def test_cloudwatch_is_asked_for_gpus_only_if_the_machine_may_have_them(machine: str, number: int) -> None:
    wanted: list[str] = []

    def watch(cloud: LaptopCloud) -> None:
        cloud.before_call = lambda _, service, operation, request: wanted.extend(
            each["MetricStat"]["Metric"]["MetricName"] for each in request.get("MetricDataQueries", ())
        )

    with captured(one_job(instance=machine), watch) as cloud:
        assert set(curves_of(cloud).hosts["algo-1"]) == {"CPUUtilization", "MemoryUtilization"}

    assert len(wanted) == number
    assert any(name.startswith("GPU") for name in wanted) == (number == 5)


def test_the_log_of_a_job_that_failed_is_kept_by_three_calls_and_without_secrets() -> None:
    log = [f"epoch {number}" for number in range(400)] + [
        f"\x1b[31mloading with {HF}\x1b[0m",
        "opening with correct-horse-battery",
        "ValueError: no column",
    ]
    given = {"db_password": "correct-horse-battery"}
    with captured(one_job("Failed", log, FailureReason=REASON, HyperParameters=given)) as cloud:
        text = log_from_bytes(stored(cloud)[f"{FOLDER}/{report_keys.LOG}"])
        found, calls = curves_of(cloud), asked(cloud)

    assert text.endswith("ValueError: no column")
    assert "loading with [masked:" in text
    assert HF not in text
    assert "correct-horse" not in text
    assert "\x1b" not in text
    assert len(text.encode()) <= 2_048
    assert found.metrics["validation:accuracy"].axis is Axis.TIME
    assert set(found.hosts) == {"algo-1"}
    assert calls == {"DescribeLogStreams": 1, "GetLogEvents": 1, "GetMetricData": 1}


def test_the_log_is_there_before_the_failure_is_announced() -> None:
    with replaying.running(one_job("Failed", ["the end"], FailureReason=REASON), without=ALONE) as (cloud, _):
        recording = one_job("Failed", ["the end"], FailureReason=REASON)
        for event in recording.events:
            cloud.deliver(event)
        assert f"{FOLDER}/{report_keys.LOG}" in stored(cloud)
        assert [each["detail-type"] for each in cloud.announced()] == []


def test_a_job_that_failed_before_it_ran_has_no_log_and_nothing_is_missed() -> None:
    described = training("resnet", 0, 4, status="Failed", FailureReason="CapacityError: no machine")
    with captured(with_measurements(launched([described]), line("other", {}))) as cloud:
        assert stored(cloud) == {}
        assert asked(cloud) == {"DescribeLogStreams": 2, "GetMetricData": 1}
        assert not any(cloud.dead_letters().values())


def test_metrics_that_only_the_record_names_are_kept_too() -> None:
    """A script may report metrics by itself, without a definition."""
    fields: dict[str, Any] = {
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "FinalMetricDataList": [
            {"MetricName": "own:loss", "Value": 0.1, "Timestamp": "2026-11-20T09:40:00Z"},
            {"MetricName": "ObjectiveMetric", "Value": 0.1, "Timestamp": "2026-11-20T09:40:00Z"},
        ],
    }
    described = training("resnet", 0, 40, **fields)
    found = line("resnet", {"own:loss": curve([1, 0.1], 10, 40), "ObjectiveMetric": curve([1, 0.1], 10, 40)})
    with captured(with_measurements(launched([described]), found)) as cloud:
        assert set(curves_of(cloud).metrics) == {"own:loss"}


def test_without_iterations_in_sagemaker_the_metrics_of_cloudwatch_are_kept() -> None:
    def refuse(cloud: LaptopCloud) -> None:
        denied = json.dumps({"__type": "AccessDeniedException", "message": "no"}).encode()
        cloud.fault = lambda by, service, operation: answer(403, denied) if service == "sagemaker-metrics" else None

    with captured(one_job(), refuse) as cloud:
        assert curves_of(cloud).metrics["validation:accuracy"].axis is Axis.TIME
        assert not any(cloud.dead_letters().values())


@pytest.mark.parametrize("service", ["cloudwatch", "cloudwatch-logs"])
def test_refused_values_are_left_out_and_the_rest_is_kept(service: str) -> None:
    def refuse(cloud: LaptopCloud) -> None:
        denied = json.dumps({"__type": "AccessDeniedException", "message": "no"}).encode()
        cloud.fault = lambda by, asked_for, operation: answer(403, denied) if asked_for == service else None

    with captured(one_job("Failed", ["the end"], FailureReason=REASON), refuse) as cloud:
        kept = {key.rpartition("/")[2] for key in stored(cloud)}
        assert kept == {report_keys.LOG if service == "cloudwatch" else report_keys.CURVES}
        assert not any(cloud.dead_letters().values())


def test_a_service_that_is_busy_for_a_while_is_asked_again() -> None:
    def busy(cloud: LaptopCloud) -> None:
        throttled = json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode()
        until = at(50)
        cloud.fault = lambda by, service, operation: (
            answer(400, throttled) if service in ("cloudwatch", "cloudwatch-logs") and cloud.now < until else None
        )

    with captured(one_job("Failed", ["the end"], FailureReason=REASON), busy) as cloud:
        assert {key.rpartition("/")[2] for key in stored(cloud)} == {report_keys.LOG, report_keys.CURVES}
        assert not any(cloud.dead_letters().values())


def test_a_service_that_stays_busy_costs_its_part_and_no_dead_letter() -> None:
    def busy(cloud: LaptopCloud) -> None:
        throttled = json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode()
        cloud.fault = lambda by, service, operation: answer(400, throttled) if service == "cloudwatch" else None

    with captured(one_job(), busy) as cloud:
        found = curves_of(cloud)
        assert (set(found.metrics), found.hosts) == ({"validation:accuracy"}, {})
        assert not any(cloud.dead_letters().values())


def test_a_death_after_any_call_and_a_repeated_event_leave_the_same() -> None:
    recording = one_job("Failed", ["the end"], FailureReason=REASON)
    with captured(recording) as cloud:
        expected = stored(cloud)
    made = ("DescribeLogStreams", "GetLogEvents", "PutObject", "GetMetricData")
    for deadly in made:
        left = {deadly}

        def die(cloud: LaptopCloud, left: set[str] = left) -> None:
            def after(function: str, service: str, operation: str) -> None:
                if function == "CaptureJob" and operation in left:
                    left.remove(operation)
                    raise ProcessDied

            cloud.after_call = after

        with captured(replace(recording, events=[*recording.events, recording.events[-1]]), die) as cloud:
            assert cloud.died == 1
            assert stored(cloud) == expected, deadly


def test_two_jobs_of_the_same_name_in_two_places_are_separate() -> None:
    other = JobKey("210987654321", "us-east-1", JobKind.TRAINING, "resnet")

    assert report_keys.of_job(other) != FOLDER
    assert report_keys.of_job(JobKey("1", "us-east-1", JobKind.TRAINING, "../../reports")).count("/") == 3


def test_a_message_that_is_no_end_of_a_training_job_goes_to_the_dead_letters_or_passes() -> None:
    with replaying.running(one_job(), without=ALONE) as (cloud, _):
        for name in ("processing-completed", "training-starting"):
            cloud.put_message("CaptureQueue", json.loads((ROOT / f"events/{name}.json").read_text()))
        cloud.put_message("CaptureQueue", {"detail-type": "nonsense"})
        cloud.finish()
        dead = cloud.dead_letters()["CaptureDeadLetters"]

    assert len(dead) == 2


def test_points_of_a_long_training_are_thinned_and_the_file_says_so() -> None:
    values = [1 / (1 + number) for number in range(9_000)]
    values[4_321] = 7.0
    shown = line(
        "resnet", {"validation:accuracy": curve(values, 10, 40)}, algo_1={"CPUUtilization": minutes(1, 10, 40)}
    )
    with captured(with_measurements(launched([training("resnet", 0, 40)]), shown)) as cloud:
        found = curves_of(cloud).metrics["validation:accuracy"]

    assert (found.measured, len(found.xs) <= 2_000, 7.0 in found.values) == (9_000, True, True)


def test_a_replay_without_measurements_captures_nothing() -> None:
    with replaying.running(launched([training("resnet", 0, 40)])) as (cloud, _):
        assert "CaptureJob" not in cloud.functions


def test_a_job_that_ended_without_an_event_is_captured_when_reconcile_finds_it() -> None:
    recording = one_job()
    with replaying.running(recording, without=[each for each in ALONE if each != "Reconcile"]) as (cloud, _):
        cloud.deliver(recording.events[0])
        cloud.advance(at(300))
        cloud.finish()
        found, dead = curves_of(cloud), cloud.dead_letters()

    assert found.metrics["validation:accuracy"].values == (0.5, 0.7, 0.8, 0.85, 0.9)
    assert set(found.hosts) == {"algo-1"}
    assert not any(dead.values())


def test_captures_do_not_change_when_a_replay_announces_what() -> None:
    """The larger one is captured a moment before the smaller one is announced as finished."""
    ends = {"small": 9.0, "large": 16.8}
    recording = launched([training(name, number, end) for number, (name, end) in enumerate(ends.items())])
    lines = [line(name, {"validation:accuracy": curve([0.5, 0.9], 1, end)}) for name, end in ends.items()]
    announced = [announcements(each) for each in (recording, with_measurements(recording, *lines))]

    assert announced[0] == announced[1]
    assert len(announced[0]) > 1


def announcements(recording: Recording) -> list[tuple[datetime, str]]:
    """When each batch of events was announced, and what they were."""
    found = []

    def prepare(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
        def before_call(by: str, service: str, operation: str, request: Mapping[str, Any]) -> None:
            if operation == "PutEvents":
                found.append((cloud.now, " ".join(each["DetailType"] for each in request["Entries"])))

        cloud.before_call = before_call

    replaying.replay(recording, prepare=prepare, without=ALONE)
    return found
