"""Against a real MLflow server, which AWS's plugin and MLflow's own client ask as well."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.session import Session

from tests.integration.test_replay import CHURN
from tests.launching import launched, training
from tests.mlflow.proxy import Proxy, through
from tests.mlflow.real_server import PYTHON, as_map, ask, runs_in, serving_mlflow
from tests.mlflow.test_push import RECORDING, trialbook
from tests.mlflow.test_write_mlflow import ONE, OTHER, OTHERS, play
from tests.relocated import recording
from trialbook.adapters.mlflow import Mlflow
from trialbook.check_mlflow import check_mlflow
from trialbook.core.mlflow_runs import PARENT_TAG, millis
from trialbook.core.mlflow_server import server_of
from trialbook.core.sweeps import Record, Sweep
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


EXPERIMENT = f"{os.getpid()}/churn-xgb"


@dataclass(frozen=True, slots=True)
class Written:
    """A recording that was written to a server, and what the ledger says of it."""

    server: str
    records: Mapping[str, Record]
    sweep: Sweep


@pytest.fixture(scope="session")
def written(server: str) -> Written:
    """The recording of a loop, written by the deployed functions."""
    found, rules = recording(CHURN), f"mlflow: {{prefix: '{EXPERIMENT.partition('/')[0]}/'}}"
    with running(found, without=OTHERS, rules=rules, parameters={"MlflowUrl": server}) as (cloud, _):
        play(cloud, found)
        (sweep,) = cloud.ledger.sweeps()
        assert cloud.dead_letters()["MlflowDeadLetters"] == []
        return Written(server, {each.job.name: each for each in cloud.ledger.jobs()}, sweep)


def test_a_real_server_holds_each_job_once_to_the_millisecond_and_bit(written: Written) -> None:
    runs = {run["info"]["run_name"]: run for run in runs_in(written.server, EXPERIMENT)}
    parent = runs.pop(written.sweep.id)

    assert runs.keys() == written.records.keys()
    for name, run in runs.items():
        job = written.records[name].job
        times = run["info"]["start_time"], run["info"]["end_time"]
        assert times == (millis(job.created_at), millis(job.ended_at))
        assert run["info"]["status"] == "FINISHED"
        values = {metric.name: metric.value for metric in job.final_metrics}
        assert values.items() <= as_map(run["data"]["metrics"]).items()
        assert as_map(run["data"]["params"])["min_child_weight"] == job.hyper_parameters["min_child_weight"]
        assert as_map(run["data"]["tags"])[PARENT_TAG] == parent["info"]["run_id"]
    assert parent["info"]["status"] == "FINISHED"


APP = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-1"
SERVER = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/one"
CLIENT = """
import json, sys
import mlflow

for arn in sys.argv[2:]:
    mlflow.set_tracking_uri(arn)
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name(sys.argv[1])
    runs = client.search_runs([experiment.experiment_id])
    parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    is_child = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    curve = client.get_metric_history(parent.info.run_id, "best.validation:error")
    print(json.dumps({
        "runs": len(runs),
        "children": len(client.search_runs([experiment.experiment_id], is_child)),
        "curve": [[each.step, each.value] for each in curve],
        "best": client.get_run(parent.data.tags["trialbook.best_run"]).info.run_name,
        "note": parent.data.tags["mlflow.note.content"],
        "inputs": [len(run.inputs.dataset_inputs) for run in runs if run is not parent],
    }))
"""


def test_mlflows_own_client_reads_them_with_awss_plugin_which_signs_as_we_do(written: Written) -> None:
    if not PYTHON.exists():
        pytest.skip("AWS's plugin is not installed: make .venv-mlflow/.ready")
    with through(Proxy(written.server, secret="s3cret")) as proxy:
        environment = {
            **os.environ,
            "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": proxy.url,
            "AWS_ACCESS_KEY_ID": "AKID",
            "AWS_SECRET_ACCESS_KEY": "s3cret",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
        client = [str(PYTHON), "-c", CLIENT, EXPERIMENT, APP, SERVER]
        done = subprocess.run(client, check=True, capture_output=True, text=True, env=environment)
        theirs = list(proxy.signed)
        proxy.signed.clear()
        for arn in (APP, SERVER):
            session = Session()
            session.get_credentials = lambda: Credentials("AKID", "s3cret")  # type: ignore[method-assign]
            ours = Mlflow(replace(server_of(arn), url=proxy.url), session)
            experiment = ours.experiment(EXPERIMENT)
            assert experiment is not None
            assert len(ours.find_runs(experiment.id, "trialbook.sweep", written.sweep.id)) == 6
            assert check_mlflow(ours, None)["refused"] == []
        assert {_signed(each) for each in proxy.signed} == {_signed(each) for each in theirs}

    best = written.sweep.best
    assert best is not None
    for line in done.stdout.splitlines()[-2:]:
        read = json.loads(line)
        assert (read["runs"], read["children"], set(read["inputs"])) == (6, 5, {2})
        assert [step for step, _ in read["curve"]] == [1, 2, 3, 4, 5]
        assert (read["curve"][-1][1], read["best"]) == (best.value, best.job_name)
        assert "Best validation:error" in read["note"]


def _signed(request: tuple[str, Mapping[str, str]]) -> tuple[object, ...]:
    """What AWS looks at to know who asks which server: region and service, the header that names the server, and which of
    its headers are signed."""
    scope, headers = request
    own = {name: value for name, value in headers.items() if name.endswith("-arn")}
    names = set(headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";"))
    return scope, frozenset(own.items()), frozenset(names & {"host", "x-amz-date", "x-amz-content-sha256", *own})


def test_a_request_whose_body_was_changed_is_refused_by_the_proxy(written: Written) -> None:
    """So that the test above means something."""
    session = Session()
    session.get_credentials = lambda: Credentials("AKID", "wrong")  # type: ignore[method-assign]
    with through(Proxy(written.server, secret="s3cret")) as proxy:
        found = check_mlflow(Mlflow(replace(server_of(APP), url=proxy.url), session), None)

    assert (found["allowed"], len(found["refused"])) == ([], 12)


def test_looking_whether_a_server_may_be_written_to_changes_nothing(written: Written) -> None:
    def held() -> Any:
        experiments = ask(written.server, "experiments/search", {"max_results": 1000, "view_type": "ALL"})[
            "experiments"
        ]
        ids = [each["experiment_id"] for each in experiments]
        return experiments, ask(written.server, "runs/search", {"experiment_ids": ids, "run_view_type": "ALL"})

    before = held()
    found = check_mlflow(Mlflow(server_of(written.server), Session()), None)

    assert (found["trouble"], found["refused"], len(found["allowed"])) == (None, [], 12)
    assert held() == before


def test_runs_that_jobs_made_themselves_are_adopted_on_a_real_server(server: str) -> None:
    """One is known by MlflowDetails, one by its tag. The second job's experiment has a slash in its name."""
    name = f"{os.getpid()}/own/net"
    experiment = ask(server, "experiments/create", {"name": name})["experiment_id"]
    made = [
        ask(server, "runs/create", {"experiment_id": experiment, "run_name": "own", "start_time": 1, "tags": tags})
        for tags in ([], [{"key": "job", "value": OTHER}])
    ]
    first, second = (each["run"]["info"]["run_id"] for each in made)
    for run in (first, second):
        ask(server, "runs/log-batch", {"run_id": run, "params": [{"key": "opt/lr", "value": "9"}]})
    details = {"MlflowRunId": first, "MlflowExperimentId": experiment}
    jobs = [training(ONE, 0, 5, {"opt/lr": "1"}, MlflowDetails=details), training(OTHER, 1, 6, {"opt/lr": "2"})]
    rules = f"mlflow: {{prefix: '{os.getpid()}/own/', job_tag: job}}"
    with running(launched(jobs), without=OTHERS, rules=rules, parameters={"MlflowUrl": server}) as (cloud, _):
        play(cloud, launched(jobs))
        assert cloud.dead_letters()["MlflowDeadLetters"] == []
    runs = {run["info"]["run_id"]: run for run in runs_in(server, name)}
    (parent,) = runs.keys() - {first, second}

    for run_id in (first, second):
        assert as_map(runs[run_id]["data"]["params"]) == {"opt/lr": "9"}
        assert as_map(runs[run_id]["data"]["tags"])[PARENT_TAG] == parent
        assert (runs[run_id]["info"]["run_name"], runs[run_id]["info"]["status"]) == ("own", "FINISHED")


def test_a_replay_and_a_push_reach_a_real_server_behind_a_prefix_that_asks_for_a_token(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(f"mlflow: {{prefix: '{os.getpid()}/token/'}}")
    book = str(tmp_path / "book")
    with through(Proxy(server, prefix="/ml", authorization="Bearer t0ken")) as proxy:
        url = f"{proxy.url}/ml/"
        assert "http_401" in trialbook("replay", RECORDING, "--out", book, "--mlflow", url, code=1)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
        trialbook("replay", RECORDING, "--out", book, "--mlflow", url, "--rules", str(rules))
        asked = proxy.requests.total()
        assert "5 were before" in trialbook("mlflow", "push", "--book", book, "--to", url)
        assert proxy.requests.total() == asked
    runs = runs_in(server, f"{os.getpid()}/token/churn-xgb")
    (parent,) = (run for run in runs if PARENT_TAG not in as_map(run["data"]["tags"]))

    assert len(runs) == 6
    artifacts = ask(server, "artifacts/list", run_id=parent["info"]["run_id"])["files"]
    assert {each["path"] for each in artifacts} == {"chart.png", "report.html"}
