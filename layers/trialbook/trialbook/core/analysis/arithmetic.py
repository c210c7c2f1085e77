"""The little statistics that a report needs, without numpy: it is not worth its start-up in a Lambda."""

import sys
from collections.abc import Callable, Iterable, Sequence
from math import isfinite, log, sqrt
from statistics import fmean

from trialbook.core.analysis.model import Scale
from trialbook.core.numbers import meant, within

if sys.version_info >= (3, 12):
    from math import sumprod as sumprod  # where Lambda runs: three times as quick, and most of importance's time
else:
    from operator import mul

    def sumprod(one: Sequence[float], other: Sequence[float]) -> float:
        """The sum of the products of two sequences of one length."""
        return float(sum(map(mul, one, other)))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the ordered values lie, interpolated."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return between(ordered[low], ordered[high], place - low)


def between(low: float, high: float, share: float) -> float:
    """The value that is at this share of the way from low to high."""
    width = high - low
    return low + width * share if isfinite(width) else low * (1 - share) + high * share


def place_between(low: float, high: float, value: float) -> float:
    """Where the value is on the way from low to high, which differ: 0 at low, 1 at high."""
    width = high - low
    return (value - low) / width if isfinite(width) else (value / 2 - low / 2) / (high / 2 - low / 2)


_SAFE = (1e-100, 1e100)  # sizes whose squares, and sums of them, neither overflow nor vanish


def unit_of(values: Iterable[float]) -> float:
    """The divisor of values before they are squared and summed: 1, unless they are too large or too small."""
    largest = max(map(abs, values), default=0.0)
    return 1.0 if largest == 0 or _SAFE[0] <= largest <= _SAFE[1] else largest


def share_of(margin: float, value: float) -> float | None:
    """The margin as a share of the value's size, without the noise of binary fractions; None of 0."""
    return within(float(meant(margin) / abs(meant(value)))) if value else None


def median(values: Iterable[float]) -> float:
    """The middle value."""
    return quantile(sorted(values), 0.5)


def ranks(values: Sequence[float]) -> list[float]:
    """The place of each value in order, from 0; equal values share the mean of their places."""
    ordered = sorted(values)
    last = dict(zip(ordered, map(float, range(len(ordered))), strict=True))
    if len(last) == len(ordered):
        return [*map(last.__getitem__, values)]
    first = dict(zip(reversed(ordered), reversed(range(len(ordered))), strict=True))
    middle = {value: (first[value] + place) / 2 for value, place in last.items()}
    return [*map(middle.__getitem__, values)]


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's: 1 where one grows with the other, -1 where it shrinks; None where either does not vary."""
    if len(one) < 3:
        return None
    mean = (len(one) - 1) / 2
    a, b = ([rank - mean for rank in ranks(values)] for values in (one, other))
    spread = sqrt(sumprod(a, a) * sumprod(b, b))
    return None if spread == 0 else sumprod(a, b) / spread


def trend(values: Sequence[float]) -> float | None:
    """The rank correlation of values with their order: 1 where they grow; None where they do not vary."""
    if len(values) < 3:
        return None
    mean = (len(values) - 1) / 2
    order, placed = [at - mean for at in range(len(values))], [rank - mean for rank in ranks(values)]
    spread = sqrt(sumprod(order, order) * sumprod(placed, placed))
    return None if spread == 0 else sumprod(order, placed) / spread


def variance(values: Sequence[float]) -> float:
    """Of the values as a whole, not of a sample."""
    mean = fmean(values)
    centred = [value - mean for value in values]
    return sumprod(centred, centred) / len(centred)


def onto(scale: Scale) -> Callable[[float], float]:
    """A function that puts a number on a scale where equal steps count alike."""
    return log if scale is Scale.LOG else float


def factor(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """The lower triangle L of a symmetric, positive definite matrix, with L L' = matrix (Cholesky)."""
    rows: list[list[float]] = []  # without the diagonal
    diagonal: list[float] = []
    for i, given in enumerate(matrix):
        row: list[float] = []
        for value, above, own in zip(given, rows, diagonal, strict=False):
            row.append((value - sumprod(row, above)) / own)
        diagonal.append(sqrt(given[i] - sumprod(row, row)))
        rows.append(row)
    return [[*row, own] for row, own in zip(rows, diagonal, strict=True)]


def solve(lower: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The solution of L L' x = right."""
    found: list[float] = []
    for row, value in zip(lower, right, strict=True):
        found.append((value - sumprod(row[:-1], found)) / row[-1])
    for i in reversed(range(len(found))):
        found[i] /= lower[i][i]
        for k in range(i):
            found[k] -= lower[i][k] * found[i]
    return found


def diagonal_of_inverse(lower: Sequence[Sequence[float]]) -> list[float]:
    """The diagonal of the inverse of L L': the squares of L's own inverse, summed down each column."""
    found: list[float] = []
    for start in range(len(lower)):
        column: list[float] = []
        for i in range(start, len(lower)):
            right = 1.0 if i == start else 0.0
            column.append((right - sumprod(lower[i][start:i], column)) / lower[i][i])
        found.append(sumprod(column, column))
    return found
