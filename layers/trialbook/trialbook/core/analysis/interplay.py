"""The second look: which pairs of hyperparameters matter together, beyond what each does alone.

What the additive model leaves is held against products of the two hyperparameters' own terms: of a number its place in
order and the bend of it, of a category its values. The clearest pairs are those that chance would rarely make as clear
among all pairs.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from statistics import fmean

from trialbook.core.analysis.arithmetic import ranks, sumprod
from trialbook.core.analysis.model import Kind, Parameter, Value
from trialbook.core.analysis.students import chi_square_tail

MOST_PAIRS = 3  # that enter the model
_CHANCE = 0.01  # how often chance alone may make some pair of a sweep look as clear
_LEVELS = 4  # a category's most frequent values; what one alone has among few trials can't be told from chance
_FEWEST = 5  # trials with a value

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
    products: Columns = []
    for a in one:
        for b in other:
            product = _without([x * y for x, y in zip(a, b, strict=True)], products)
            if product is not None:
                products.append(product)
    explained = sum(sumprod(product, left) ** 2 for product in products)
    return chi_square_tail(explained, len(products)) if products else 1.0


def _without(product: list[float], others: Columns) -> list[float] | None:
    """The product about its mean, without what the others say already, of length 1; None if nothing is left."""
    mean = fmean(product)
    rest = [value - mean for value in product]
    before = sumprod(rest, rest)
    for other in others:
        share = sumprod(rest, other)
        rest = [value - share * each for value, each in zip(rest, other, strict=True)]
    size = sumprod(rest, rest)
    return None if size <= 1e-3 * max(before, 1e-300) else [value / sqrt(size) for value in rest]


def _terms(parameter: Parameter, column: Sequence[Value]) -> Columns:
    """What a hyperparameter enters products with; a value that is missing is 0."""
    if parameter.kind is Kind.CATEGORY:
        counts = Counter(value for value in column if value is not None)
        kept = [value for value, times in counts.most_common(_LEVELS) if times >= _FEWEST]
        shares = {value: counts[value] / len(column) for value in kept}
        return [
            [float(given == value) - shares[value] for given in column] for value in kept[: max(len(counts) - 1, 1)]
        ]
    present = [float(value) for value in column if isinstance(value, int | float)]
    if len(set(present)) < 2:
        return []
    at = iter([2 * rank / (len(present) - 1) - 1 for rank in ranks(present)])
    places = [None if value is None else next(at) for value in column]
    straight = [0.0 if place is None else place for place in places]
    bent = [0.0 if place is None else 1.5 * place * place - 0.5 for place in places]
    return [straight, bent] if len(set(present)) > 2 else [straight]


def _drawn_in(left: Sequence[float], deviation: float) -> list[float]:
    """In standard deviations, far ones drawn in: chance is then as its formula has it."""
    mean = fmean(left)
    return [max(-3.0, min(3.0, (value - mean) / deviation)) for value in left]
