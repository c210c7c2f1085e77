"""Jobs as runs of real MLflow servers, through the deployed functions: 1,000 jobs in 20 sweeps. 5% of SageMaker's events and
of Trialbook's come twice, 5% come up to 15 minutes late, and 1% of write_mlflow's calls to AWS kill it, before or after they
are done. Requests are counted on their way to MLflow. Then MLflow is down for a day, from the middle of a sweep on.

Other numbers of sweeps and of jobs in each may be given. The 3.x server is that of the tests; that of 2.x runs if MLFLOW_2_PYTHON names a Python with `mlflow<3`."""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.many_sweeps import Made, make_sweeps
from tests.benchmarks.page import table
from tests.mlflow.proxy import Proxy, through
from tests.mlflow.real_server import PYTHON, as_map, ask, serving_mlflow
from trialbook.core.kinds import RUNS_OF
from trialbook.core.mlflow_runs import PARENT_TAG, millis
from trialbook.core.sweeps import Record
from trialbook_cli.laptop_cloud import LaptopCloud, ProcessDied, Recording
from trialbook_cli.replaying import running

TITLE = "Runs in MLflow"
SWEEPS, JOBS = 20, 50
TWICE, LATE, DIES = 0.05, 0.05, 0.01
LATEST = timedelta(minutes=15)
DAY = timedelta(hours=24)
OTHERS = ("AttachJob", "CaptureJob", "Reconcile", "BuildReport", "PostSlack", "PostEmail", "PostBestTrials")
WRITER = "WriteMlflow"


@dataclass(frozen=True, slots=True)
class Held:
    """What MLflow holds: runs of jobs and of sweeps."""

    jobs: Sequence[Mapping[str, Any]]
    sweeps: Sequence[Mapping[str, Any]]

    def wrong(self, records: Mapping[str, Record]) -> dict[str, int]:
        """How many runs differ from the ledger, by what differs."""
        found = {"times": 0, "values": 0, "parameters": 0, "parents": 0}
        parents = {run["info"]["run_name"]: run["info"]["run_id"] for run in self.sweeps}
        for run in self.jobs:
            record = records[run["info"]["run_name"]]
            job, data = record.job, run["data"]
            times = run["info"]["start_time"], run["info"].get("end_time")
            found["times"] += times != (millis(job.created_at), millis(job.ended_at))
            values = {each.name: each.value for each in job.final_metrics}
            found["values"] += values != {k: v for k, v in as_map(data.get("metrics", ())).items() if k in values}
            found["parameters"] += as_map(data.get("params", ())).get("eta") != job.hyper_parameters["eta"]
            found["parents"] += as_map(data["tags"]).get(PARENT_TAG) != parents.get(record.sweep or "")
        return found

    @property
    def running(self) -> int:
        """Runs of jobs that are not ended."""
        return sum(run["info"]["status"] == "RUNNING" for run in self.jobs)


def measure(sweeps: int = SWEEPS, jobs: int = JOBS) -> str:
    """A row for each server."""
    rows = []
    for python in (PYTHON, Path(os.environ["MLFLOW_2_PYTHON"]) if "MLFLOW_2_PYTHON" in os.environ else None):
        if python is None or not python.exists():
            continue
        version = subprocess.run(
            [str(python), "-c", "import mlflow; print(mlflow.__version__)"], check=True, capture_output=True, text=True
        ).stdout.strip()
        with tempfile.TemporaryDirectory() as folder, serving_mlflow(Path(folder), python) as url:
            rows.append([version, *troubled(url, sweeps, jobs), *outage(url)])
        print(rows[-1], file=sys.stderr, flush=True)
    heads = [
        "MLflow",
        "runs of jobs",
        "runs of sweeps",
        "wrong times, values, parameters, parents",
        "running a minute after the last event",
        "requests for a job's run",
        "requests for a sweep's run",
        "all requests, divided by jobs",
        "GetItem a job",
        "deaths",
        "seconds",
        "after a day's outage: runs of jobs, of sweeps, running, dead letters",
    ]
    return table(heads, rows)


@contextmanager
def _writing(recorded: Recording, url: str, prefix: str) -> Iterator[LaptopCloud]:
    with running(recorded, without=OTHERS, rules=f"mlflow: {{prefix: '{prefix}'}}", parameters={"MlflowUrl": url}) as (
        cloud,
        _,
    ):
        yield cloud


def troubled(url: str, sweeps: int = SWEEPS, jobs: int = JOBS) -> list[object]:
    """The sweeps with everything that goes wrong with events and functions."""
    made, chance = list(make_sweeps(sweeps, jobs)), random.Random(3)
    shown = _with_trouble(_recording(made), chance)
    began = time.perf_counter()
    with through(Proxy(url)) as proxy, _writing(shown, proxy.url, "troubled/") as cloud:

        def may_die(by: str, *_: object) -> None:
            if by == WRITER and chance.random() < DIES / 2:  # before a call or after it
                raise ProcessDied

        cloud.before_call = cloud.after_call = may_die
        for number, event in enumerate(shown.events):
            cloud.deliver(event)
            if number % 200 == 0:
                print(number, f"{time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        cloud.advance(cloud.now + timedelta(minutes=1))
        still = held(url, "troubled/").running
        announced = [each for each in cloud.announced() if each["detail-type"] in _TYPES]
        for event in chance.sample(announced, round(len(announced) * TWICE)):
            cloud.put_message("MlflowQueue", event)
        cloud.finish()
        asked = proxy.about
        seconds = time.perf_counter() - began
        records = {each.job.name: each for each in cloud.ledger.jobs()}
        reads = cloud.calls[WRITER, "dynamodb", "GetItem"]
        died = cloud.died
        by_operation = proxy.by_operation
    found = held(url, "troubled/")
    number = sum(each.key.kind in RUNS_OF for each in records.values())  # a tuning job is a sweep, and has no run
    _print_operations("jobs", found.jobs, by_operation)
    _print_operations("sweeps", found.sweeps, by_operation)
    of_jobs, of_sweeps = (sum(asked[key] for run in runs for key in _keys(run)) for runs in (found.jobs, found.sweeps))
    return [
        len(found.jobs),
        len(found.sweeps),
        ", ".join(map(str, found.wrong(records).values())),
        still,
        f"{of_jobs / number:.2f}",
        f"{of_sweeps / len(found.sweeps):.1f}",
        f"{asked.total() / number:.2f}",
        f"{reads / number:.1f}",
        died,
        f"{seconds:.0f}",
    ]


_TYPES = ("Job Changed", "Sweep Started", "Sweep Progressed", "Sweep Finished", "Report Ready")


def _print_operations(what: str, runs: Sequence[Mapping[str, Any]], by_operation: Mapping[str, Counter[str]]) -> None:
    """How many requests of each operation the runs took, beside their number, so that repetitions are seen."""
    counted = sum((by_operation.get(key, Counter()) for run in runs for key in _keys(run)), Counter[str]())
    print(f"{len(runs)} runs of {what}: {dict(counted.most_common())}", file=sys.stderr, flush=True)


def _keys(run: Mapping[str, Any]) -> tuple[str, str]:
    """By which requests name a run: its id, and its name as it is made."""
    return run["info"]["run_id"], run["info"]["run_name"]


def outage(url: str) -> list[object]:
    """A sweep of ten jobs, in whose middle MLflow goes away for a day."""
    shown = _recording(list(make_sweeps(1, 10)))
    with through(Proxy(url)) as proxy, _writing(shown, proxy.url, "outage/") as cloud:
        for number, event in enumerate(shown.events):
            proxy.is_down = number >= len(shown.events) // 2
            cloud.deliver(event)
        cloud.advance(cloud.now + DAY)
        proxy.is_down = False
        cloud.finish()
        dead = len(cloud.dead_letters()["MlflowDeadLetters"])
    found = held(url, "outage/")
    return [f"{len(found.jobs)}, {len(found.sweeps)}, {found.running}, {dead}"]


def _recording(made: Sequence[Made]) -> Recording:
    events = sorted((event for each in made for event in each.events), key=lambda event: event["time"])
    return Recording("mlflow", events, [answer for each in made for answer in each.answers])


def _with_trouble(recorded: Recording, chance: random.Random) -> Recording:
    """Some events twice, some late."""
    events: list[tuple[datetime, int, dict[str, Any]]] = []
    for event in recorded.events:
        for _ in range(1 + (chance.random() < TWICE)):
            comes = datetime.fromisoformat(event["time"])
            comes += LATEST * chance.random() if chance.random() < LATE else timedelta()
            events.append((comes, len(events), event))
    in_order = [event for _, _, event in sorted(events, key=lambda each: each[:2])]
    return Recording(recorded.name, in_order, recorded.answers)


def held(url: str, prefix: str) -> Held:
    """All runs of the experiments with a prefix."""
    experiments = ask(url, "experiments/search", {"max_results": 1000, "filter": f"name LIKE '{prefix}%'"})
    ids = [each["experiment_id"] for each in experiments.get("experiments", ())]
    found: list[Mapping[str, Any]] = []
    token = ""
    while ids:
        answer = ask(url, "runs/search", {"experiment_ids": ids, "max_results": 1000, "page_token": token})
        found += answer.get("runs", ())
        token = answer.get("next_page_token", "")
        if not token:
            break
    are_sweeps = [as_map(run["data"]["tags"]).get("trialbook.kind") is not None for run in found]
    pairs = list(zip(found, are_sweeps, strict=True))
    return Held([run for run, is_sweep in pairs if not is_sweep], [run for run, is_sweep in pairs if is_sweep])


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:3])))
