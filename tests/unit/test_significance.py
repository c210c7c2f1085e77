"""The rank test, against a count of pairs."""

import random
from math import erfc, sqrt

import pytest

from trialbook.core.significance import FEWEST, rank_test

A = [19.0, 22, 16, 29, 24, 18, 20, 25]
B = [20.0, 11, 17, 12, 10, 15, 13, 14]


def test_it_agrees_with_the_normal_approximation_of_the_pairs_counted_one_by_one() -> None:
    u = sum((a > b) + (a == b) / 2 for a in A for b in B)
    variance = 64 / 12 * (17 - 6 / (16 * 15))
    z = (u - 32 - 0.5) / variance**0.5

    assert rank_test(A, B) == pytest.approx(erfc(z / sqrt(2)), rel=1e-12)
    assert rank_test(A, B) == rank_test(B, A)


def test_too_few_values_say_nothing_and_equal_values_do_not_differ() -> None:
    assert rank_test([1.0] * (FEWEST - 1), [2.0] * 50) is None
    assert rank_test([1.0] * 10, [1.0] * 10) == 1.0


def test_chance_alone_is_found_about_one_time_in_twenty() -> None:
    noise = random.Random(3)
    found = [rank_test([noise.random() for _ in range(12)], [noise.random() for _ in range(12)]) for _ in range(400)]
    share = sum(p is not None and p < 0.05 for p in found) / len(found)

    assert 0.02 < share < 0.08
