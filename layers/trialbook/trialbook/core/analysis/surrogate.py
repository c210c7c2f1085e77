"""A Gaussian process over a search's hyperparameters: what it expects of a point, and how sure it is.

Made for few trials and small spaces, in plain Python: how quickly the objective changes along each hyperparameter is
found by coordinate steps on the marginal likelihood.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from trialbook.core.analysis.arithmetic import factor, sumprod

_ROUNDS = 3  # of steps along each hyperparameter
_STEPS = (0.4, 0.7, 1.5, 2.8)  # factors that are tried
_NEAREST, _FARTHEST = 0.05, 20.0  # ranges on which the objective may change, of the unit cube
_NOISES = (1e-4, 1e-3, 1e-2, 0.05, 0.15, 0.4)  # of the variance
_PRIOR = 0.3  # weight of the wish that no range be far from its usual one
_USUAL = 0.6

Point = Sequence[float]


@dataclass(slots=True)
class Surrogate:
    """A fitted process. `points` are in the unit cube, targets have mean 0 and variance 1."""

    points: list[Point]
    targets: list[float]
    ranges: list[float]
    noise: float
    lower: list[list[float]]
    weights: list[float]

    def expects(self, point: Point) -> tuple[float, float]:
        """The mean and the standard deviation of the objective there."""
        row = [_alike(point, other, self.ranges) for other in self.points]
        half = _forward(self.lower, row)
        return sumprod(row, self.weights), sqrt(max(1.0 - sumprod(half, half), 1e-12))

    def believe(self, point: Point, target: float) -> None:
        """Takes a point as tried, with the target that is expected of it, so that the next ones are elsewhere."""
        row = [_alike(point, other, self.ranges) for other in self.points]
        half = _forward(self.lower, row)
        self.lower.append([*half, sqrt(max(1.0 + self.noise - sumprod(half, half), 1e-9))])
        self.points.append(point)
        self.targets.append(target)
        self.weights = _backward(self.lower, _forward(self.lower, self.targets))


def fitted(points: Sequence[Point], targets: Sequence[float]) -> Surrogate:
    """The process that the targets speak for."""
    size = len(points[0])
    along = [_squares_along(axis, points) for axis in range(size)]
    ranges, noise = [_USUAL * sqrt(size)] * size, 0.01
    apart = _apart(along, ranges)
    best = _likelihood(apart, targets, ranges, noise)
    for _ in range(_ROUNDS):
        for axis in range(size):
            for step in _STEPS:
                tried = [*ranges]
                tried[axis] = min(max(ranges[axis] * step, _NEAREST), _FARTHEST)
                moved = _moved(apart, along[axis], 1 / tried[axis] ** 2 - 1 / ranges[axis] ** 2)
                if (found := _likelihood(moved, targets, tried, noise)) > best:
                    best, ranges, apart = found, tried, moved
                    break
        apart = _apart(along, ranges)  # without the rounding of many moves
        for other in _NOISES:
            if (found := _likelihood(apart, targets, ranges, other)) > best:
                best, noise = found, other
    lower = factor(_covariance(apart, noise))
    weights = _backward(lower, _forward(lower, targets))
    return Surrogate(list(points), list(targets), ranges, noise, lower, weights)


# Of each two points, in rows: those of one with itself and all before it.
Triangle = Sequence[Sequence[float]]


def _squares_along(axis: int, points: Sequence[Point]) -> Triangle:
    """The squares of the distances along one axis."""
    places = [each[axis] for each in points]
    return [[(one - other) ** 2 for other in places[: at + 1]] for at, one in enumerate(places)]


def _apart(along: Sequence[Triangle], ranges: Sequence[float]) -> Triangle:
    """The squares of the distances, each axis in units of its range."""
    apart: Triangle = [[0.0] * len(row) for row in along[0]]
    for squares, each in zip(along, ranges, strict=True):
        apart = _moved(apart, squares, 1 / each**2)
    return apart


def _moved(apart: Triangle, along: Triangle, weight: float) -> Triangle:
    """The squares of the distances, with so much more weight on those along one axis."""
    return [
        [abs(far + weight * own) for far, own in zip(row, squares, strict=True)]  # rounding may go below 0
        for row, squares in zip(apart, along, strict=True)
    ]


def _likelihood(apart: Triangle, targets: Sequence[float], ranges: Sequence[float], noise: float) -> float:
    lower = factor(_covariance(apart, noise))
    half = _forward(lower, targets)
    usual = _USUAL * sqrt(len(ranges))
    far = sum(log(each / usual) ** 2 for each in ranges)
    return -sumprod(half, half) / 2 - sum(log(row[-1]) for row in lower) - _PRIOR * far


def _covariance(apart: Triangle, noise: float) -> list[list[float]]:
    """Of the points; the lower triangle is enough."""
    rows = [list(map(_matern, row)) for row in apart]
    for row in rows:
        row[-1] += noise + 1e-8
    return rows


def _alike(one: Point, other: Point, ranges: Sequence[float]) -> float:
    own = [(a - b) / c for a, b, c in zip(one, other, ranges, strict=True)]
    return _matern(sumprod(own, own))


def _matern(square: float) -> float:
    """Twice differentiable: rough enough for real objectives."""
    far = sqrt(5 * square)
    return (1 + far + far * far / 3) * exp(-far)


def _forward(lower: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    found: list[float] = []
    for row, value in zip(lower, right, strict=True):
        found.append((value - sumprod(row[:-1], found)) / row[-1])
    return found


def _backward(lower: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    found = list(right)
    for i in reversed(range(len(found))):
        found[i] /= lower[i][i]
        for k in range(i):
            found[k] -= lower[i][k] * found[i]
    return found
