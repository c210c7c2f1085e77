"""Starts of the built functions: zipped by SAM, unzipped with the zip's dates, read-only, in fresh processes of the template's
runtime without any bytecode being written. Beside each function its floor: the same interpreter with boto3, the clients that
the function uses, and Powertools' Logger and Metrics, of the same compiled layer. The layer's build cuts botocore's models,
which makes this floor faster too; the floor *with whole models* reads those that boto3 is installed with.

*Ready* is from the start of the process until the handler can be called; *first event* until the sample event is answered,
the floor making the same calls, AWS answering at once within the process. Clients that not every event needs are made at
first use: ready leaves them out, the first event includes them. Milliseconds of processor time, the least of the
runs, functions and floors by turns; ratios are of these, to the floor of the same layer."""

import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

import botocore

from tests.benchmarks.built import Built, built, size_mb
from tests.benchmarks.page import table
from tests.conftest import ROOT
from tests.integration.test_build import FUNCTIONS

TITLE = "Cold starts of what is deployed"
CHILD = ROOT / "tests" / "benchmarks" / "child.py"
RUNS = 7
WHOLE_MODELS = {"BOTOCORE_DATA": str(Path(botocore.__file__).parent / "data")}
HEAVY = 20.0  # milliseconds
HOT_PATH = ("attach_job", "record_job", "announce_changes", "close_sweeps")
CLIENTS = {
    "announce_changes": "dynamodb,events",
    "attach_job": "dynamodb,sagemaker,ssm",
    "build_report": "dynamodb,events,s3,ssm",
    "capture_job": "dynamodb,s3,ssm",
    "close_sweeps": "dynamodb,sagemaker,ssm",
    "open_report": "s3,secretsmanager",
    "post_best_trials": "dynamodb,events,s3,ssm",
    "post_email": "dynamodb,s3,sesv2,ssm",
    "post_slack": "dynamodb,s3,ssm",
    "reconcile": "dynamodb,sagemaker,ssm",
    "record_job": "dynamodb,sagemaker,ssm",
    "write_mlflow": "dynamodb,s3,ssm",
}
DEFAULT_CLIENTS = "dynamodb"
Run = dict[str, Any]


def measure() -> str:
    """Times, imports and sizes."""
    with built() as made:
        _check_bytecode(made)
        before = _files(made)
        rows = [_row(made, name) for name in (*HOT_PATH, *(each for each in FUNCTIONS if each not in HOT_PATH))]
        heavy = [[name, ", ".join(_heavy(made, name)) or "none"] for name in FUNCTIONS]
        sizes = [[each.name, round(size_mb(each), 1)] for each in sorted(made.folder.glob("*Layer"))]
        assert _files(made) == before, "a start wrote into what is read-only in Lambda"
    times = table(
        [
            "function",
            *("ready", "floor", "ratio", "with whole models"),
            *("first event", "floor", "ratio", "with whole models"),
            *("wall, ready (median)", "floor"),
        ],
        rows,
    )
    imports = table(["function", "packages, ms"], heavy)
    return (
        f"{times}\n\nPackages whose modules take over 20 ms of a start together (`-X importtime`, which slows them);\n"
        "`app` is the function's own file, which makes its clients:\n\n"
        f"{imports}\n\nUnzipped, bytecode included (Lambda takes 250 MB, layers included):\n\n{table(['', 'MB'], sizes)}"
    )


def _row(made: Built, name: str) -> list[object]:
    event = (ROOT / "events" / "invoke" / f"{name}.json").read_text()
    clients = CLIENTS.get(name, DEFAULT_CLIENTS)
    first = _run(made, name, "function", event) if name in HOT_PATH else _run(made, name, "function")
    calls = [json.dumps(first["calls"])] if "calls" in first else []
    ours, floor, whole = [], [], []
    for _ in range(RUNS):
        ours.append(_run(made, name, "function", *([event] if calls else [])))
        floor.append(_run(made, name, "floor", clients, *calls))
        whole.append(_run(made, name, "floor", clients, *calls, variables=WHOLE_MODELS))
    figures: list[object] = [name]
    for stage in ("ready", "answered"):
        if stage in first:
            mine, least, more = (min(each[stage]["cpu"] for each in runs) * 1000 for runs in (ours, floor, whole))
            figures += [round(mine), round(least), f"{mine / least:.2f}", round(more)]
        else:
            figures += [None, None, "", None]
    return [*figures, *(round(1000 * median(each["wall"] for each in runs)) for runs in (ours, floor))]


def _run(made: Built, name: str, *arguments: str, variables: Mapping[str, str] = MappingProxyType({})) -> Run:
    began = time.monotonic()
    done = subprocess.run(
        [str(made.python), "-S", "-P", str(CHILD), *arguments],
        capture_output=True,
        text=True,
        env={**made.environment(name), **variables},
        cwd=made.folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: Run = json.loads(done.stdout.strip().splitlines()[-1])
    return {**answer, "wall": answer["ready"]["at"] - began}


def _heavy(made: Built, name: str) -> list[str]:
    """Packages by what their own modules take, each module at its least of some runs."""
    command = [str(made.python), "-S", "-P", "-X", "importtime", "-c", "import app"]
    least: dict[str, int] = {}
    for _ in range(RUNS):
        done = subprocess.run(command, capture_output=True, text=True, env=made.environment(name), check=True)
        for microseconds, module in re.findall(r"import time:\s+(\d+) \|\s+\d+ \| +(\S+)", done.stderr):
            least[module] = min(least.get(module, 10**9), int(microseconds))
    packages: Counter[str] = Counter()
    for module, microseconds in least.items():
        packages[module.partition(".")[0]] += microseconds
    return [f"{package} {spent / 1000:.0f}" for package, spent in packages.most_common() if spent / 1000 > HEAVY]


def _check_bytecode(made: Built) -> None:
    """Every module of ours has bytecode that is valid whatever its date says."""
    sources = list((made.folder / "TrialbookLayer" / "python" / "trialbook").rglob("*.py"))
    for source in sources:
        (compiled,) = (source.parent / "__pycache__").glob(f"{source.stem}.cpython-313.pyc")
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 1, compiled


def _files(made: Built) -> set[str]:
    return {str(path) for path in made.folder.rglob("*")}
