"""The whole report, from the ledger (AWS's DynamoDB Local) to page, picture and data, in a fresh process of what is deployed;
8 hyperparameters and 6 metrics a trial. *With curves*: each trial has curves of two metrics with 2,000 points, as many as are
kept, and the use of a machine over an hour; a report reads those of 200 trials, here from a folder. Compared with Optuna and
MLflow if their environment exists
(`python3 -m venv build/peers && build/peers/bin/pip install -r tests/benchmarks/peers.txt`). They run by turns; figures are
medians of five. Seconds are of whole processes, interpreter start included, and so is the processor time, which other work on
the machine disturbs less."""

import json
import tempfile
from pathlib import Path

from tests import synthetic
from tests.benchmarks.built import built
from tests.benchmarks.page import table
from tests.benchmarks.turns import Asked, here, in_turns
from tests.conftest import ROOT
from tests.integration.conftest import opened, running_dynamodb_local
from trialbook.core import report_keys
from trialbook.core.analysis.learning import worth_reading
from trialbook.core.curves.stored import to_bytes
from trialbook.core.sweeps import Record
from trialbook.ledger.ledger import LONGEST_TRANSACTION, Ledger

PEERS = ROOT / "build" / "peers" / "bin" / "python"
PEER, ONE_REPORT = (Path(__file__).with_name(name) for name in ("peers.py", "one_report.py"))
ASK_PEER = [str(PEERS), "-P", str(PEER)]  # -P: a module of this folder is called mlflow too
TITLE = "A whole report"
SIZES = (1000, 10_000)
RUNS = 5


def measure() -> str:
    """Seconds and megabytes of whole processes."""
    reports, peers = [], []
    with (
        built() as made,
        running_dynamodb_local() as url,
        (place := opened(url)) as ledger,
        tempfile.TemporaryDirectory() as folder,
    ):
        environment = made.environment("build_report")
        for size in SIZES:
            keep_curves(write(ledger, size), Path(folder))
            command = [str(made.python), str(ONE_REPORT), str(size), url, place.table]
            for what, more in (("", []), (", with curves", [folder])):
                name = f"Trialbook: analysis, picture and page, {size:,} trials{what}"
                reports.append(Asked(name, [*command, *more], environment))
        if PEERS.exists():
            peers = _peers(min(SIZES), Path(folder))
        in_turns([*reports, *peers], RUNS)
    parts = [json.loads(each.runs[-1].printed) for each in reports] + [{}] * len(peers)
    columns = list(parts[0])
    rows = [
        [each.name, round(each.seconds, 2), round(each.of_processor, 2), *map(found.get, columns)]
        for each, found in zip([*reports, *peers], parts, strict=True)
    ]
    return table(["", "seconds", "of processor", *columns], rows)


def _peers(size: int, folder: Path) -> list[Asked]:
    """The peers, whose stores are filled."""
    found = []
    for peer, what in (("optuna", "Optuna: table, PED-ANOVA and chart"), ("mlflow", "MLflow: the table alone")):
        place = folder / peer
        place.mkdir()
        Asked("", [*ASK_PEER, peer, "write", str(size), str(place)], here()).run()
        found.append(Asked(f"{what}, {size:,} trials", [*ASK_PEER, peer, "ask", str(size), str(place)]))
    return found


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
