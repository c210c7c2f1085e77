"""How often each piece of advice is given if it is true, and if it is not, in sweeps whose truth is known: made-up
functions, and values that hyperparameters do nothing to. 100 sweeps of each kind and size."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.benchmarks.page import table
from tests.unit.analysing import analysed, swept, trial
from trialbook.core.analysis.model import Analysis
from trialbook.core.sweeps import Record

TITLE = "Advice that is true"
SEEDS = range(2000, 2100)

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


def told(found: Analysis, kind: str, *, of: str = "") -> bool:
    """Whether there is such advice, about that hyperparameter if one is named."""
    advice = [*found.advice, *(each for group in found.groups for each in group.advice)]
    return any(each.kind == kind and of in (each.parameter or each.text) for each in advice)


def goes_beyond(found: Analysis) -> bool:
    """Whether values beyond the end of the first hyperparameter's range are recommended."""
    advice = [each for group in found.groups for each in group.advice]
    return any(each.kind == "edge of range" and each.parameter == "a" and each.figures["goes_on"] for each in advice)


def has_direction(found: Analysis) -> bool:
    """Whether a hyperparameter is said to have one."""
    importance = found.groups[0].importance
    words = ("lower is better", "higher is better", "U-shaped")
    return importance is not None and any(each.direction.startswith(words) for each in importance.effects)


def has_shape(found: Analysis) -> bool:
    """Whether the first hyperparameter is said to have its best in a range that holds the truth."""
    importance = found.groups[0].importance
    first = importance.effects[0] if importance else None
    low, high = (first.good_low, first.good_high) if first else (None, None)
    if first is None or low is None or high is None:
        return False
    return first.parameter == "a" and low <= 0.45 <= high


def has_range(found: Analysis) -> bool:
    """Whether a range to search next is suggested."""
    return found.groups[0].where_next is not None


def names_pair(found: Analysis) -> bool:
    """Whether the right pair is said to matter together."""
    importance = found.groups[0].importance
    pairs = importance.pairs if importance else ()
    return bool(pairs) and {pairs[0].one, pairs[0].other} == {"a", "b"}


def is_noise(found: Analysis) -> bool:
    """Whether it is said that the order of trials may be chance."""
    return told(found, "within noise")


Case = tuple[str, str, bool, int, Callable[[int, int], list[Record]], Callable[[Analysis], bool]]


def cases() -> list[Case]:
    """Advice, what the sweep is, whether the advice is true there, trials, the sweep, and whether it was given."""
    found: list[Case] = []

    def add(advice: str, sweep: str, given: Callable[[Analysis], bool], sizes: Sequence[int], **more: bool) -> None:
        found.extend((advice, sweep, more["true"], size, lambda s, n: drawn(sweep, s, n), given) for size in sizes)

    for truth in ("nothing", "a step", "a step near the end", "a valley"):
        add("edge of range", truth, lambda a: told(a, "edge of range"), (5, 8, 15, 30, 60, 100), true=False)
    add("edge of range", "one falls", lambda a: told(a, "edge of range", of="a"), (8, 15, 30, 60, 100), true=True)
    for truth in ("nothing", "a step", "a step near the end", "two steps"):
        add("go beyond the end", truth, goes_beyond, (8, 30, 60), true=False)
    add("go beyond the end", "one falls", goes_beyond, (30, 60), true=True)
    for truth in ("two agree", "two multiply"):
        add("could be fixed", truth, lambda a: any(told(a, "insensitive", of=n) for n in "ab"), (60, 100), true=False)
        add("combinations", truth, names_pair, (60, 100), true=True)
    add("could be fixed", "two add", lambda a: told(a, "insensitive"), (60, 100), true=True)
    add("combinations", "two add", lambda a: told(a, "combinations"), (60, 100), true=False)
    add("combinations", "nothing", lambda a: told(a, "combinations"), (60, 100), true=False)
    add("direction", "nothing", has_direction, (30, 60, 100), true=False)
    add("direction", "one falls", has_direction, (30, 60, 100), true=True)
    add("U shape", "a valley", has_shape, (30, 60, 100), true=True)
    add("narrower range", "nothing", has_range, (15, 30, 60, 100), true=False)
    add("narrower range", "a valley", has_range, (15, 30, 60, 100), true=True)
    add("within noise", "two add", is_noise, (30, 60, 100), true=False)
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
        lambda found: told(found, "failures", of=of),
    )


def measure() -> str:
    """Of a hundred sweeps each, in how many the advice was given."""
    rows: dict[tuple[str, str, bool], list[str]] = {}
    for advice, sweep, is_true, size, make, given in cases():
        hits = sum(given(analysed(records)) for seed in SEEDS if (records := make(seed, size)))
        rows.setdefault((advice, sweep, is_true), []).append(f"{hits} of {len(SEEDS)} (n = {size})")
    lines: list[list[object]] = [
        [advice, sweep, "true" if is_true else "false", ", ".join(counts)]
        for (advice, sweep, is_true), counts in rows.items()
    ]
    lines += [["chance of better", name, "calibration", text] for name, text in calibrated()]
    return table(["advice", "sweep", "there it is", "given"], lines)


def calibrated() -> list[tuple[str, str]]:
    """How often the last 20 beat the best before them, beside the chance that was told."""
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
