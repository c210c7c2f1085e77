"""Problems whose next trials are suggested: six functions and a training, as costs over spaces of hyperparameters.

Of the standard library alone, so that the peers' interpreter reads it too.
"""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

Given = Mapping[str, float | str]


@dataclass(frozen=True)
class Axis:
    """A hyperparameter: between bounds, on a log scale or in whole numbers; or among values."""

    name: str
    low: float = 0.0
    high: float = 1.0
    is_log: bool = False
    is_whole: bool = False
    values: tuple[str, ...] = ()

    def drawn(self, source: random.Random) -> float | str:
        """A value, as a random search has it."""
        if self.values:
            return source.choice(self.values)
        if self.is_whole:
            return source.randint(int(self.low), int(self.high))
        if self.is_log:
            return math.exp(source.uniform(math.log(self.low), math.log(self.high)))
        return source.uniform(self.low, self.high)


@dataclass(frozen=True)
class Problem:
    """A cost over a space; `least` is the least cost there is, None if nobody knows."""

    axes: tuple[Axis, ...]
    cost: Callable[[Given], float]
    least: float | None

    def drawn(self, source: random.Random) -> dict[str, float | str]:
        """A point of a random search."""
        return {axis.name: axis.drawn(source) for axis in self.axes}


def _number(given: Given, name: str) -> float:
    return float(given[name])


def _valley(given: Given) -> float:
    rate = math.log10(_number(given, "lr"))
    return (rate + 2.5) ** 2 / 4 + (_number(given, "depth") - 6) ** 2 / 20


def _branin(given: Given) -> float:
    x, y = 15 * _number(given, "a") - 5, 15 * _number(given, "b")
    bend = y - 5.1 * x * x / (4 * math.pi**2) + 5 * x / math.pi - 6
    return bend * bend + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


_PEAKS = (
    (1.0, (3.0, 10.0, 30.0), (0.3689, 0.1170, 0.2673)),
    (1.2, (0.1, 10.0, 35.0), (0.4699, 0.4387, 0.7470)),
    (3.0, (3.0, 10.0, 30.0), (0.1091, 0.8732, 0.5547)),
    (3.2, (0.1, 10.0, 35.0), (0.0381, 0.5743, 0.8828)),
)


def _hartmann(given: Given) -> float:
    x = [_number(given, name) for name in "abc"]
    return -sum(
        height * math.exp(-sum(s * (v - m) ** 2 for s, v, m in zip(steep, x, middle, strict=True)))
        for height, steep, middle in _PEAKS
    )


def _rosenbrock(given: Given) -> float:
    x = [4 * _number(given, name) - 2 for name in "abc"]
    return sum(100 * (v - u * u) ** 2 + (1 - u) ** 2 for u, v in pairwise(x))


def _mixed(given: Given) -> float:
    kind = {"a": 0.5, "b": 0.0, "c": 1.0}[str(given["kind"])]
    return _valley(given) + _number(given, "drop") / 5 + kind


def _bowl(given: Given) -> float:
    return sum((n + 1) * (_number(given, name) - 0.2 - n / 8) ** 2 for n, name in enumerate("abcde"))


@cache
def _data() -> tuple[list[tuple[list[float], int]], list[tuple[list[float], int]]]:
    source = random.Random(11)
    rows = []
    for _ in range(160):
        x = [1.0, *(source.gauss(0, 1) for _ in range(4))]
        y = int(x[1] * 2 - x[2] + x[1] * x[3] / 2 + source.gauss(0, 1) > 0)
        rows.append((x, y))
    return rows[:80], rows[80:]


def _chance(weights: list[float], x: list[float]) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, sum(w * v for w, v in zip(weights, x, strict=True))))))


def _training(given: Given) -> float:
    """A logistic regression by momentum: its log loss on other rows than those it was trained on."""
    train, other = _data()
    rate, decay, momentum = (_number(given, name) for name in ("lr", "weight_decay", "momentum"))
    weights, speed = [0.0] * 5, [0.0] * 5
    for _ in range(int(_number(given, "epochs"))):
        slope = [decay * w for w in weights]
        for x, y in train:
            error = (_chance(weights, x) - y) / len(train)
            slope = [s + error * v for s, v in zip(slope, x, strict=True)]
        speed = [momentum * s - rate * g for s, g in zip(speed, slope, strict=True)]
        weights = [max(-50.0, min(50.0, w + s)) for w, s in zip(weights, speed, strict=True)]
    chances = [(min(max(_chance(weights, x), 1e-9), 1 - 1e-9), y) for x, y in other]
    return -sum(math.log(p if y else 1 - p) for p, y in chances) / len(chances)


_RATE, _DEPTH = Axis("lr", 1e-5, 1.0, is_log=True), Axis("depth", 1, 12, is_whole=True)
_UNIT = {name: Axis(name) for name in "abcde"}

PROBLEMS: dict[str, Problem] = {
    "rate and depth": Problem((_RATE, _DEPTH), _valley, 0.0),
    "Branin": Problem((_UNIT["a"], _UNIT["b"]), _branin, 0.397887),
    "Hartmann of 3": Problem(tuple(_UNIT[name] for name in "abc"), _hartmann, -3.86278),
    "Rosenbrock of 3": Problem(tuple(_UNIT[name] for name in "abc"), _rosenbrock, 0.0),
    "mixed of 4": Problem((_RATE, _DEPTH, Axis("drop", 0, 0.5), Axis("kind", values=("a", "b", "c"))), _mixed, 0.0),
    "bowl of 5": Problem(tuple(_UNIT.values()), _bowl, 0.0),
    "a training": Problem(
        (
            Axis("lr", 1e-3, 10.0, is_log=True),
            Axis("weight_decay", 1e-5, 1.0, is_log=True),
            Axis("momentum", 0.0, 0.95),
            Axis("epochs", 2, 30, is_whole=True),
        ),
        _training,
        None,
    ),
}
