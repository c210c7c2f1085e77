"""The curves that capture_job keeps become the history of a run's metrics."""

from datetime import timedelta
from typing import Any

import pytest

from tests.launching import at
from tests.measuring import one_job
from tests.mlflow.stand_in import StandIn, serving
from tests.mlflow.test_write_mlflow import OTHERS, play
from trialbook.core.mlflow_runs import millis
from trialbook_cli.replaying import running

CAPTURING = tuple(each for each in OTHERS if each != "CaptureJob")
METRIC = "validation:accuracy"


def points(run: dict[str, Any]) -> list[tuple[int, float]]:
    return sorted((each["step"], each["value"]) for each in run["data"]["metrics"] if each["key"] == METRIC)


def test_a_run_ends_at_once_and_all_else_follows_with_its_curves_by_four_requests_in_all() -> None:
    recorded = one_job(
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://a/b"}}}]
    )
    with (
        serving(StandIn()) as mlflow,
        running(recorded, without=CAPTURING, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        for event in recorded.events:
            cloud.deliver(event)
        cloud.advance(at(40) + timedelta(seconds=60))
        (run,) = mlflow.active()
        assert (run["info"]["status"], run["data"]["metrics"]) == ("FINISHED", [])
        assert "lr = 0.1" in mlflow.tags(run)["mlflow.note.content"]

        cloud.finish()
        assert {each["key"] for each in run["data"]["params"]} == {"lr"}
        assert mlflow.tags(run)["sagemaker.status"] == "Completed"
        assert len(run["inputs"]["dataset_inputs"]) == 1
        assert points(run) == [(0, 0.5), (1, 0.7), (2, 0.8), (3, 0.85), (4, 0.9)]
        of_the_run = [path for _, path, _ in mlflow.requests if path.startswith("runs/")]
        assert sorted(of_the_run) == ["runs/create", "runs/log-batch", "runs/log-inputs", "runs/update"]
        assert {each["timestamp"] for each in run["data"]["metrics"]} == {millis(at(40))}


def test_why_a_job_failed_does_not_wait_for_its_curves() -> None:
    recorded = one_job("Failed", FailureReason="AlgorithmError: no such file")
    with (
        serving(StandIn()) as mlflow,
        running(recorded, without=CAPTURING, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        for event in recorded.events:
            cloud.deliver(event)
        cloud.advance(at(40) + timedelta(seconds=60))
        (run,) = mlflow.active()

        assert run["info"]["status"] == "FAILED"
        assert "no such file" in mlflow.tags(run)["trialbook.failure_reason"]
        assert {each["key"] for each in run["data"]["params"]} == {"lr"}
        cloud.finish()
        assert points(run)[-1][1] == 0.9


@pytest.mark.parametrize("without", ["CaptureJob", None])
def test_metrics_without_a_curve_are_written_anyway(without: str | None) -> None:
    """The function that keeps curves is broken, or none are kept."""
    recorded = one_job()
    given = {} if without else {"CaptureJobs": "off"}
    with (
        serving(StandIn()) as mlflow,
        running(recorded, without=OTHERS, parameters={"MlflowUrl": mlflow.url, **given}) as (cloud, _),
    ):
        play(cloud, recorded)
        (run,) = mlflow.active()

    assert points(run) == [(0, 0.9)]
