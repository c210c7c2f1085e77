"""Servers as other people run them: older, behind proxies, with names of their own."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.test_replay import few
from tests.launching import at, launched, tags, training
from tests.measuring import curve, line, with_measurements
from tests.mlflow.stand_in import Refusal, StandIn, serving
from tests.mlflow.test_write_mlflow import ONE, OTHERS, parents, play, standing
from trialbook.core.times import iso
from trialbook_cli.replaying import running

FINAL = [
    {"MetricName": name, "Value": value, "Timestamp": iso(at(5))}
    for name, value in (("validation:error", 0.5), ("validation_error", 0.25), ("auc@5", 0.75))
]


def refusing_colons(path: str, body: Any) -> None:
    """A server before 2.16, or one on Windows."""
    names = [each["key"] for kind in ("params", "metrics", "tags") for each in body.get(kind, ())]
    if any(":" in name for name in names):
        raise Refusal(400, "INVALID_PARAMETER_VALUE")


def one_job(mlflow: StandIn, rules: str | None = None, **own_tags: str) -> dict[str, Any]:
    """The run of a job that was written to a server."""
    answers = [training(ONE, 0, 5, {"lr": "0.1"}, FinalMetricDataList=FINAL), tags(ONE, **own_tags)]
    recorded = launched(answers)
    with running(recorded, without=OTHERS, rules=rules, parameters={"MlflowUrl": mlflow.url}) as (cloud, _):
        play(cloud, recorded)
        standing(mlflow, cloud)
    (run,) = mlflow.active()
    return run


def test_a_server_that_takes_no_colons_gets_other_names_which_a_tag_lists() -> None:
    with serving(StandIn()) as mlflow:
        mlflow.before = refusing_colons
        run = one_job(mlflow, **{"cost:center": "7"})
    values = {each["key"]: each["value"] for each in run["data"]["metrics"] if ".m" not in each["key"]}
    noted = mlflow.tags(run)
    renamed = json.loads(noted["trialbook.renamed_metrics"])

    assert values == {"validation_error": 0.25, "validation_error_2": 0.5, "auc_at_5": 0.75}
    assert {new: renamed[new] for new in renamed.keys() & values.keys()} == {
        "auc_at_5": "auc@5",
        "validation_error_2": "validation:error",
    }
    assert noted["sagemaker.tags.cost_center"] == "7"
    assert {each["key"] for each in run["data"]["params"]} == {"lr"}


def test_the_curve_of_the_best_goes_to_a_server_that_takes_no_colons() -> None:
    whole = few(2)
    with (
        serving(StandIn()) as mlflow,
        running(whole, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        mlflow.before = refusing_colons
        play(cloud, whole)
        standing(mlflow, cloud)
        (parent,) = parents(mlflow)
        refused = sum(path == "runs/log-batch" for _, path, _ in mlflow.requests)

    assert {each["key"] for each in parent["data"]["metrics"]} == {"best.validation_error"}
    assert refused <= 2 * 3 + 2  # it is refused once, and known from then on


def test_a_proxy_that_takes_small_requests_alone_gets_all_the_same() -> None:
    def too_large(path: str, body: Any) -> None:
        if path == "runs/log-batch" and len(json.dumps(body)) > 9_000:
            raise Refusal(413, "")

    given = {f"layer_{number}": "x" * 2_000 for number in range(40)}
    recorded = launched([training(ONE, 0, 5, given, FinalMetricDataList=FINAL)])
    with (
        serving(StandIn()) as mlflow,
        running(recorded, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        mlflow.before = too_large
        play(cloud, recorded)
        standing(mlflow, cloud)
        (run,) = mlflow.active()

    assert {each["key"]: each["value"] for each in run["data"]["params"]} == given
    assert {"validation:error", "validation_error", "auc_at_5"} <= {each["key"] for each in run["data"]["metrics"]}


def path_alone(path: str, body: Any) -> None:
    """Databricks: an experiment is a file in a folder."""
    if path == "experiments/create" and not body["name"].startswith("/Shared/"):
        raise Refusal(400, "INVALID_PARAMETER_VALUE")


def test_experiments_go_to_a_folder_of_databricks_by_a_prefix() -> None:
    with serving(StandIn()) as mlflow:
        mlflow.before = path_alone
        one_job(mlflow, "mlflow: {prefix: /Shared/}")

        assert [each["name"] for each in mlflow.experiments.values()] == ["/Shared/net"]


def refused_for(before: Callable[[str, Any], None]) -> set[str]:
    """Why a job's run was not written, as the function's metric has it."""
    recorded = launched([training(ONE, 0, 5, {"lr": "0.1"})])
    printed: list[str] = []
    with (
        serving(StandIn()) as mlflow,
        running(recorded, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        mlflow.before = before
        cloud.functions["WriteMlflow"].printed = printed.append
        for event in recorded.events:
            cloud.deliver(event)
        cloud.advance(cloud.now + timedelta(minutes=1))
    lines = [json.loads(line) for each in printed for line in each.splitlines() if line.startswith("{")]
    return {each["reason"] for each in lines if "reason" in each and "_aws" in each}


def test_a_name_that_an_experiment_can_not_have_is_the_reason() -> None:
    assert refused_for(path_alone) == {"experiment_refused"}


def test_an_experiment_that_was_restored_gets_the_runs_that_follow() -> None:
    """With its runs: those that it has, and those that were refused while it was deleted."""
    whole = few(3)
    with (
        serving(StandIn()) as mlflow,
        running(whole, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        first, *others = whole.events
        cloud.deliver(first)
        cloud.advance(cloud.now.replace(second=59))
        (experiment,) = mlflow.experiments.values()
        (run,) = mlflow.active()
        experiment["lifecycle_stage"] = "deleted"
        run["info"]["lifecycle_stage"] = "deleted"
        for event in others[: len(others) // 2]:
            cloud.deliver(event)
        cloud.advance(cloud.now.replace(second=59))
        experiment["lifecycle_stage"] = run["info"]["lifecycle_stage"] = "active"
        for event in others[len(others) // 2 :]:
            cloud.deliver(event)
        cloud.finish()

        standing(mlflow, cloud)


def written(mlflow: StandIn) -> None:
    """A loop of two jobs, to its end and a day beyond, in which nothing more is asked for."""
    whole = few(2)
    with running(whole, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _):
        play(cloud, whole)
        standing(mlflow, cloud)
        asked = len(mlflow.requests)
        cloud.advance(cloud.now + timedelta(days=1))

        assert len(mlflow.requests) == asked


@pytest.mark.parametrize(
    "root",
    [
        "http://artifacts-server:5500/api/2.0/mlflow-artifacts/artifacts/experiments",
        "mlflow-artifacts://mlflow.example.com:8080/experiments",
        "mlflow-artifacts:/experiments",
    ],
)
def test_files_lie_where_the_servers_pages_look_for_them_whatever_host_the_root_names(root: str) -> None:
    with serving(StandIn(root)) as mlflow:
        written(mlflow)
        (parent,) = parents(mlflow)
        run = parent["info"]
        where = f"/api/2.0/mlflow-artifacts/artifacts/experiments/{run['experiment_id']}/{run['run_id']}/artifacts"

    assert set(mlflow.files) == {f"{where}/report.html", f"{where}/chart.png"}


def test_a_server_that_keeps_no_artifacts_gets_all_else_and_is_not_asked_for_ever() -> None:
    with serving(StandIn()) as mlflow:
        mlflow.keeps_files = False
        written(mlflow)

    assert not mlflow.files


def test_a_long_curve_goes_to_a_server_that_takes_few_points_at_once() -> None:
    def takes_few(path: str, body: Any) -> None:
        """Azure Machine Learning."""
        if len(body.get("metrics", ())) > 250:
            raise Refusal(400, "INVALID_PARAMETER_VALUE")

    kept = curve([number / 900 for number in range(900)], 1, 30)
    recorded = with_measurements(
        launched([training(ONE, 0, 30, {"lr": "0.1"}, value=1.0)]), line(ONE, {"validation:accuracy": kept})
    )
    capturing = tuple(each for each in OTHERS if each != "CaptureJob")
    with (
        serving(StandIn()) as mlflow,
        running(recorded, without=capturing, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        mlflow.before = takes_few
        play(cloud, recorded)
        standing(mlflow, cloud)
        (run,) = mlflow.active()
        found = {each["step"] for each in run["data"]["metrics"] if each["key"] == "validation:accuracy"}

    assert found >= set(range(899))
    assert {each["key"] for each in run["data"]["params"]} == {"lr"}
