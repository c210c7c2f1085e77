"""Importance against truths that are known, over several seeds."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import pytest

from tests.unit.analysing import analysed, trial
from trialbook.core.analysis.importance import LEAST_TRIALS, importance, why_nothing
from trialbook.core.analysis.model import Importance, Kind, Parameter, Scale
from trialbook.core.objectives import ObjectiveType

SEEDS = range(10)
Trial = dict[str, float | str | None]


def number(name: str, scale: Scale = Scale.LINEAR) -> Parameter:
    return Parameter(name, Kind.NUMBER, scale, 99, 0, False, False, 0.0, 1.0, (), ())


def category(name: str, values: Sequence[str]) -> Parameter:
    return Parameter(name, Kind.CATEGORY, Scale.LINEAR, len(values), 0, False, False, None, None, (), tuple(values))


NUMBERS = tuple(number(name) for name in "abcd")


def found_of(
    truth: Callable[[Mapping[str, float]], float], seed: int, trials: int = 60, noise: float = 0.05
) -> Importance:
    """Importance of four uniform hyperparameters, of which the truth says what they do."""
    source = random.Random(seed)
    drawn = [{name: source.random() for name in "abcd"} for _ in range(trials)]
    values = [truth(each) + source.gauss(0, noise) for each in drawn]
    given: list[Trial] = [dict(each) for each in drawn]
    found = importance(NUMBERS, given, values, ObjectiveType.MINIMIZE)
    assert found is not None
    return found


TRUTHS: dict[str, Callable[[Mapping[str, float]], float]] = {
    "linear": lambda x: 3 * x["a"] + x["b"],
    "a valley, whose correlation is nothing": lambda x: 4 * (x["a"] - 0.5) ** 2 + 0.3 * x["b"],
    "a step": lambda x: (1.0 if x["a"] > 0.3 else 0.0) + 0.2 * x["c"],
    "two with one twice as strong": lambda x: 2 * math.sin(3 * x["a"]) + math.sin(3 * x["b"]),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_the_first_hyperparameter_is_the_one_that_matters_most(name: str) -> None:
    firsts = [found_of(TRUTHS[name], seed).effects[0].parameter for seed in SEEDS]

    assert firsts == ["a"] * len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_category_of_many_values_that_does_nothing_does_not_hide_a_number_that_does(seed: int) -> None:
    source = random.Random(seed)
    names = [f"level {n}" for n in range(12)]
    trials: list[Trial] = [{"a": source.random(), "b": source.choice(names)} for _ in range(60)]
    values = [2 * float(trial["a"] or 0) + source.gauss(0, 0.6) for trial in trials]
    found = importance([number("a"), category("b", names)], trials, values, ObjectiveType.MINIMIZE)

    assert found is not None
    assert {effect.parameter: effect.share for effect in found.effects}["a"] > 0.6


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("trials", [30, 40, 200])
def test_a_text_that_is_new_in_each_trial_explains_nothing(trials: int, seed: int) -> None:
    source = random.Random(seed)
    rates = sorted((source.random() for _ in range(trials)), key=lambda rate: 2 * rate + source.gauss(0, 0.3))
    given: list[Trial] = [{"a": rate, "dataset": f"{source.randbytes(4).hex()}x"} for rate in rates]  # best first
    values = [2 * float(trial["a"] or 0) + source.gauss(0, 0.6) for trial in given]
    parameters = [number("a"), category("dataset", [str(trial["dataset"]) for trial in given])]
    found = importance(parameters, given, values, ObjectiveType.MINIMIZE)

    assert found is not None
    shares = {effect.parameter: effect.share for effect in found.effects}
    assert shares["dataset"] < 0.01 < 0.9 < shares["a"]


def test_if_only_such_a_text_varies_the_note_says_why_there_is_no_advice() -> None:
    given: list[Trial] = [{"dataset": f"d{n}"} for n in range(40)]
    names = [str(trial["dataset"]) for trial in given]
    values = [float(n) for n in range(40)]

    assert importance([category("dataset", names)], given, values, ObjectiveType.MINIMIZE) is None
    assert why_nothing(values).startswith("each trial has values of its own")
    assert why_nothing([1.0] * 40) == "all values are the same"


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_alone_explains_nothing(seed: int) -> None:
    assert found_of(lambda x: 0.0, seed, noise=1.0).explained < 0.3


@pytest.mark.parametrize("seed", SEEDS)
def test_a_linear_truth_is_explained_almost_whole_with_its_direction(seed: int) -> None:
    found = found_of(TRUTHS["linear"], seed, trials=120)
    shares = {effect.parameter: effect.share for effect in found.effects}

    assert found.explained > 0.95
    assert shares["a"] == pytest.approx(0.9, abs=0.06)  # the variances stand as 9 to 1
    assert shares["c"] + shares["d"] < 0.02
    assert found.effects[0].direction == "lower is better"
    assert sum(shares.values()) == pytest.approx(1)


def test_the_direction_turns_with_the_objective() -> None:
    source = random.Random(1)
    trials: list[Trial] = [{"a": source.random(), "b": source.random()} for _ in range(50)]
    values = [float(trial["a"] or 0) for trial in trials]
    directions = {
        kind: importance(NUMBERS[:2], trials, values, kind).effects[0].direction  # type: ignore[union-attr]
        for kind in ObjectiveType
    }

    assert directions == {ObjectiveType.MINIMIZE: "lower is better", ObjectiveType.MAXIMIZE: "higher is better"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_valley_has_a_good_range_and_no_direction(seed: int) -> None:
    first = found_of(TRUTHS["a valley, whose correlation is nothing"], seed, trials=150).effects[0]

    assert first.direction.startswith("U-shaped, best ")
    assert float(first.best_at) == pytest.approx(0.5, abs=0.2)
    assert first.good_low is not None
    assert first.good_high is not None
    assert 0.1 < first.good_low < 0.5 < first.good_high < 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_a_category_can_matter_most(seed: int) -> None:
    source = random.Random(seed)
    cost = {"adam": 0.0, "sgd": 1.0, "rmsprop": 0.5}
    trials: list[Trial] = [{"a": source.random(), "optimizer": source.choice(list(cost))} for _ in range(60)]
    values = [cost[str(trial["optimizer"])] + 0.1 * float(trial["a"] or 0) + source.gauss(0, 0.05) for trial in trials]
    found = importance([number("a"), category("optimizer", list(cost))], trials, values, ObjectiveType.MINIMIZE)

    assert found is not None
    assert (found.effects[0].parameter, found.effects[0].best_at) == ("optimizer", "adam")
    assert found.effects[0].correlation is None


@pytest.mark.parametrize("seed", SEEDS)
def test_an_effect_on_a_log_scale_is_found_there(seed: int) -> None:
    source = random.Random(seed)
    trials: list[Trial] = [{"a": 10 ** source.uniform(-5, 0), "b": source.random()} for _ in range(60)]
    values = [abs(math.log10(float(trial["a"] or 1)) + 3) + 0.3 * float(trial["b"] or 0) for trial in trials]
    found = importance([number("a", Scale.LOG), number("b")], trials, values, ObjectiveType.MINIMIZE)

    assert found is not None
    assert found.effects[0].parameter == "a"
    assert math.log10(float(found.effects[0].best_at)) == pytest.approx(-3, abs=1)


def test_a_value_that_is_missing_is_a_value_of_its_own() -> None:
    source = random.Random(3)
    trials: list[Trial] = [{"a": source.random() if n % 2 else None, "b": source.random()} for n in range(60)]
    values = [1.0 if trial["a"] is None else 0.0 for trial in trials]
    found = importance(NUMBERS[:2], trials, values, ObjectiveType.MINIMIZE)

    assert found is not None
    assert found.effects[0].parameter == "a"
    assert found.effects[0].share > 0.95


def test_diverged_trials_do_not_become_all_there_is_to_explain() -> None:
    source = random.Random(4)
    trials: list[Trial] = [{"a": source.random(), "b": source.random()} for _ in range(60)]
    values = [float(trial["a"] or 0) for trial in trials]
    values[7] = 1e9
    found = importance(NUMBERS[:2], trials, values, ObjectiveType.MINIMIZE)

    assert found is not None
    assert found.effects[0].parameter == "a"


def test_more_hyperparameters_than_the_model_takes_leave_the_strongest() -> None:
    source = random.Random(5)
    names = [f"p{n:02d}" for n in range(30)]
    trials: list[Trial] = [{name: source.random() for name in names} for _ in range(100)]
    values = [float(trial["p29"] or 0) for trial in trials]
    found = importance([number(name) for name in names], trials, values, ObjectiveType.MINIMIZE)

    assert found is not None
    assert found.effects[0].parameter == "p29"
    assert len(found.effects) == 20


def test_it_is_shown_from_thirty_trials_on_and_indicative_below_a_hundred() -> None:
    source = random.Random(6)
    trials: list[Trial] = [{"a": source.random()} for _ in range(100)]
    values = [float(trial["a"] or 0) for trial in trials]

    def of(count: int) -> Importance | None:
        return importance(NUMBERS[:1], trials[:count], values[:count], ObjectiveType.MINIMIZE)

    assert of(LEAST_TRIALS - 1) is None
    assert [of(count).is_indicative for count in (LEAST_TRIALS, 99, 100)] == [True, True, False]  # type: ignore[union-attr]
    assert importance(NUMBERS[:1], trials, [1.0] * 100, ObjectiveType.MINIMIZE) is None


def test_a_number_that_matters_only_by_being_set_has_no_direction() -> None:
    """Of two branches, one has a hyperparameter that does nothing: its values are neither better low nor high."""
    source = random.Random(1)
    records = []
    for n in range(100):
        branch, value = source.choice("ab"), source.uniform(0, 10)
        given = {"branch": branch, ("works" if branch == "b" else "idle"): value}
        records.append(trial(n, given, value if branch == "b" else 1.0))
    found = analysed(records).groups[0].importance

    assert found is not None
    directions = {effect.parameter: effect.direction for effect in found.effects}
    assert directions["idle"] in ("no clear direction", "no effect seen")
    assert directions["works"] == "lower is better"


def test_the_good_range_of_whole_numbers_is_of_whole_numbers() -> None:
    """Of seven depths, no one is 2.6."""
    source = random.Random(11)
    depth = Parameter("depth", Kind.NUMBER, Scale.LINEAR, 7, 0, False, True, 0, 6, (), ())
    for _ in range(10):
        trials = [{"depth": source.randint(0, 6)} for _ in range(40)]
        values = [(each["depth"] - source.choice([2.5, 3, 3.5])) ** 2 for each in trials]
        found = importance([depth], trials, values, ObjectiveType.MINIMIZE)
        assert found is not None
        (effect,) = found.effects
        if effect.direction.startswith("U-shaped"):
            assert isinstance(effect.good_low, int)
            assert isinstance(effect.good_high, int)
            assert effect.direction == f"U-shaped, best {effect.good_low} to {effect.good_high}"


@pytest.mark.parametrize("truth", ["agree", "multiply"])
def test_no_hyperparameter_has_a_direction_if_only_combinations_matter(truth: str) -> None:
    """The best values of each depend on the other: what it seems to do alone is chance."""
    for seed in range(10):
        source = random.Random(seed)
        trials = [{name: source.random() for name in "abcd"} for _ in range(100)]
        a_and_b = [(each["a"] - 0.5, each["b"] - 0.5) for each in trials]
        values = [(float(a * b > 0) if truth == "agree" else 4 * a * b) + source.gauss(0, 0.15) for a, b in a_and_b]
        found = importance(NUMBERS, [dict(each) for each in trials], values, ObjectiveType.MINIMIZE)

        assert found is not None
        assert found.pairs
        assert {each.direction for each in found.effects} <= {"no clear direction", "no effect seen"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_range_that_the_best_trials_are_not_in_is_not_called_good(seed: int) -> None:
    """Combinations can make a range good on average that lacks the best."""
    source = random.Random(seed)
    drawn = [(source.random(), source.choice("abcde")) for _ in range(150)]
    values = [-0.1 if kind == "a" and x > 0.6 else (x - 0.4) ** 2 + source.gauss(0, 0.01) for x, kind in drawn]
    given: list[Trial] = [{"x": x, "kind": kind} for x, kind in drawn]
    found = importance([number("x"), category("kind", "abcde")], given, values, ObjectiveType.MINIMIZE)
    assert found is not None
    effect = next(each for each in found.effects if each.parameter == "x")
    best = [x for _, (x, _) in sorted(zip(values, drawn, strict=True))[:15]]

    if effect.good_low is not None and effect.good_high is not None:
        low, high = effect.good_low, effect.good_high
        assert fmean(low <= x <= high for x in best) > fmean(low <= x <= high for x, _ in drawn)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_combination_that_hardly_matters_is_not_named(seed: int) -> None:
    found = found_of(lambda x: 3 * x["a"] + x["b"] + 2.5 * (x["a"] - 0.5) * (x["b"] - 0.5), seed, trials=150)

    assert all(each.share >= 0.1 for each in found.pairs)
