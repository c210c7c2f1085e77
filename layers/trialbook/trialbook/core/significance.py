"""Whether two groups of values differ by more than chance: the Mann-Whitney rank test, with ties, two-sided."""

import math
from collections import Counter
from collections.abc import Sequence

FEWEST = 8  # values in each group; below, the normal approximation of the test is too rough to say anything


def rank_test(one: Sequence[float], other: Sequence[float]) -> float | None:
    """The p-value that both come from the same distribution; None where a group has fewer than FEWEST values."""
    if min(len(one), len(other)) < FEWEST:
        return None
    pooled = sorted([*one, *other])
    ranks, ties, at = {}, 0.0, 0
    for value, times in sorted(Counter(pooled).items()):
        ranks[value] = at + (times + 1) / 2
        ties += times**3 - times
        at += times
    n, m = len(one), len(other)
    u = sum(ranks[value] for value in one) - n * (n + 1) / 2
    spread = n * m / 12 * ((n + m + 1) - ties / ((n + m) * (n + m - 1)))
    if spread <= 0:
        return 1.0
    distance = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(spread)
    return math.erfc(distance / math.sqrt(2))
