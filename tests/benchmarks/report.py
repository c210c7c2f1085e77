"""The whole report, from the ledger (AWS's DynamoDB Local) to page, picture and data, in a fresh process, median of three;
8 hyperparameters and 6 metrics a trial. *With curves*: each trial has curves of two metrics with 2,000 points, as many as are
kept, and the use of a machine over an hour; a report reads those of 200 trials, here from a folder. Compared with Optuna and
MLflow if their environment exists
(`python3 -m venv build/peers && build/peers/bin/pip install -r tests/benchmarks/peers.txt`)."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests import synthetic
from tests.benchmarks.page import table
from tests.conftest import ROOT
from tests.integration.conftest import opened, running_dynamodb_local
from trialbook.core import report_keys
from trialbook.core.analysis.learning import worth_reading
from trialbook.core.curves.stored import to_bytes
from trialbook.core.sweeps import Record
from trialbook.ledger.ledger import LONGEST_TRANSACTION, Ledger

PEERS = ROOT / "build" / "peers" / "bin" / "python"
PEER = Path(__file__).with_name("peers.py")
TITLE = "A whole report"
SIZES = (1000, 10_000)
RUNS = 3


def measure() -> str:
    """Seconds and megabytes of whole processes."""
    rows: list[list[object]] = []
    with running_dynamodb_local() as url, (place := opened(url)) as ledger, tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            keep_curves(write(ledger, size), Path(folder))
            command = [sys.executable, "-m", "tests.benchmarks.one_report", str(size), url, place.table]
            for what, more in (("", []), (", with curves", [folder])):
                runs = [_run([*command, *more]) for _ in range(RUNS)]
                answer = json.loads(runs[-1][1])
                name = f"Trialbook: analysis, picture and page, {size:,} trials{what}"
                rows.append([name, _middle(runs), *answer.values()])
            if size == min(SIZES) and PEERS.exists():
                rows += _beside(size)
    return table(["", "seconds", *answer], rows)


def _middle(runs: list[tuple[float, str]]) -> float:
    return round(median(seconds for seconds, _ in runs), 2)


def _beside(size: int) -> list[list[object]]:
    rows: list[list[object]] = []
    for peer, what in (("optuna", "Optuna: table, PED-ANOVA and chart"), ("mlflow", "MLflow: the table alone")):
        with tempfile.TemporaryDirectory() as folder:
            _run([str(PEERS), str(PEER), peer, "write", str(size), folder])
            runs = [_run([str(PEERS), str(PEER), peer, "ask", str(size), folder]) for _ in range(RUNS)]
            rows.append([f"{what}, {size:,} trials", _middle(runs), None, None, None, None, None])
    return rows


def _run(command: list[str]) -> tuple[float, str]:
    began = time.perf_counter()
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=environment)
    return time.perf_counter() - began, done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def write(ledger: Ledger, size: int) -> list[Record]:
    """A closed sweep of that many trials; its records."""
    name = f"net-{size}"
    found = synthetic.records(size, sweep=name)
    for start in range(0, size, LONGEST_TRANSACTION):
        ledger.write(records=found[start : start + LONGEST_TRANSACTION])
    ledger.write(sweeps=[(synthetic.sweep(found), None)])
    return found


def keep_curves(found: list[Record], folder: Path) -> None:
    """The curves that a report reads, as files of the folder."""
    for each in worth_reading(found):
        path = folder / report_keys.of_job(each.key) / report_keys.CURVES
        path.parent.mkdir(parents=True)
        path.write_bytes(to_bytes(synthetic.curves(each)))
