"""`trialbook best` as a whole process, interpreter start included, on AWS's DynamoDB Local: beside the bare boto3 query that
it comes down to (`floor_best.py`, the floor); the other questions beside the same floor; and beside the same question to Optuna (SQLite) and MLflow (SQLite, and its
server over REST) about 1,000 trials of 8 hyperparameters and 6 metrics, if their environment exists (see the whole
report). They run by turns; figures are medians. The ratio is of processor time, which other work on the machine disturbs
less."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.page import table
from tests.benchmarks.report import PEER, PEERS, write
from tests.conftest import ROOT
from tests.integration.conftest import free_port, opened, running_dynamodb_local, wait_for

TITLE = "The best trial, asked in a terminal"
SIZES = (1000, 10_000)
PEER_SIZE = 1000
RUNS = 7
FLOOR = Path(__file__).with_name("floor_best.py")


@dataclass(frozen=True)
class Asked:
    """A question: the process that asks it, and the environment it needs."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


def measure() -> str:
    """Seconds of whole processes."""
    with running_dynamodb_local() as url, (place := opened(url)) as ledger, tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            write(ledger, size)
        with _peers(Path(folder)) as peers:
            questions = [*_own(url, place.table), *peers]
            seconds = _in_turns(questions)
    floor = median(spent for _, spent in seconds[0])
    rows = [
        [
            each.name,
            round(median(wall for wall, _ in runs), 2),
            round(median(spent for _, spent in runs), 2),
            round(median(spent for _, spent in runs) / floor, 2),
        ]
        for each, runs in zip(questions, seconds, strict=True)
    ]
    return table(["", "seconds", "of processor", "x the floor"], rows)


def _own(url: str, name: str) -> Iterator[Asked]:
    environment = {
        "AWS_ENDPOINT_URL_DYNAMODB": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    yield Asked("boto3's query alone, 1,000 jobs", [sys.executable, str(FLOOR), name, "net-1000"], environment)
    trialbook = Path(sys.executable).with_name("trialbook")
    for size in SIZES:
        command = [str(trialbook), "best", f"net-{size}", "--table", name]
        yield Asked(f"`trialbook best`, {size:,} jobs", command, environment)
    yield Asked("`trialbook sweeps`", [str(trialbook), "sweeps", "--table", name], environment)
    for size in SIZES:
        for question in (["trials", f"net-{size}"], ["show", f"net-{size}#2"]):
            command = [str(trialbook), *question, "--table", name]
            yield Asked(f"`trialbook {question[0]}`, {size:,} jobs", command, environment)
    yield Asked("`trialbook --help`", [str(trialbook), "--help"], {})


@contextmanager
def _peers(folder: Path) -> Iterator[list[Asked]]:
    """The peers' databases, filled, and MLflow's server; nothing where their environment is not there."""
    if not PEERS.exists():
        yield []
        return
    arguments = [str(PEER_SIZE), str(folder)]
    for peer in ("sqlite", "mlflow"):
        subprocess.run([str(PEERS), str(PEER), peer, "write", *arguments], check=True, capture_output=True)
    database, port = f"sqlite:///{folder / 'mlflow.db'}", free_port()
    command = [str(PEERS), "-m", "mlflow", "server", "--backend-store-uri", database, "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--workers", "1"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port, server, seconds=120)
        ask = [str(PEERS), str(PEER), "mlflow", "best", *arguments]
        yield [
            Asked("Optuna, SQLite, 1,000 trials", [str(PEERS), str(PEER), "sqlite", "best", *arguments], {}),
            Asked("MLflow, SQLite, 1,000 runs", ask, {"MLFLOW_TRACKING_URI": database}),
            Asked("MLflow, REST, 1,000 runs", ask, {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}),
        ]
    finally:
        server.terminate()
        server.wait()


def _in_turns(questions: Sequence[Asked]) -> list[list[tuple[float, float]]]:
    """Wall and processor seconds of each question's runs; the first of all warms the disk and does not count."""
    seconds: list[list[tuple[float, float]]] = [[] for _ in questions]
    for _ in range(RUNS + 1):
        for each, runs in zip(questions, seconds, strict=True):
            runs.append(_run(each))
    return [runs[1:] for runs in seconds]


def _run(asked: Asked) -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, **asked.environment}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(asked.command, cwd=ROOT, check=True, capture_output=True, env=environment)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
