"""Ten suggested trials after thirty random ones, beside ten more random ones and Optuna's TPE if its environment exists
(see the whole report). Six functions and a training, 100 seeds each. TPE sees each of its ten values before it chooses
the next point ("in turn"), or chooses all ten at once as `trialbook next` does. Regret is how far the best of the forty
is above the least cost there is, of the training the least that was seen; medians.

Where jobs fail: 40 random jobs, of which those that meet a condition fail, then ten points, chosen with the failed jobs or
without; 20 sweeps of each kind."""

import json
import math
import random
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median

from tests.benchmarks.page import table
from tests.benchmarks.problems import PROBLEMS, Axis, Given, Problem
from tests.benchmarks.report import PEER, PEERS
from tests.unit.analysing import analysed, trial
from trialbook.core.analysis.model import Kind, Parameter, Scale
from trialbook.core.analysis.next_search import next_search
from trialbook.core.objectives import ObjectiveType
from trialbook_cli.suggestion import suggested as suggested_of

TITLE = "Where to search next"
SEEDS, FIRST, MORE = range(3000, 3100), 30, 10
SWEEPS, JOBS = range(20), 40
_AXES = (Axis("batch", 16, 512, is_whole=True), Axis("lr", 1e-4, 0.1, is_log=True), Axis("depth", 1, 12, is_whole=True))


def _slow(x: Given) -> float:
    """Large batches are better, and deep nets."""
    return (math.log10(float(x["lr"])) + 2.5) ** 2 / 5 - float(x["batch"]) / 1000 - float(x["depth"]) / 50


_FAILING: dict[str, Callable[[Given, random.Random], bool]] = {
    "batches above 300": lambda x, _: float(x["batch"]) > 300,
    "batch times depth above 2,000": lambda x, _: float(x["batch"]) * float(x["depth"]) > 2000,
    "a tenth, by chance": lambda _, source: source.random() < 0.1,
}


def parameter_of(axis: Axis) -> Parameter:
    """An axis as the analysis has it."""
    if axis.values:
        return Parameter(axis.name, Kind.CATEGORY, Scale.LINEAR, 3, 0, False, False, None, None, (), axis.values)
    scale = Scale.LOG if axis.is_log else Scale.LINEAR
    low, high = (int(axis.low), int(axis.high)) if axis.is_whole else (axis.low, axis.high)
    return Parameter(axis.name, Kind.NUMBER, scale, 99, 0, True, axis.is_whole, low, high, (), ())


def suggested(problem: Problem, trials: Sequence[Given]) -> list[Given]:
    """Ten points after the trials."""
    ranked = sorted(trials, key=problem.cost)
    space = [parameter_of(axis) for axis in problem.axes]
    values = [problem.cost(each) for each in ranked]
    found = next_search(space, ranked, values, ObjectiveType.MINIMIZE, points=MORE)
    return [{name: value for name, value in point.items() if value is not None} for point in found.points]


def measure() -> str:
    """A row for each problem."""
    rows: list[list[object]] = []
    cases = [(name, seed) for name in PROBLEMS for seed in SEEDS]
    peers = _peers(cases) if PEERS.exists() else {}
    for name, problem in PROBLEMS.items():
        bests: dict[str, list[float]] = {"ours": [], "random": [], "first": []}
        ahead = 0
        for seed in SEEDS:
            source = random.Random(seed)
            first = [problem.drawn(source) for _ in range(FIRST)]
            others = min(problem.cost(problem.drawn(source)) for _ in range(MORE))
            ours = min(map(problem.cost, suggested(problem, first)))
            before = min(map(problem.cost, first))
            ahead += ours < others
            bests["ours"].append(min(ours, before))
            bests["random"].append(min(others, before))
            bests["first"].append(before)
        for kind in ("in turn", "at once"):
            if peers:
                bests[kind] = [peers[f"{name} {seed} {kind}"] for seed in SEEDS]
        least = problem.least if problem.least is not None else min(min(each) for each in bests.values())
        regrets = {kind: median(values) - least for kind, values in bests.items()}
        columns = ("first", "random", "ours", "at once", "in turn")
        rows.append([name, f"{ahead} of {len(SEEDS)}", *(regrets.get(kind) for kind in columns)])
    head = ["problem", "ten beat ten random ones", "of the first 30", "random", "ours", "TPE, at once", "TPE, in turn"]
    failed = [
        "jobs that fail",
        "points that fail, failed jobs ignored",
        "points that fail",
        "a point beats all jobs, failed jobs ignored",
        "a point beats all jobs",
    ]
    return f"{table(head, rows)}\n\n{table(failed, [_failing(name) for name in _FAILING])}"


def _failing(name: str) -> list[object]:
    """Of all points, how many fail, and in how many sweeps one is better than all jobs; with and without failures."""
    problem, fails = Problem(_AXES, _slow, None), _FAILING[name]
    failed, better = [0, 0], [0, 0]
    for seed in SWEEPS:
        source = random.Random(seed)
        drawn = [problem.drawn(source) for _ in range(JOBS)]
        ended = [None if fails(x, source) else _slow(x) + source.gauss(0, 0.005) for x in drawn]
        records = [
            trial(n, x, value, **({} if value is not None else {"status": "Failed"}))
            for n, (x, value) in enumerate(zip(drawn, ended, strict=True))
        ]
        analysis = analysed(records)
        best = min(_slow(x) for x, value in zip(drawn, ended, strict=True) if value is not None)
        for at, each in enumerate((replace(analysis, failures=()), analysis)):
            points = [{k: v for k, v in x.items() if v is not None} for x in suggested_of(each, MORE).points]
            well = [x for x in points if not fails(x, source)]
            failed[at] += len(points) - len(well)
            better[at] += min(map(_slow, well), default=math.inf) < best
    return [name, *(f"{n} of {MORE * len(SWEEPS)}" for n in failed), *(f"{n} of {len(SWEEPS)}" for n in better)]


def _peers(cases: Sequence[tuple[str, int]]) -> Mapping[str, float]:
    """The best of the forty trials with TPE's ten."""
    lines = "\n".join(json.dumps(case) for case in cases)
    command = [str(PEERS), str(PEER), "next", str(FIRST), str(MORE)]
    output = subprocess.run(command, input=lines, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output)
    return found
