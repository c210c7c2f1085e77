"""A range is called too narrow where values still get better at its end, and not where they only got better once."""

import math
import random
from collections.abc import Callable

import pytest

from trialbook.core.analysis.edges import edges
from trialbook.core.analysis.model import Kind, Parameter, Scale

SEEDS = range(100)
Function = Callable[[float, random.Random], float]


def names_an_edge(function: Function, seed: int, trials: int, *, firmly: bool = False) -> bool:
    """Whether `a` is called too narrow in a random search of four numbers from 0 to 1; firmly, if it is advised to go
    beyond."""
    source = random.Random(seed)
    drawn = [{name: source.random() for name in "abcd"} for _ in range(trials)]
    ranked = [x for _, x in sorted(((function(x["a"], source), x) for x in drawn), key=lambda pair: pair[0])]
    space = [Parameter(name, Kind.NUMBER, Scale.LINEAR, 99, 0, True, False, 0.0, 1.0, (), ()) for name in "abcd"]
    return any(each.parameter.name == "a" and (each.goes_on or not firmly) for each in edges(space, ranked))


def rate(function: Function, trials: int) -> float:
    return sum(names_an_edge(function, seed, trials) for seed in SEEDS) / len(SEEDS)


@pytest.mark.parametrize("trials", [15, 30, 60])
@pytest.mark.parametrize("at", [0.3, 0.5, 0.7, 0.85])
def test_a_step_is_no_edge(at: float, trials: int) -> None:
    """Beyond the step all values are alike: more of the same brings nothing."""
    assert rate(lambda a, source: -float(a > at) + source.gauss(0, 0.1), trials) <= 0.12


@pytest.mark.parametrize("trials", [8, 9, 10, 12])
def test_few_trials_rarely_take_a_step_for_an_edge(trials: int) -> None:
    """They are too few to ask whether values still get better beyond the step."""
    assert rate(lambda a, source: -float(a > 0.7) + source.gauss(0, 0.1), trials) <= 0.08


@pytest.mark.parametrize("trials", [15, 30, 60])
def test_a_plateau_is_no_edge(trials: int) -> None:
    assert rate(lambda a, source: math.exp(-8 * a) + source.gauss(0, 0.05), trials) <= 0.08


@pytest.mark.parametrize("trials", [10, 12])
def test_few_trials_can_show_that_values_still_get_better(trials: int) -> None:
    """The best one is rarely at the end itself if there are so few."""
    assert rate(lambda a, source: -3 * a + source.gauss(0, 0.3), trials) >= 0.25


@pytest.mark.parametrize("trials", [30, 60])
@pytest.mark.parametrize(
    "function",
    [lambda a, source: -3 * a + source.gauss(0, 0.3), lambda a, source: 2 * (a - 1.1) ** 2 + source.gauss(0, 0.05)],
)
def test_a_value_that_still_improves_is_an_edge(function: Function, trials: int) -> None:
    assert rate(function, trials) >= 0.4


@pytest.mark.parametrize("trials", [8, 30])
def test_nobody_is_sent_beyond_the_second_of_two_steps(trials: int) -> None:
    """The best part is flat, though values got better towards it twice. That they were not tried is no advice."""

    def two_steps(a: float, source: random.Random) -> float:
        return -float(a > 0.3) - float(a > 0.7) + source.gauss(0, 0.1)

    assert sum(names_an_edge(two_steps, seed, trials, firmly=True) for seed in SEEDS) / len(SEEDS) <= 0.05
