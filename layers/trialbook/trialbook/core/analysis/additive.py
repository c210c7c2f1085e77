"""An additive model: the sum of one part per hyperparameter, each as large as the trials speak for it.

A number enters as piecewise linear "hats" on the quantiles of its values, a category as one indicator per value, a
missing value as a value of its own. Each part is a random effect with a variance of its own, found by expectation
maximisation of the marginal likelihood; that of a number is smooth: knots near each other have values near each other.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import exp, isfinite, sqrt
from statistics import fmean

from trialbook.core.analysis.arithmetic import (
    diagonal_of_inverse,
    factor,
    onto,
    place_between,
    quantile,
    solve,
    sumprod,
)
from trialbook.core.analysis.model import Kind, Parameter, Scale, Value
from trialbook.core.numbers import Number, shown

MISSING = "none"
_KNOTS = 6
_KNOTS_OF_PAIRS = 4
_LEVELS = 12  # a category's values beyond the most frequent ones are taken together
_FEWEST = 2  # trials of a category's value: what one trial alone has can't be told from chance
_SMOOTH = 0.4  # of the way from the lowest knot to the highest: values so near each other are alike
_JITTER = 1e-6  # keeps the covariance of a smooth part positive definite
_ROUNDS = 8  # of expectation maximisation, at most; more change no share that one could see
_SETTLED = 1e-3  # of the parts' squares: a round that changes less is the last
_FIRST_PENALTY = 3.0
_LEAST, _GREATEST = 1e-6, 1e9  # penalties, so that no part is quite free or quite nothing

Weights = tuple[tuple[int, float], ...]
Matrix = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Basis:
    """The part of one hyperparameter: `weights[t]` are the terms that trial t has, with their amounts. What the terms
    add is `root` times independent values of one variance."""

    parameter: Parameter
    labels: tuple[str, ...]
    weights: tuple[Weights, ...]
    root: Matrix

    @property
    def size(self) -> int:
        """How many terms."""
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Model:
    """`parts[p][t]` is what hyperparameter p adds to trial t, `levels[p]` what each of its terms adds. `explained` is
    the share of the variation that it would predict of left-out trials, by generalised cross-validation."""

    parts: list[list[float]]
    levels: list[list[float]]
    explained: float
    unexplained: float


def basis_of(parameter: Parameter, column: Sequence[Value], most_knots: int = _KNOTS) -> Basis:
    """The terms of a hyperparameter, of which `column` are the trials' values."""
    is_missing = None in column
    is_number = parameter.kind is Kind.NUMBER
    labels, weights, covariance = _hats(parameter, column, most_knots) if is_number else _levels(parameter, column)
    if is_missing:
        covariance = [*([*row, 0.0] for row in covariance), [0.0] * len(labels) + [1.0]]
        labels = [*labels, MISSING]
    root = [[*row, *[0.0] * (len(labels) - len(row))] for row in factor(covariance)]
    return Basis(parameter, tuple(labels), tuple(weights), root)


def basis_of_pair(one: Basis, other: Basis) -> Basis:
    """The terms of two hyperparameters together: each of one's with each of the other's."""
    labels = tuple(f"{a}, {b}" for a in one.labels for b in other.labels)
    weights = tuple(
        tuple((i * other.size + j, a * b) for i, a in own for j, b in others)
        for own, others in zip(one.weights, other.weights, strict=True)
    )
    root = [[a * b for a in row for b in column] for row in one.root for column in other.root]
    return Basis(one.parameter, labels, weights, root)


def coarse(parameter: Parameter, column: Sequence[Value]) -> Basis:
    """The terms with which a hyperparameter enters pairs."""
    return basis_of(parameter, column, _KNOTS_OF_PAIRS)


def _hats(parameter: Parameter, column: Sequence[Value], most: int) -> tuple[list[str], list[Weights], Matrix]:
    scaled = onto(parameter.scale)
    places = [scaled(value) if isinstance(value, Number) else None for value in column]
    present = [place for place in places if place is not None]
    back = dict(zip(places, column, strict=True))
    knots = sorted(set(present))
    if len(knots) > most:
        ordered = sorted(present)
        knots = sorted({quantile(ordered, k / (most - 1)) for k in range(most)})
    labels = [shown(back.get(knot, _unscaled(parameter, knot))) for knot in knots]
    missing: Weights = ((len(knots), 1.0),)
    hat = _hats_on(knots)
    weights = [missing if place is None else hat(place) for place in places]
    return labels, weights, _smooth(len(knots))


def _smooth(knots: int) -> Matrix:
    """The covariance of a number's knots, the less the farther they are from each other in order."""
    reach = _SMOOTH * max(knots - 1, 1)
    return [[exp(-(((i - j) / reach) ** 2)) + (_JITTER if i == j else 0.0) for j in range(knots)] for i in range(knots)]


def _unscaled(parameter: Parameter, knot: float) -> float:
    return exp(knot) if parameter.scale is Scale.LOG else knot


def _hats_on(knots: Sequence[float]) -> Callable[[float], Weights]:
    """A value between two knots belongs to both, the more to the nearer."""
    last = len(knots) - 1
    widths = [high - low for low, high in pairwise(knots)]
    is_finite = all(map(isfinite, widths))

    def hat(value: float) -> Weights:
        above = bisect_right(knots, value, 0, last)
        if above == 0:
            return ((0, 1.0),)
        low = knots[above - 1]
        share = (value - low) / widths[above - 1] if is_finite else place_between(low, knots[above], value)
        return ((above - 1, 1 - share), (above, share))

    return hat


def _levels(parameter: Parameter, column: Sequence[Value]) -> tuple[list[str], list[Weights], Matrix]:
    present = Counter(str(value) for value in column if value is not None)
    kept = [name for name in parameter.categories if present[name] >= _FEWEST][:_LEVELS]
    places = {name: place for place, name in enumerate(kept)}
    labels = [*kept, "another"] if len(present) > len(kept) else kept
    missing: Weights = ((len(labels), 1.0),)
    weights = [missing if each is None else ((places.get(str(each), len(kept)), 1.0),) for each in column]
    return labels, weights, [[float(i == j) for j in range(len(labels))] for i in range(len(labels))]


def fit(bases: Sequence[Basis], target: Sequence[float]) -> Model:
    """The model of the target, which must vary."""
    mean = fmean(target)
    centred = [value - mean for value in target]
    gram, right = _normal_equations(bases, centred)
    sizes = [basis.size for basis in bases]
    total = sumprod(centred, centred)
    found = _expected(gram, right, total, sizes, len(target))
    levels = [
        [sumprod(row, own) for row in basis.root]
        for basis, own in zip(bases, _split(found.solution, sizes), strict=True)
    ]
    parts = [
        [sum([own[term] * weight for term, weight in weights]) for weights in basis.weights]
        for basis, own in zip(bases, levels, strict=True)
    ]
    left = 1 - found.freedom / len(target)
    return Model(
        parts,
        levels,
        explained=max(0.0, 1 - found.residual / total / max(left, 1e-3) ** 2),
        unexplained=sqrt(found.residual / max(len(target) - found.freedom, 1.0)),
    )


def _normal_equations(bases: Sequence[Basis], centred: Sequence[float]) -> tuple[list[list[float]], list[float]]:
    """Of the terms about their means, in terms of the independent values that the roots turn into what terms add."""
    *starts, size = accumulate((basis.size for basis in bases), initial=0)
    gram = [[0.0] * size for _ in range(size)]
    right, sums = [0.0] * size, [0.0] * size
    for given, value in zip(zip(*(basis.weights for basis in bases), strict=True), centred, strict=True):
        terms = [(start + term, w) for start, own in zip(starts, given, strict=True) for term, w in own]
        for place, (i, a) in enumerate(terms):
            sums[i] += a
            right[i] += a * value
            row = gram[i]
            for j, b in terms[: place + 1]:
                row[j] += a * b
    for i, row in enumerate(gram):
        for j in range(i + 1):
            row[j] = gram[j][i] = row[j] - sums[i] * sums[j] / len(centred)
    roots = [(start, [*zip(*basis.root, strict=True)]) for start, basis in zip(starts, bases, strict=True)]
    half = [_turned(row, roots) for row in gram]
    return [_turned(column, roots) for column in zip(*half, strict=True)], _turned(right, roots)


def _turned(row: Sequence[float], roots: Iterable[tuple[int, Matrix]]) -> list[float]:
    """The row times the roots of all parts, of which the columns are given."""
    return [sumprod(row[start : start + len(columns)], column) for start, columns in roots for column in columns]


@dataclass(frozen=True, slots=True)
class _Found:
    solution: list[float]
    residual: float  # sum of squares
    freedom: float  # effective parameters, the mean among them


def _expected(gram: Matrix, right: Sequence[float], total: float, sizes: Sequence[int], count: int) -> _Found:
    """Rounds of: the parts, given the variance of each; the variances, given what the parts are expected to be."""
    penalties = [_FIRST_PENALTY] * len(sizes)
    solution = [0.0] * len(right)
    for _ in range(_ROUNDS):
        before = solution
        each = [penalty for penalty, size in zip(penalties, sizes, strict=True) for _ in range(size)]
        lower = factor([[*row[:i], row[i] + each[i], *row[i + 1 :]] for i, row in enumerate(gram)])
        solution = solve(lower, right)
        inverse = diagonal_of_inverse(lower)
        squares = [value * value for value in solution]
        residual = max(total - sumprod(solution, right) - sumprod(squares, each), 0.0)
        freedom = 1 + len(right) - sumprod(each, inverse)
        if sum((now - then) ** 2 for now, then in zip(solution, before, strict=True)) <= _SETTLED * sum(squares):
            break
        noise = residual / max(count - freedom, 1.0)
        spread = [
            (sum(own) + noise * sum(unsure)) / size
            for own, unsure, size in zip(_split(squares, sizes), _split(inverse, sizes), sizes, strict=True)
        ]
        penalties = [min(max(noise / max(size, 1e-300), _LEAST), _GREATEST) for size in spread]
    return _Found(solution, residual, freedom)


def _split(values: Sequence[float], sizes: Sequence[int]) -> list[Sequence[float]]:
    found, start = [], 0
    for size in sizes:
        found.append(values[start : start + size])
        start += size
    return found
