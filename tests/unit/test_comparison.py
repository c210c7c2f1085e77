"""Sweeps are compared fairly: by equally many jobs, and by a rank test only where nobody chose the values."""

import random
from collections.abc import Sequence

import pytest

from tests.unit.analysing import trial
from trialbook.core.significance import FEWEST
from trialbook_cli.comparison import Comparison, Side, rank_tests, sentences


def side(name: str, values: Sequence[float], *, learns: bool = False) -> Side:
    best = min(values)
    return Side(name, trial(0, {"eta": 1}, best), tuple(values), learns)


def compared(one: Side, other: Side) -> Comparison:
    (test,) = rank_tests([one, other])
    return test


def drawn(seed: int, number: int) -> list[float]:
    source = random.Random(seed)
    return [source.random() for _ in range(number)]


def test_a_larger_sweep_of_the_same_space_is_not_called_better_for_its_size() -> None:
    """The best of 200 is nearly always better than the best of 20; of 20 each they are alike."""
    ahead = 0
    for seed in range(100):
        few, many = side("few", drawn(seed, 20)), side("many", drawn(1000 + seed, 200))
        test = compared(few, many)
        ahead += test.best_b < test.best_a
        assert test.jobs == 20

    assert 35 <= ahead <= 75


def test_the_best_of_as_many_jobs_is_the_mean_over_all_ways_to_choose_them() -> None:
    test = compared(side("a", [3.0, 1.0, 2.0]), side("b", [5.0, 4.0]))

    assert test.best_a == pytest.approx((1 + 1 + 2) / 3)
    assert test.best_b == 4.0


def test_of_a_search_that_learns_the_first_jobs_count() -> None:
    test = compared(side("bayes", [9.0, 5.0, 3.0, 1.0], learns=True), side("random", [4.0, 6.0]))

    assert (test.best_a, test.best_b) == (5.0, 4.0)


def test_random_and_bayesian_search_of_one_space_are_not_called_different() -> None:
    """The values of a search that chooses them tell how it searched."""
    bayesian = side("bayes", [value / (1 + n / 5) for n, value in enumerate(drawn(1, 60))], learns=True)
    test = compared(bayesian, side("random", drawn(2, 60)))

    assert test.p is None
    (found,) = sentences(test, is_same_size=True)
    assert found == (
        "bayes and random: no rank test, because the search of bayes chose its trials by earlier ones, so the values "
        "tell how it searched."
    )


def test_two_random_searches_have_a_rank_test() -> None:
    test = compared(side("a", drawn(1, 40)), side("b", [value + 0.5 for value in drawn(2, 40)]))

    assert test.p is not None
    assert test.p < 0.001
    assert "differ by more than chance" in sentences(test, is_same_size=True)[0]


def test_too_few_jobs_have_none() -> None:
    test = compared(side("a", drawn(1, FEWEST - 1)), side("b", drawn(2, 40)))

    assert test.p is None
    assert sentences(test, is_same_size=False)[0].startswith("Best of 7 jobs each, as many as the smaller has: a 0.")
    assert f"fewer than {FEWEST} ranked jobs" in sentences(test, is_same_size=False)[1]
