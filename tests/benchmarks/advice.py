"""How often each piece of advice is given if it is true, and if it is not, in sweeps whose truth is known: made-up
functions, and values that hyperparameters do nothing to. 100 sweeps of each kind and size. `before` is the same with
another version, if it is in build/before (`git worktree add build/before f985dd9`)."""

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.page import table
from tests.unit import analysing
from tests.unit.analysing import analysed, swept, trial
from trialbook.core.analysis.model import Analysis
from trialbook.core.significance import rank_test
from trialbook.core.sweeps import Record

TITLE = "Advice that is true"
SEEDS = range(2000, 2100)
PAIRS = range(10_000, 13_000)
BEFORE = Path(__file__).parents[2] / "build" / "before"
_RULES = {
    objective: vars(analysing)["parse_rules"]({"experiments": {"*": {"objective": objective}}}, {})  # of either version
    for objective in ("minimize validation:loss", "maximize validation:accuracy")
}

Given = dict[str, object]
Value = Callable[[Mapping[str, float], random.Random], float]

TRUTHS: dict[str, Value] = {
    "nothing": lambda x, source: source.gauss(0, 1),
    "one falls": lambda x, source: -3 * x["a"] + source.gauss(0, 0.3),
    "a step": lambda x, source: float(x["a"] > 0.3) + source.gauss(0, 0.1),
    "a step near the end": lambda x, source: -float(x["a"] > 0.7) + source.gauss(0, 0.1),
    "two steps": lambda x, source: -float(x["a"] > 0.3) - float(x["a"] > 0.7) + source.gauss(0, 0.1),
    "a valley": lambda x, source: 4 * (x["a"] - 0.45) ** 2 + source.gauss(0, 0.05),
    "two add": lambda x, source: 3 * x["a"] + x["b"] + source.gauss(0, 0.1),
    "two agree": lambda x, source: float((x["a"] > 0.5) != (x["b"] > 0.5)) + source.gauss(0, 0.15),
    "two multiply": lambda x, source: 4 * (x["a"] - 0.5) * (x["b"] - 0.5) + source.gauss(0, 0.1),
}


def drawn(truth: str, seed: int, trials: int, names: str = "abcd") -> list[Record]:
    """A random search of four numbers."""
    source = random.Random(seed)
    points = [{name: source.random() for name in names} for _ in range(trials)]
    return [trial(n, dict(x), TRUTHS[truth](x, source)) for n, x in enumerate(points)]


def failing(seed: int, trials: int, fails: Callable[[Given, random.Random], bool]) -> list[Record]:
    """A random search some jobs of which fail."""
    source, made = random.Random(seed), []
    for n in range(trials):
        given: Given = {name: source.random() for name in "abc"}
        given |= {"depth": source.randint(1, 10), "booster": source.choice(["tree", "linear", "dart"])}
        is_failed = fails(given, source)
        reason = "AlgorithmError: out of memory"
        more: dict[str, Any] = {"status": "Failed", "failure_reason": reason} if is_failed else {}
        made.append(trial(n, given, None if is_failed else source.random(), **more))
    return made


def repeated(seed: int, effect: float) -> list[Record]:
    """Ten configurations three times each, with seeds; the noise is 0.1."""
    source, made = random.Random(seed), []
    for n in range(30):
        given = {"eta": n // 3, "seed": source.randint(0, 10**6)}
        made.append(trial(n, given, effect * (n // 3) + source.gauss(0, 0.1)))
    return made


def with_seeds(seed: int, trials: int) -> list[Record]:
    """A random search of one number and of the seed, which draws the noise."""
    source = random.Random(seed)
    points = [{"a": source.random(), "random_state": source.randint(0, 99)} for _ in range(trials)]
    return [trial(n, x, x["a"] + source.gauss(0, 0.3)) for n, x in enumerate(points)]


def conditional(seed: int, trials: int) -> list[Record]:
    """A search whose `degree` is set for one kernel only; the kernel does nothing but for its degree."""
    source, made = random.Random(seed), []
    for n in range(trials):
        kernel, c = source.choice(["poly", "rbf"]), source.random()
        given: Given = {"c": c, "kernel": kernel} | ({"degree": source.randint(2, 5)} if kernel == "poly" else {})
        made.append(trial(n, given, 3 * c + float(str(given.get("degree", 3.5))) / 10 + source.gauss(0, 0.02)))
    return made


def a_grid(seed: int, trials: int) -> list[Record]:
    """Nested loops over two numbers."""
    source = random.Random(seed)
    return [trial(n, {"a": n // 10, "b": n % 10}, n // 10 + n % 10 + source.gauss(0, 1)) for n in range(trials)]


def fitted(objective: str, train: Callable[[float], float], value: Callable[[random.Random], float], seed: int) -> bool:
    """Whether the best of 20 trials is said to fit the training data too closely."""
    source, metric = random.Random(seed), objective.split()[1]
    on_train = metric.replace("validation", "train")
    made = []
    for n in range(20):
        found = value(source)
        more = {"metrics": {on_train: train(found)}, "rules": _RULES[objective]}
        made.append(trial(n, {"a": n}, found, metric=metric, **more))
    return gives(analysed(made), "overfitting")


def differs(seed: int, *, learns: bool, shift: float = 0.0) -> bool:
    """Whether `compare` says that a random search of 30 trials and another of 90, or one that learns, differ."""
    source = random.Random(seed)
    one = [TRUTHS["a valley"]({"a": source.random()}, source) for _ in range(30)]
    at, other = source.random(), []
    for n in range(90):
        tried = source.random() if n < 20 or not learns else min(max(at + source.gauss(0, 0.1), 0.0), 1.0)
        other.append(TRUTHS["a valley"]({"a": tried}, source) + shift)
        at = tried if other[-1] == min(other) else at
    p = rank_test(one, other)
    return p is not None and p < 0.05 and not (_learns(one) or _learns(other))


def _learns(costs: Sequence[float]) -> bool:
    """Whether such a search chose its trials; the version before does not ask."""
    try:
        from trialbook.core.analysis.going_on import learns
    except ImportError:
        return False
    return learns(costs, None)


def gives(found: Analysis, kind: str, *, of: str = "") -> bool:
    """Whether there is such advice, about that hyperparameter if one is named."""
    advice = [*found.advice, *(each for group in found.groups for each in group.advice)]
    return any(each.kind == kind and of in (each.parameter or each.text) for each in advice)


def goes_beyond(found: Analysis) -> bool:
    """Whether values beyond the end of the first hyperparameter's range are recommended."""
    advice = [each for group in found.groups for each in group.advice]
    return any(
        each.kind == "edge of range" and each.parameter == "a" and each.figures.get("goes_on", True) for each in advice
    )


def has_direction(found: Analysis) -> bool:
    """Whether a hyperparameter is said to have one."""
    importance = found.groups[0].importance
    words = ("lower is better", "higher is better", "U-shaped")
    return importance is not None and any(each.direction.startswith(words) for each in importance.effects)


def has_shape(found: Analysis) -> bool:
    """Whether the first hyperparameter is said to have its best in a range that holds the truth."""
    importance = found.groups[0].importance
    first = importance.effects[0] if importance else None
    low, high = getattr(first, "good_low", None), getattr(first, "good_high", None)
    if first is None or low is None or high is None:
        return False
    return first.parameter == "a" and low <= 0.45 <= high


def has_range(found: Analysis) -> bool:
    """Whether a range to search next is suggested."""
    return getattr(found.groups[0], "where_next", None) is not None


def names_pair(found: Analysis) -> bool:
    """Whether the right pair is said to matter together."""
    importance = found.groups[0].importance
    pairs: Sequence[Any] = getattr(importance, "pairs", ())
    return any({each.one, each.other} == {"a", "b"} for each in pairs[:1])


def is_noise(found: Analysis) -> bool:
    """Whether it is said that the order of trials may be chance."""
    return gives(found, "within noise")


def others_are_close(found: Analysis) -> bool:
    """Whether it is said that other configurations are within noise of the best by repeats."""
    advice = [each for group in found.groups for each in group.advice if each.kind == "within noise"]
    return any(each.figures["close"] for each in advice)


def names_seed(found: Analysis) -> bool:
    """Whether anything is said of the seed as of a hyperparameter."""
    importance = found.groups[0].importance
    effects = importance.effects if importance else ()
    return any(e.parameter == "random_state" for e in effects) or any(
        gives(found, kind, of="random_state") for kind in ("edge of range", "insensitive", "combinations")
    )


def fixes_kernel(found: Analysis) -> bool:
    """Whether it is said that the kernel could be fixed."""
    return any("kernel" in e.text for e in found.groups[0].advice if e.kind == "insensitive")


def is_drawn(found: Analysis) -> bool:
    """Whether the chance of better trials is given, which only trials drawn alike have."""
    return any(e.kind == "going on" and "chance" in e.figures for e in found.groups[0].advice)


Case = tuple[str, str, bool, int, Callable[[int, int], list[Record]], Callable[[Analysis], bool]]


def cases() -> list[Case]:
    """Advice, what the sweep is, whether the advice is true there, trials, the sweep, and whether it was given."""
    found: list[Case] = []

    def add(advice: str, sweep: str, given: Callable[[Analysis], bool], sizes: Sequence[int], **more: bool) -> None:
        found.extend((advice, sweep, more["true"], size, lambda s, n: drawn(sweep, s, n), given) for size in sizes)

    for truth in ("nothing", "a step", "a step near the end", "a valley"):
        add("edge of range", truth, lambda a: gives(a, "edge of range"), (5, 8, 15, 30, 60, 100), true=False)
    add("edge of range", "one falls", lambda a: gives(a, "edge of range", of="a"), (8, 15, 30, 60, 100), true=True)
    for truth in ("nothing", "a step", "a step near the end", "two steps"):
        add("go beyond the end", truth, goes_beyond, (8, 30, 60), true=False)
    add("go beyond the end", "one falls", goes_beyond, (30, 60), true=True)
    for truth in ("two agree", "two multiply"):
        add("could be fixed", truth, lambda a: any(gives(a, "insensitive", of=n) for n in "ab"), (60, 100), true=False)
        add("combinations", truth, names_pair, (60, 100), true=True)
    add("could be fixed", "two add", lambda a: gives(a, "insensitive"), (60, 100), true=True)
    add("combinations", "two add", lambda a: gives(a, "combinations"), (60, 100), true=False)
    add("combinations", "nothing", lambda a: gives(a, "combinations"), (60, 100), true=False)
    add("direction", "nothing", has_direction, (30, 60, 100), true=False)
    add("direction", "one falls", has_direction, (30, 60, 100), true=True)
    add("U shape", "a valley", has_shape, (30, 60, 100), true=True)
    add("narrower range", "nothing", has_range, (15, 30, 60, 100), true=False)
    add("narrower range", "a valley", has_range, (15, 30, 60, 100), true=True)
    add("within noise", "two add", is_noise, (30, 60, 100), true=False)
    more: list[tuple[str, str, bool, int, Callable[[int, int], list[Record]], Callable[[Analysis], bool]]] = [
        ("within noise", "repeats of ten that differ", False, 30, lambda s, n: repeated(s, 1.0), others_are_close),
        (
            "within noise",
            "repeats of ten that do not differ",
            True,
            30,
            lambda s, n: repeated(s, 0.0),
            others_are_close,
        ),
        *(("seed is no hyperparameter", "a and its seed", False, n, with_seeds, names_seed) for n in (30, 60, 100)),
        ("could be fixed", "a kernel and its degree", False, 100, conditional, fixes_kernel),
        ("drawn at random", "nested loops", False, 50, a_grid, is_drawn),
        ("drawn at random", "one falls", True, 50, lambda s, n: drawn("one falls", s, n), is_drawn),
    ]
    found.extend(more)
    fails: dict[str, tuple[bool, Callable[[Given, random.Random], bool]]] = {
        "failures at random": (False, lambda x, source: source.random() < 0.15),
        "deep ones fail": (True, lambda x, source: float(str(x["depth"])) >= 9),
        "9 of 10 deep ones fail": (True, lambda x, source: float(str(x["depth"])) >= 9 and source.random() < 0.9),
        "deep darts fail": (True, lambda x, source: float(str(x["depth"])) >= 7 and x["booster"] == "dart"),
    }
    for name, (is_true, rule) in fails.items():
        of = "depth" if is_true and name != "deep darts fail" else ""
        found.extend(_failing(name, size, rule, of, is_true=is_true) for size in (30, 60, 150))
    return found


def _failing(name: str, size: int, rule: Callable[[Given, random.Random], bool], of: str, *, is_true: bool) -> Case:
    return (
        "cause of failures",
        name,
        is_true,
        size,
        lambda seed, trials: failing(seed, trials, rule),
        lambda found: gives(found, "failures", of=of),
    )


Said = tuple[str, str, bool, str]  # advice, sweep, whether it is true there, how often it was given


def counted() -> list[Said]:
    """Of a hundred sweeps each, in how many the advice was given."""
    rows: dict[tuple[str, str, bool], list[str]] = {}
    for advice, sweep, is_true, size, make, given in cases():
        hits = sum(given(analysed(records)) for seed in SEEDS if (records := make(seed, size)))
        rows.setdefault((advice, sweep, is_true), []).append(f"{hits} (n = {size})")
    found = [(*row, ", ".join(counts)) for row, counts in rows.items()]
    for name, is_true, given_to in whole():
        found.append((*name, is_true, f"{sum(map(given_to, SEEDS))}"))
    return found


def whole() -> list[tuple[tuple[str, str], bool, Callable[[int], bool]]]:
    """Advice that more than hyperparameters and values decide: metrics on training data, or another sweep."""
    loss, accuracy = _RULES
    closely: list[tuple[str, bool, Callable[[int], bool]]] = [
        ("a loss alike on both", False, lambda s: fitted(loss, lambda v: v - 0.01, _near(0.5), s)),
        (
            "0.0001 beside 0.0002",
            False,
            lambda s: fitted(loss, lambda v: 1e-4, lambda r: 2e-4 * 5_000 ** r.random(), s),
        ),
        ("a loss a third as large", True, lambda s: fitted(loss, lambda v: v / 3, _near(0.5), s)),
        ("accuracy 0.995 beside 0.990", False, lambda s: fitted(accuracy, lambda v: v + 0.005, _near(0.98), s)),
        ("accuracy 0.99 beside 0.90", True, lambda s: fitted(accuracy, lambda v: 0.99, _near(0.88), s)),
    ]
    return [
        *((("overfitting", name), is_true, given) for name, is_true, given in closely),
        (("sweeps differ", "random ones of 30 and 90"), False, lambda s: differs(s, learns=False)),
        (("sweeps differ", "a random one and one that learns"), False, lambda s: differs(s, learns=True)),
        (("sweeps differ", "random ones, one worse"), True, lambda s: differs(s, learns=False, shift=0.3)),
    ]


def _near(middle: float) -> Callable[[random.Random], float]:
    return lambda source: source.uniform(middle - 0.01, middle + 0.01)


def measure() -> str:
    """Of a hundred sweeps each, in how many the advice was given, before and now."""
    earlier = before()
    rows: list[list[object]] = [
        [advice, sweep, "true" if is_true else "false", earlier.get((advice, sweep), ""), counts]
        for advice, sweep, is_true, counts in counted()
    ]
    rows.append(
        ["sweeps differ", f"{len(PAIRS):,} pairs of random ones of 30 and 90", "false", "", _pairs_that_differ()]
    )
    rows += [["chance of better", name, "calibration", "", text] for name, text in calibrated()]
    return table(["advice", "sweep", "there it is", "before", "given"], rows)


def _pairs_that_differ() -> str:
    """More pairs than sweeps of other kinds: a hundred can't tell 5% from 10%."""
    return f"{sum(differs(seed, learns=False) for seed in PAIRS) / len(PAIRS):.1%}"


def before() -> Mapping[tuple[str, str], str]:
    """The counts of the version in build/before, if it is there."""
    if not BEFORE.exists():
        return {}
    path = os.pathsep.join(map(str, (BEFORE / "layers" / "trialbook", BEFORE)))
    command, environment = [sys.executable, "-P", __file__], os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, env=environment, cwd=BEFORE, check=True, capture_output=True, text=True)
    return {(advice, sweep): counts for advice, sweep, _, counts in json.loads(done.stdout)}


def calibrated() -> list[tuple[str, str]]:
    """How often the last 20 beat the best before them, beside the chance that was given."""
    found = []
    for name in ("one falls", "a valley", "nothing"):
        happened = expected = 0.0
        for seed in SEEDS:
            source = random.Random(seed)
            values = [TRUTHS[name]({each: source.random() for each in "abcd"}, source) for _ in range(80)]
            happened += min(values[60:]) < min(values[:60])
            records = [trial(n, {"a": n}, value) for n, value in enumerate(values[:60])]
            sweep = swept(records, strategy="Random")
            advice = [e for e in analysed(records, sweep=sweep).groups[0].advice if e.kind == "going on"]
            expected += float(str(advice[0].figures["chance"])) if advice else math.nan
        found.append((name, f"{happened:.0f} of {len(SEEDS)} did, {expected:.0f} were expected"))
    return found


if __name__ == "__main__":
    print(json.dumps(counted()))
