"""Analyses of small sweeps as tests need them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.unit.samples import at, job, record
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.model import Analysis
from trialbook.core.rules.document import Rules
from trialbook.core.rules.parsing import parse_rules
from trialbook.core.sweeps import Record, Sweep, SweepKind, recount

MINIMIZE = parse_rules({"experiments": {"*": {"objective": "minimize loss"}}}, {})
MAXIMIZE = parse_rules({"experiments": {"*": {"objective": "maximize accuracy"}}}, {})


def trial(
    number: int, given: Mapping[str, object], value: float | None, *, metric: str = "loss", **more: Any
) -> Record:
    """The record of a trial: it starts and ends in the order of its number."""
    rules: Rules = more.pop("rules", MINIMIZE if metric == "loss" else MAXIMIZE)
    metrics = more.pop("metrics", {})
    made = job(
        f"t-{number}",
        number,
        number + more.pop("minutes", 1),
        metrics={**({} if value is None else {metric: value}), **metrics},
        hyper_parameters={name: str(each) for name, each in given.items()},
        **more,
    )
    return replace(record(made, "exp", rules=rules), sweep="s", version=1)


def swept(records: Sequence[Record], **more: Any) -> Sweep:
    """The sweep that holds the records."""
    blank = Sweep("s", SweepKind.TAG, "exp", account="123456789012", region="us-east-1", version=1, **more)
    return recount(blank, records)


def analysed(records: Sequence[Record], *, sweep: Sweep | None = None, **more: Any) -> Analysis:
    """The analysis of a sweep's records."""
    return analyse(sweep or swept(records), records, as_of=at(1000), **more)


def one_number(values: Mapping[Any, float], **more: Any) -> list[Record]:
    """A trial for each value of `eta`."""
    return [trial(number, {"eta": eta}, value, **more) for number, (eta, value) in enumerate(values.items())]
