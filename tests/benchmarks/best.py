"""`trialbook best` as a whole process, interpreter start included, on AWS's DynamoDB Local: beside the bare boto3 query that
it comes down to (`floor_best.py`, the floor); the other questions beside the same floor; and beside the same question to Optuna (SQLite) and MLflow (SQLite, and its
server over REST) about 1,000 trials of 8 hyperparameters and 6 metrics, if their environment exists (see the whole
report). They run by turns; figures are medians. The ratio is of processor time, which other work on the machine disturbs
less."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.page import table
from tests.benchmarks.report import ASK_PEER, PEERS, write
from tests.benchmarks.turns import Asked, here, in_turns
from tests.integration.conftest import free_port, opened, running_dynamodb_local, wait_for

TITLE = "The best trial, asked in a terminal"
SIZES = (1000, 10_000)
PEER_SIZE = 1000
RUNS = 7
FLOOR = Path(__file__).with_name("floor_best.py")


def measure() -> str:
    """Seconds of whole processes."""
    with running_dynamodb_local() as url, (place := opened(url)) as ledger, tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            write(ledger, size)
        with _peers(Path(folder)) as peers:
            questions = [*_own(url, place.table), *peers]
            in_turns(questions, RUNS)
    floor = questions[0].of_processor
    rows = [
        [each.name, round(each.seconds, 2), round(each.of_processor, 2), round(each.of_processor / floor, 2)]
        for each in questions
    ]
    return table(["", "seconds", "of processor", "x the floor"], rows)


def _own(url: str, name: str) -> Iterator[Asked]:
    environment = here(
        AWS_ENDPOINT_URL_DYNAMODB=url,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="us-east-1",
    )
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
    yield Asked("`trialbook --help`", [str(trialbook), "--help"])


@contextmanager
def _peers(folder: Path) -> Iterator[list[Asked]]:
    """The peers' databases, filled, and MLflow's server; nothing where their environment is not there."""
    if not PEERS.exists():
        yield []
        return
    arguments = [str(PEER_SIZE), str(folder)]
    for peer in ("sqlite", "mlflow"):
        Asked("", [*ASK_PEER, peer, "write", *arguments]).run()
    database, port = f"sqlite:///{folder / 'mlflow.db'}", free_port()
    command = [str(PEERS), "-m", "mlflow", "server", "--backend-store-uri", database, "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--workers", "1"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port, server, seconds=120)
        ask = [*ASK_PEER, "mlflow", "best", *arguments]
        yield [
            Asked("Optuna, SQLite, 1,000 trials", [*ASK_PEER, "sqlite", "best", *arguments]),
            Asked("MLflow, SQLite, 1,000 runs", ask, here(MLFLOW_TRACKING_URI=database)),
            Asked("MLflow, REST, 1,000 runs", ask, here(MLFLOW_TRACKING_URI=f"http://127.0.0.1:{port}")),
        ]
    finally:
        server.terminate()
        server.wait()
