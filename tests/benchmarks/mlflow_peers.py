"""A loop's five jobs into MLflow by three ways, each of them twice: `trialbook mlflow push` of a book; a forwarder as
people write it, thirty lines on what Describe answers; and mlflow-export-import, which copies what the first wrote to another
server. Requests are counted on their way to a real server, that of the tests.

Needs a Python with `mlflow` and `mlflow-export-import`, named by MLFLOW_CLIENT_PYTHON."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.mlflow import held
from tests.benchmarks.page import table
from tests.conftest import RECORDINGS
from tests.mlflow.proxy import Proxy, through
from tests.mlflow.real_server import as_map, serving_mlflow
from trialbook.core.mlflow_runs import PARENT_TAG, millis
from trialbook.core.sweeps import Record
from trialbook_book.book import Book

TITLE = "MLflow by other ways"
NAME = "churn-min-child-weight"
TRIALBOOK = str(Path(sys.executable).parent / "trialbook")
FORWARDER = """
import json, sys
from mlflow import MlflowClient

address, experiment_name = sys.argv[1:]
client = MlflowClient(address)
found = client.get_experiment_by_name(experiment_name)
experiment = found.experiment_id if found else client.create_experiment(experiment_name)
parent = client.create_run(experiment, run_name="sweep").info.run_id
for line in sys.stdin:
    job = json.loads(line)
    tags = {"mlflow.parentRunId": parent, "sagemaker.arn": job["TrainingJobArn"]}
    run = client.create_run(experiment, run_name=job["TrainingJobName"], tags=tags).info.run_id
    for name, value in job["HyperParameters"].items():
        client.log_param(run, name, value)
    for metric in job.get("FinalMetricDataList") or ():
        client.log_metric(run, metric["MetricName"], metric["Value"])
    for channel in job["InputDataConfig"]:
        client.set_tag(run, f"input.{channel['ChannelName']}", channel["DataSource"]["S3DataSource"]["S3Uri"])
    client.set_tag(run, "model", job["ModelArtifacts"]["S3ModelArtifacts"])
    status = {"Completed": "FINISHED", "Failed": "FAILED", "Stopped": "KILLED"}[job["TrainingJobStatus"]]
    client.set_terminated(run, status)
client.set_terminated(parent)
"""


def measure() -> str:
    """A row for each way."""
    python = Path(os.environ["MLFLOW_CLIENT_PYTHON"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("one", "other"):
            (folder / each).mkdir()
        _run([TRIALBOOK, "replay", str(RECORDINGS / NAME), "--out", str(folder / "book")])
        records = {each.job.name: each for each in Book.open(folder=folder / "book").ledger.jobs()}
        with serving_mlflow(folder / "one") as one, serving_mlflow(folder / "other") as other:
            push = [TRIALBOOK, "mlflow", "push", "--book", str(folder / "book"), "--to"]
            (experiment,) = {each.experiment for each in records.values()}
            rows = [
                _row("trialbook mlflow push", one, experiment, records, lambda url: _run([*push, url])),
                _row("forwarder", one, "forwarded", records, lambda url: _forwarded(python, url)),
                _row(
                    "mlflow-export-import",
                    other,
                    "copied",
                    records,
                    lambda url: _copied(python, one, url, experiment, folder / "export"),
                ),
            ]
    heads = [
        "way",
        "runs of jobs",
        "with right start and end",
        "parameters, metrics as SageMaker has them",
        "under the sweep's run",
        "requests a job",
        "seconds",
        "runs of jobs after a second time",
    ]
    return table(heads, rows)


def _row(
    way: str, server: str, experiment: str, records: Mapping[str, Record], write: Callable[[str], None]
) -> list[object]:
    with through(Proxy(server)) as proxy:
        began = time.perf_counter()
        write(proxy.url)
        seconds, requests = time.perf_counter() - began, proxy.requests.total()
        once = _runs(server, experiment, records)
        write(proxy.url)
    found = {
        "dates": sum(_has_dates(run, records) for run in once),
        "values": sum(_has_values(run, records) for run in once),
        "parents": _under_a_sweep(once, server, experiment),
    }
    print(way, dict(proxy.requests), file=sys.stderr)
    again = len(_runs(server, experiment, records))
    return [way, len(once), *found.values(), f"{requests / len(records):.1f}", f"{seconds:.0f}", again]


def _runs(server: str, experiment: str, records: Mapping[str, Record]) -> list[Mapping[str, Any]]:
    everything = held(server, experiment)
    return [run for run in (*everything.jobs, *everything.sweeps) if run["info"]["run_name"] in records]


def _has_dates(run: Mapping[str, Any], records: Mapping[str, Record]) -> bool:
    job, info = records[run["info"]["run_name"]].job, run["info"]
    return (info["start_time"], info.get("end_time")) == (millis(job.created_at), millis(job.ended_at))


def _has_values(run: Mapping[str, Any], records: Mapping[str, Record]) -> bool:
    job, data = records[run["info"]["run_name"]].job, run["data"]
    metrics = {each.name: each.value for each in job.final_metrics}
    params = {name: value for name, value in job.hyper_parameters.items() if not name.startswith("_")}
    return (
        metrics.items() <= as_map(data.get("metrics", ())).items()
        and params.items() <= as_map(data.get("params", ())).items()
    )


def _under_a_sweep(runs: Sequence[Mapping[str, Any]], server: str, experiment: str) -> int:
    everything = held(server, experiment)
    ids = {each["info"]["run_id"] for each in (*everything.jobs, *everything.sweeps)}
    return sum(as_map(run["data"]["tags"]).get(PARENT_TAG) in ids for run in runs)


def _forwarded(python: Path, url: str) -> None:
    lines = (RECORDINGS / NAME / "sagemaker.jsonl").read_text().splitlines()
    answers = [each for each in map(json.loads, lines) if each["operation"] == "DescribeTrainingJob"]
    found = "\n".join(json.dumps(each["response"]) for each in answers)
    _run([str(python), "-c", FORWARDER, url, "forwarded"], found)


def _copied(python: Path, source: str, url: str, experiment: str, folder: Path) -> None:
    export = [str(python.parent / "export-experiment"), "--experiment", experiment, "--output-dir", str(folder)]
    put = [str(python.parent / "import-experiment"), "--experiment-name", "copied", "--input-dir", str(folder)]
    _run(export, MLFLOW_TRACKING_URI=source)
    _run(put, MLFLOW_TRACKING_URI=url)


def _run(command: Sequence[str], expected: str = "", **environment: str) -> None:
    done = subprocess.run(
        command, input=expected, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-4000:]}")


if __name__ == "__main__":
    print(measure())
