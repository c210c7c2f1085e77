"""The report's advice on sweeps drawn from pools of trials, of which the whole pool shows the truth: random searches over
models of scikit-learn (`build/peers/bin/python tests/benchmarks/peers.py pools build/pools` trains them, in the environment
of the whole report), or those in the folder POOLS; and functions with noise. 20 sweeps of each pool and size. `before` is
the same with another version, if it is in build/before (`git worktree add build/before f985dd9`).

A hyperparameter's true effect is its total effect on a forest of the whole pool, a pair's is what only both together do.
The right order is that of the effects, of which two are alike in "agree" and "multiply"; τ is Kendall's. Wrong is: a
hyperparameter with 5% of the variance could be fixed; a pair without 1% matters; a direction against the pool's; a good or
narrower range that holds less of the pool's best tenth than of all its trials; values get better at an end that the pool
has worse ones at.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean, median
from typing import Any

from tests.benchmarks.page import table
from tests.unit.analysing import analysed, trial
from trialbook.core.analysis.arithmetic import rank_correlation
from trialbook.core.analysis.model import Analysis

TITLE = "Sweeps of real trials"
SEEDS, SIZES = range(20), (60, 150)
ROOT = Path(__file__).parents[2]
PEERS, BEFORE = ROOT / "build" / "peers" / "bin" / "python", ROOT / "build" / "before"
PEER = Path(__file__).with_name("peers.py")
POOLS = Path(os.environ.get("POOLS", ROOT / "build" / "pools"))
_MATTERS, _TOGETHER = 0.05, 0.01  # of the variance

Row = Mapping[str, Any]  # "p": hyperparameters, "y": value to minimise
Truth = Mapping[str, float]  # the effect of a hyperparameter; of a pair, by both names


def pools() -> dict[str, list[Row]]:
    """Real pools by name, and functions of five numbers with noise."""
    real = {each.stem: json.loads(each.read_text()) for each in sorted(POOLS.glob("*.json"))}
    return real | {name: list(_made_up(name)) for name in ("add", "agree", "multiply")}


def _made_up(name: str) -> Iterable[Row]:
    source = random.Random(name)
    for _ in range(1000):
        p = {each: source.random() for each in "abcde"}
        y = {
            "add": 3 * p["a"] + p["b"],
            "agree": float((p["a"] > 0.5) != (p["b"] > 0.5)),
            "multiply": 4 * (p["a"] - 0.5) * (p["b"] - 0.5),
        }[name]
        yield {"p": p, "y": y + source.gauss(0, 0.15)}


def drawn(pool: Sequence[Row], seed: int, size: int) -> list[Row]:
    """A sweep of the pool."""
    return random.Random(seed).sample(list(pool), size)


def counted(found: Mapping[str, Sequence[Row]], truths: Mapping[str, Truth]) -> dict[str, dict[str, str]]:
    """By pool and size: how often each thing was said, how often wrongly."""
    return {
        f"{name}, {size}": _counts([_said(drawn(pool, seed, size), truths[name], pool) for seed in SEEDS])
        for name, pool in found.items()
        for size in SIZES
    }


def orders(found: Mapping[str, Sequence[Row]]) -> dict[str, list[list[str]]]:
    """By pool and size: our order of the hyperparameters in each sweep."""
    return {
        f"{name}, {size}": [_order(drawn(pool, seed, size)) for seed in SEEDS]
        for name, pool in found.items()
        for size in SIZES
    }


def _order(rows: Sequence[Row]) -> list[str]:
    importance = _analysed(rows).groups[0].importance
    return [each.parameter for each in importance.effects] if importance else []


def _analysed(rows: Sequence[Row]) -> Analysis:
    return analysed([trial(n, row["p"], row["y"]) for n, row in enumerate(rows)])


def _said(rows: Sequence[Row], truth: Truth, pool: Sequence[Row]) -> dict[str, bool | None]:
    """What is said of a sweep: whether it is right, None where it is not said."""
    group = _analysed(rows).groups[0]
    good, everyone = _best_tenth(pool), [row["p"] for row in pool]
    effects = group.importance.effects if group.importance else ()
    fixed = next((each.text for each in group.advice if each.kind == "insensitive"), "").split(" account")[0]
    names = fixed.replace(",", " ").split()
    pairs: Sequence[Any] = getattr(group.importance, "pairs", ())
    directed = [
        _goes(pool, each.parameter) * (1 if each.direction.startswith("lower") else -1) > 0
        for each in effects
        if each.direction.startswith(("lower is", "higher is"))
    ]
    shaped = [
        _holds(each.parameter, each.good_low, each.good_high, good, everyone)
        for each in effects
        if getattr(each, "good_low", None) is not None
    ]
    where = getattr(group, "where_next", None)
    narrower = [
        _holds(each.parameter, each.low, each.high, good, everyone)
        for each in (where.ranges if where else ())
        if each.change.value == "narrower" and each.low is not None
    ]
    edges = [
        _is_better_at(pool, each.parameter, is_low=float(str(each.figures["best_at"])) <= _middle(pool, each.parameter))
        for each in group.advice
        if each.kind == "edge of range" and each.parameter
    ]
    is_noise = any(each.kind == "within noise" for each in group.advice)
    return {
        "could be fixed": all(truth.get(each, 0) < _MATTERS for each in names) if names else None,
        "combinations": truth.get(_both(pairs[0].one, pairs[0].other), 0) >= _TOGETHER if pairs else None,
        "direction": all(directed) if directed else None,
        "U shape": all(shaped) if shaped else None,
        "narrower range": all(narrower) if narrower else None,
        "edge of range": all(edges) if edges else None,
        "within noise, without repeats": False if is_noise else None,
    }


def _both(one: str, other: str) -> str:
    return " & ".join(sorted((one, other)))


def _best_tenth(pool: Sequence[Row]) -> list[Mapping[str, Any]]:
    return [row["p"] for row in sorted(pool, key=lambda row: row["y"])[: len(pool) // 10]]


def _holds(
    name: str, low: object, high: object, good: Sequence[Mapping[str, Any]], everyone: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether a range holds more of the good trials than of all."""
    least, most = float(str(low)), float(str(high))
    shares = [fmean(least <= float(p[name]) <= most for p in some if name in p) for some in (good, everyone)]
    return shares[0] >= shares[1]


def _numbers(pool: Sequence[Row], name: str) -> list[tuple[float, float]]:
    return sorted((float(row["p"][name]), row["y"]) for row in pool if name in row["p"])


def _goes(pool: Sequence[Row], name: str) -> float:
    found = _numbers(pool, name)
    return rank_correlation([x for x, _ in found], [y for _, y in found]) or 0.0


def _middle(pool: Sequence[Row], name: str) -> float:
    return median(x for x, _ in _numbers(pool, name))


def _is_better_at(pool: Sequence[Row], name: str, *, is_low: bool) -> bool:
    """Whether the last tenth has better values than the quarter before it."""
    values = [y for _, y in _numbers(pool, name)][:: 1 if is_low else -1]
    tenth, quarter = len(values) // 10, len(values) // 4
    return median(values[:tenth]) < median(values[tenth : tenth + quarter])


def _counts(found: Sequence[Mapping[str, bool | None]]) -> dict[str, str]:
    """Given, and of these wrong."""
    given = {what: [each[what] for each in found if each[what] is not None] for what in found[0]}
    return {what: f"{answers.count(False)} of {len(answers)}" if answers else "" for what, answers in given.items()}


def measure() -> str:
    """Advice, before and now; then importance beside the peers'."""
    found = pools()
    asked = {name: list(pool) for name, pool in found.items()}
    truths = _asked("truths", asked)
    now, earlier = counted(found, truths), before(truths)
    kinds = list(next(iter(now.values())))
    cells = [
        [where, *(_cell(earlier.get(where, {}).get(kind, ""), said[kind]) for kind in kinds)]
        for where, said in now.items()
    ]
    advice = table(["pool, trials", *kinds], cells)
    sweeps = {
        f"{name}, {size}": [drawn(pool, seed, size) for seed in SEEDS] for name, pool in found.items() for size in SIZES
    }
    methods = {"ours": orders(found), **_asked("orders", sweeps)}
    rows: list[list[object]] = []
    for where in sweeps:
        truth = truths[where.split(",")[0]]
        rows.append([where, *(_score(method[where], truth) for method in methods.values())])
    head = "Wrongly said, of how many sweeps it was said of: before → now."
    below = "Right first hyperparameter, right first two, τ: means over the sweeps."
    return f"{head}\n\n{advice}\n\n{below}\n\n{table(['pool, trials', *methods], rows)}"


def _cell(earlier: str, now: str) -> str:
    return f"{earlier or '–'} → {now or '–'}" if earlier or now else "–"


def _score(found: Sequence[Sequence[str]], truth: Truth) -> str:
    right = sorted((name for name in truth if " & " not in name), key=lambda name: -truth[name])
    shown = [each for each in found if each]
    if not shown:
        return "none shown"
    first = fmean(each[0] == right[0] for each in shown)
    two = fmean(set(each[:2]) == set(right[:2]) for each in shown)
    tau = fmean(_kendall(each, truth) for each in shown)
    return f"{first:.2f}, {two:.2f}, {tau:.2f}" + (f" ({len(shown)} shown)" if len(shown) < len(found) else "")


def _kendall(order: Sequence[str], truth: Truth) -> float:
    pairs = list(combinations([each for each in order if each in truth], 2))
    return fmean(1 if truth[one] > truth[other] else -1 for one, other in pairs)


def _asked(what: str, given: object) -> Any:
    command = [str(PEERS), str(PEER), what, "-"]
    return json.loads(
        subprocess.run(command, input=json.dumps(given), check=True, capture_output=True, text=True).stdout
    )


def before(truths: Mapping[str, Truth]) -> Mapping[str, Mapping[str, str]]:
    """The counts of the version in build/before, if it is there."""
    if not BEFORE.exists():
        return {}
    path = os.pathsep.join(map(str, (BEFORE / "layers" / "trialbook", BEFORE)))
    environment = os.environ | {"PYTHONPATH": path, "POOLS": str(POOLS.resolve())}
    command = [sys.executable, "-P", __file__]
    done = subprocess.run(
        command, input=json.dumps(truths), env=environment, cwd=BEFORE, check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    print(json.dumps(counted(pools(), json.load(sys.stdin))))
