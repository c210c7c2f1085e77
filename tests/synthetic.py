"""Sweeps of any size, made up: what is true of them is known."""

import math
import random
from dataclasses import replace

from tests.unit.samples import at, job, record
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.jobs import InstanceGroup, Job
from trialbook.core.rules.parsing import parse_rules
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


def curves(of: Record, steps: int = 2_000) -> JobCurves:
    """How the record's job learned, with noise, and how busy its machine was in an hour."""
    source, end = random.Random(of.job.name), of.value or 0.5
    falling = [end + (2 - end) * math.exp(-6 * step / steps) for step in range(steps)]
    metrics = {
        "validation:loss": [value + source.gauss(0, 0.004) for value in falling],
        "train:loss": [0.8 * value + source.gauss(0, 0.002) for value in falling],
    }
    measures = {"CPUUtilization": 50, "MemoryUtilization": 30, "GPUUtilization": 60, "GPUMemoryUtilization": 40}
    hour = {
        name: Series.of(Axis.TIME, ((60.0 * minute, source.gauss(middle, 5)) for minute in range(60)))
        for name, middle in measures.items()
    }
    by_step = {name: Series.of(Axis.ITERATION, enumerate(values)) for name, values in metrics.items()}
    return JobCurves(of.job.name, by_step, {"algo-1": hour})
