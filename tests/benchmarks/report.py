"""The whole report, from the ledger to page, picture and data, in a fresh process; beside Optuna and MLflow where their
environment is there (`python3 -m venv build/peers && build/peers/bin/pip install -r tests/benchmarks/peers.txt`)."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

from tests import synthetic
from tests.conftest import ROOT
from tests.integration.conftest import opened, running_dynamodb_local
from tests.unit.test_importance import NUMBERS, TRUTHS
from trialbook.adapters.dynamodb import LONGEST_TRANSACTION, Ledger
from trialbook.core.analysis.importance import importance
from trialbook.core.objectives import ObjectiveType

PEERS = ROOT / "build" / "peers" / "bin" / "python"
PEER = Path(__file__).with_name("peers.py")
RUNS = 3


def bench_report(sizes: list[int]) -> None:
    """Seconds and megabytes of a whole process, median of three, for sweeps of these sizes."""
    with running_dynamodb_local() as url, (place := opened(url)) as ledger:
        for size in sizes:
            _write(ledger, size)
            runs = [
                _run([sys.executable, "-m", "tests.benchmarks.one_report", str(size), url, place.table])
                for _ in range(RUNS)
            ]
            told = json.loads(runs[-1][1])
            print(
                f"report of {size:,} trials x 8 hyperparameters x 6 metrics: {median(s for s, _ in runs):.2f} s, {told}"
            )
            if size == min(sizes) and PEERS.exists():
                _beside(size)


def _beside(size: int) -> None:
    for peer, what in (("optuna", "table, PED-ANOVA and chart"), ("mlflow", "table alone")):
        with tempfile.TemporaryDirectory() as folder:
            _run([str(PEERS), str(PEER), peer, "write", str(size), folder])
            seconds = median(_run([str(PEERS), str(PEER), peer, "ask", str(size), folder])[0] for _ in range(RUNS))
            print(f"{peer}, {what}, {size:,} trials: {seconds:.2f} s")


def _run(command: list[str]) -> tuple[float, str]:
    began = time.perf_counter()
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=environment)
    return time.perf_counter() - began, done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def _write(ledger: Ledger, size: int) -> None:
    name = f"net-{size}"
    found = synthetic.records(size, sweep=name)
    for start in range(0, size, LONGEST_TRANSACTION):
        ledger.write(records=found[start : start + LONGEST_TRANSACTION])
    ledger.write(sweeps=[(synthetic.sweep(found), None)])


def bench_importance(seeds: int = 20, trials: int = 60) -> None:
    """How often the right first hyperparameter is named: ours, and random-forest permutation on the same trials."""
    for noise in (0.3, 1.0):
        right: Counter[str] = Counter()
        cases = []
        for truth, value_of in TRUTHS.items():
            for seed in range(seeds):
                source = random.Random(seed)
                drawn = [{name: source.random() for name in "abcd"} for _ in range(trials)]
                values = [value_of(each) + source.gauss(0, noise) for each in drawn]
                found = importance(NUMBERS, [dict(each) for each in drawn], values, ObjectiveType.MINIMIZE)
                right[truth] += found is not None and found.effects[0].parameter == "a"
                cases.append({"truth": truth, "seed": seed, "x": [list(each.values()) for each in drawn], "y": values})
        print(f"right first of {trials} trials, noise {noise}:", {t: f"{right[t]} of {seeds}" for t in TRUTHS})
        if PEERS.exists():
            lines = "\n".join(map(json.dumps, cases))
            command = [str(PEERS), str(PEER), "importance", str(seeds)]
            done = subprocess.run(command, input=lines, check=True, capture_output=True, text=True)
            print("random-forest permutation:", json.loads(done.stdout))
