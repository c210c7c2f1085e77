"""Sweeps of any size, made up: what is true of them is known."""

import math
import random
from dataclasses import replace

from tests.unit.samples import at, job, record
from trialbook.core.jobs import InstanceGroup, Job
from trialbook.core.rules.document import parse_rules
from trialbook.core.sweeps import Record, Sweep, SweepKind, SweepState, recount

METRICS = ("validation:loss", "train:loss", "validation:accuracy", "train:accuracy", "validation:auc", "epochs")
RULES = parse_rules({"experiments": {"*": {"objective": "minimize validation:loss"}}}, {})


def trial(number: int, source: random.Random, sweep: str = "net", start: float = 0) -> Job:
    """A trial of eight hyperparameters, of which the learning rate matters most; every 20th fails."""
    rate = 10 ** source.uniform(-4, 0)
    given = {
        "learning_rate": f"{rate:.6g}",
        "dropout": f"{source.random() / 2:.4f}",
        "layers": str(source.randint(1, 8)),
        "units": str(2 ** source.randint(4, 10)),
        "batch_size": str(source.choice([32, 64, 128, 256])),
        "optimizer": source.choice(["adam", "sgd", "rmsprop"]),
        "weight_decay": f"{10 ** source.uniform(-6, -2):.6g}",
        "momentum": f"{source.random():.4f}",
        "epochs": "10",
    }
    loss = 0.1 + (math.log10(rate) + 2) ** 2 / 10 + float(given["dropout"]) / 10 + source.gauss(0, 0.01)
    values = (loss, loss * 0.8, 1 - loss / 2, 1 - loss / 3, 1 - loss / 4, 10)
    fails = number % 20 == 19
    return job(
        f"{sweep}-{number:05d}",
        start + number / 10,
        start + number / 10 + 3,
        status="Failed" if fails else "Completed",
        metrics={} if fails else {name: float(value) for name, value in zip(METRICS, values, strict=True)},
        hyper_parameters=given,
        failure_reason="AlgorithmError: CUDA out of memory" if fails else None,
        instances=(InstanceGroup("ml.g5.xlarge", 1),),
        billable_seconds=180,
    )


def records(trials: int, seed: int = 7, sweep: str = "net", start: float = 0) -> list[Record]:
    """The records of a sweep's trials; the first starts `start` minutes late."""
    source = random.Random(seed)
    jobs = [trial(n, source, sweep, start) for n in range(trials)]
    return [replace(record(job, "net", rules=RULES), sweep=sweep, version=1) for job in jobs]


def sweep(found: list[Record]) -> Sweep:
    """The closed sweep that holds them."""
    name = found[0].sweep or ""
    blank = Sweep(name, SweepKind.TAG, "net", account="123456789012", region="us-east-1", version=1)
    counted = recount(blank, found)
    return replace(counted, state=SweepState.CLOSED, revision=1, closed_at=at(len(found)))
