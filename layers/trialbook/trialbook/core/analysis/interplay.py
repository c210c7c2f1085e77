"""The second look: which pairs of hyperparameters matter together, beyond what each does alone.

What the additive model leaves is held against products of the two hyperparameters' own terms: of a number its place in
order and the bend of it, of a category its values. The clearest pairs are those that chance would rarely make as clear
among all pairs.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import fsum, sqrt
from operator import mul
from statistics import fmean

from trialbook.core.analysis.arithmetic import ranks, sumprod
from trialbook.core.analysis.model import Kind, Parameter, Value
from trialbook.core.analysis.students import chi_square_tail
from trialbook.core.numbers import Number

MOST_PAIRS = 3  # that enter the model
_CHANCE = 0.01  # how often chance alone may make some pair of a sweep look as clear
_LEVELS = 4  # a category's most frequent values; what one alone has among few trials can't be told from chance
_FEWEST = 5  # trials with a value
_SAID_ALREADY = 1e-3  # of a product's spread: what the others leave of it

Columns = list[list[float]]


def clearest(
    parameters: Sequence[Parameter], columns: Sequence[Sequence[Value]], left: Sequence[float], deviation: float
) -> list[tuple[int, int]]:
    """The pairs, by places of their hyperparameters, that explain what is left, the clearest first; `deviation` is the
    standard deviation of that."""
    terms = [_terms(parameter, column) for parameter, column in zip(parameters, columns, strict=True)]
    scores = _drawn_in(left, deviation)
    pairs = [(_chance(terms[i], terms[j], scores), (i, j)) for i, j in combinations(range(len(terms)), 2)]
    asked = max(len(pairs), 1)
    return [pair for chance, pair in sorted(pairs) if chance * asked < _CHANCE][:MOST_PAIRS]


def _chance(one: Columns, other: Columns, left: Sequence[float]) -> float:
    """How often products of the terms that mean nothing would explain as much of what is left."""
    explained = _explained([list(map(mul, a, b)) for a in one for b in other], left)
    return chi_square_tail(sumprod(explained, explained), len(explained)) if explained else 1.0


def _explained(products: Columns, left: Sequence[float]) -> list[float]:
    """What each product says of what is left, which has mean 0, beyond those before it: row by row of the triangle
    whose square is the covariance of the products. Nothing of a product that the others say already."""
    sums = [fsum(product) / sqrt(len(left)) for product in products]
    kept: list[tuple[int, list[float]]] = []
    found: list[float] = []
    for place, product in enumerate(products):
        row: list[float] = []
        for before, other in kept:
            shared = sumprod(product, products[before]) - sums[place] * sums[before]
            row.append((shared - sumprod(row, other[:-1])) / other[-1])
        spread = sumprod(product, product) - sums[place] ** 2
        rest = spread - sumprod(row, row)
        if rest > _SAID_ALREADY * max(spread, 1e-300):
            found.append((sumprod(product, left) - sumprod(row, found)) / sqrt(rest))
            kept.append((place, [*row, sqrt(rest)]))
    return found


def _terms(parameter: Parameter, column: Sequence[Value]) -> Columns:
    """What a hyperparameter enters products with; a value that is missing is 0."""
    if parameter.kind is Kind.CATEGORY:
        counts = Counter(value for value in column if value is not None)
        kept = [value for value, times in counts.most_common(_LEVELS) if times >= _FEWEST]
        shares = {value: counts[value] / len(column) for value in kept}
        return [
            [float(given == value) - shares[value] for given in column] for value in kept[: max(len(counts) - 1, 1)]
        ]
    present = [float(value) for value in column if isinstance(value, Number)]
    if len(set(present)) < 2:
        return []
    at = iter([2 * rank / (len(present) - 1) - 1 for rank in ranks(present)])
    places = [None if value is None else next(at) for value in column]
    straight = [0.0 if place is None else place for place in places]
    bent = [0.0 if place is None else 1.5 * place * place - 0.5 for place in places]
    return [straight, bent] if len(set(present)) > 2 else [straight]


def _drawn_in(left: Sequence[float], deviation: float) -> list[float]:
    """About their mean, in standard deviations, far ones drawn in: chance is then as its formula has it."""
    mean = fmean(left)
    drawn = [max(-3.0, min(3.0, (value - mean) / deviation)) for value in left]
    middle = fmean(drawn)
    return [value - middle for value in drawn]
