"""Against a real MLflow server, which AWS's plugin and MLflow's own client ask as well."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.conftest import ROOT
from tests.integration.conftest import free_port, wait_for
from tests.integration.test_replay import CHURN
from tests.mlflow.test_write_mlflow import OTHERS, play
from tests.relocated import recording
from trialbook.core.mlflow_runs import PARENT_TAG, millis
from trialbook_cli.replaying import running

pytestmark = pytest.mark.long
PYTHON = ROOT / ".venv-mlflow" / "bin" / "python"
ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server: another one that TRIALBOOK_MLFLOW names, such as a 2.x, or one of its own."""
    if given := os.environ.get("TRIALBOOK_MLFLOW"):
        yield given
        return
    if not PYTHON.exists():
        pytest.skip("the MLflow server is not installed: make .venv-mlflow/.ready")
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    where = [
        "--backend-store-uri",
        f"sqlite:///{folder}/store.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    command = [str(PYTHON), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    started = subprocess.Popen(
        [*command, *where],
        env={**os.environ, **ENVIRONMENT},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(port, started, 180)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(started.pid, 15)
        started.wait()


def ask(server: str, path: str, body: Mapping[str, Any] | None = None, **query: str) -> Any:
    url = f"{server}/api/2.0/mlflow/{path}{'?' + urlencode(query) if query else ''}"
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=60) as answer:  # noqa: S310 the server started here
        return json.loads(answer.read())


def runs_in(server: str, experiment: str) -> list[dict[str, Any]]:
    found = ask(server, "experiments/get-by-name", experiment_name=experiment)["experiment"]["experiment_id"]
    return list(ask(server, "runs/search", {"experiment_ids": [found], "max_results": 1000}).get("runs", ()))


def as_map(pairs: Any) -> dict[str, Any]:
    return {each["key"]: each["value"] for each in pairs}


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
