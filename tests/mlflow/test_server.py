"""Against a real MLflow server, which AWS's plugin and MLflow's own client ask as well."""

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.test_replay import CHURN
from tests.mlflow.real_server import PYTHON, as_map, runs_in, serving_mlflow
from tests.mlflow.test_write_mlflow import OTHERS, play
from tests.relocated import recording
from trialbook.core.mlflow_runs import PARENT_TAG, millis
from trialbook_cli.replaying import running

pytestmark = pytest.mark.long


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server: another one that TRIALBOOK_MLFLOW names, such as a 2.x, or one of its own."""
    if given := os.environ.get("TRIALBOOK_MLFLOW"):
        yield given
        return
    if not PYTHON.exists():
        pytest.skip("the MLflow server is not installed: make .venv-mlflow/.ready")
    with serving_mlflow(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


CLIENT = """
import json, sys
from mlflow import MlflowClient

client = MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name(sys.argv[2])
runs = client.search_runs([experiment.experiment_id])
parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
curve = client.get_metric_history(parent.info.run_id, "best.validation:error")
files = [each.path for each in client.list_artifacts(parent.info.run_id)]
print(json.dumps({
    "runs": len(runs), "curve": [[each.step, each.value] for each in curve], "files": sorted(files),
    "inputs": [len(run.inputs.dataset_inputs) for run in runs if run is not parent],
}))
"""


def test_a_real_server_holds_each_job_once_to_the_millisecond_and_bit(server: str) -> None:
    told, prefix = recording(CHURN), f"{os.getpid()}/"
    parameters = {"MlflowUrl": server}
    with running(told, without=OTHERS, rules=f"mlflow: {{prefix: '{prefix}'}}", parameters=parameters) as (cloud, _):
        play(cloud, told)
        records, (sweep,) = {each.job.name: each for each in cloud.ledger.jobs()}, cloud.ledger.sweeps()
        assert cloud.dead_letters()["MlflowDeadLetters"] == []
    runs = {run["info"]["run_name"]: run for run in runs_in(server, f"{prefix}churn-xgb")}
    parent = runs.pop(sweep.id)

    assert runs.keys() == records.keys()
    for name, run in runs.items():
        job = records[name].job
        times = run["info"]["start_time"], run["info"]["end_time"]
        assert times == (millis(job.created_at), millis(job.ended_at))
        assert run["info"]["status"] == "FINISHED"
        values = {metric.name: metric.value for metric in job.final_metrics}
        assert values.items() <= as_map(run["data"]["metrics"]).items()
        assert as_map(run["data"]["params"])["min_child_weight"] == job.hyper_parameters["min_child_weight"]
        assert as_map(run["data"]["tags"])[PARENT_TAG] == parent["info"]["run_id"]
    assert parent["info"]["status"] == "FINISHED"
    if PYTHON.exists():
        client = [str(PYTHON), "-c", CLIENT, server, f"{prefix}churn-xgb"]
        read = json.loads(subprocess.run(client, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        assert read["runs"] == len(runs) + 1
        assert [step for step, _ in read["curve"]] == [1, 2, 3, 4, 5]
        assert read["curve"][-1][1] == sweep.best.value  # type: ignore[union-attr]
        assert read["files"] == ["chart.png", "report.html"]
        assert set(read["inputs"]) == {2}
