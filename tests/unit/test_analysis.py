"""The analysis of a sweep: which was best and why, for searches of every shape."""

import ast
import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.analysing import MAXIMIZE, MINIMIZE, analysed, one_number, swept, trial
from tests.unit.samples import at, job, record
from trialbook.core.analysis.differences import spread
from trialbook.core.analysis.failures import lacks, normalised
from trialbook.core.analysis.model import Against, Shape
from trialbook.core.analysis.next_search import next_search
from trialbook.core.analysis.prices import cost_of
from trialbook.core.analysis.serialised import FORMAT, from_dict, to_dict
from trialbook.core.analysis.verdict import best_mean
from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import InputChannel, InstanceGroup, ParameterRange, TuningDefinition
from trialbook.core.numbers import number_of
from trialbook.core.objectives import ObjectiveType
from trialbook.core.rules.parsing import parse_rules
from trialbook.core.seeds import is_seed
from trialbook.core.sweeps import Record, Sweep, SweepKind, recount


def advice(records: list[Record], kind: str, **more: Any) -> list[str]:
    found = analysed(records, **more)
    shown = [*found.advice, *(each for group in found.groups for each in group.advice)]
    return [each.text for each in shown if each.kind == kind]


# -- what was searched ------------------------------------------------------------------------------------------------


def with_own_paths(*, count: int = 4) -> list[Record]:
    """A loop over the learning rate whose script passes paths and names that it makes of each job's name and time."""
    found = []
    for n in range(count):
        name = f"tide-2026-11-20-10-{n:02}-00-000"
        own = {
            "model_dir": f'"s3://bucket/{name}/model"',
            "run_name": f"calm-{n * 7919:x}",
            "launched": at(n).isoformat(),
        }
        made = trial(n, {"lr": 10 ** -(n % 4 + 1), "epochs": 10, **own}, (n % 4 - 1.3) ** 2 + n / 1000)
        found.append(replace(made, job=replace(made.job, key=replace(made.job.key, name=name))))
    return found


@pytest.mark.parametrize("count", [4, 40])
def test_values_made_from_the_jobs_name_or_time_appear_only_in_the_recipe(count: int) -> None:
    found = analysed(with_own_paths(count=count))
    shown = json.dumps(to_dict(replace(found, recipe=None)))

    assert [each.name for each in found.parameters] == ["lr"]
    assert found.constants == {"epochs": "10"}
    assert found.headline.endswith(" at lr = 0.01")
    assert not [name for name in ("model_dir", "run_name", "launched") if name in shown]


def test_the_recipe_says_what_the_next_job_needs_anew() -> None:
    recipe = analysed(with_own_paths()).recipe

    assert recipe is not None
    assert "launched, model_dir and run_name: made for this one job" in " ".join(recipe.notes)


def test_masked_secrets_appear_in_the_recipe_only() -> None:
    given = [
        {"lr": n, "hf_token": f"[masked:{n:04x}]", "envs": f'{{"PASSWORD": "[masked:{n:04x}]"}}'} for n in (1, 2, 3)
    ]
    found = analysed([trial(n, each, n / 10) for n, each in enumerate(given)])

    assert [each.name for each in found.parameters] == ["lr"]
    assert found.constants == {}
    assert found.recipe is not None
    assert "envs and hf_token: masked here" in " ".join(found.recipe.notes)
    assert "made for this one job" not in " ".join(found.recipe.notes)


def test_numbers_that_are_spelled_differently_are_one_value() -> None:
    given = [("0.1", 3), ("0.10", 4), ("1e-1", 5), (".1", 6)]
    found = analysed([trial(n, {"lr": lr, "depth": depth}, n / 10) for n, (lr, depth) in enumerate(given)])

    assert [each.name for each in found.parameters] == ["depth"]
    assert found.constants == {"lr": "0.1"}


def test_a_number_among_texts_is_one_category_however_it_is_spelled() -> None:
    found = analysed([trial(n, {"gamma": gamma}, n / 10) for n, gamma in enumerate(("0.1", "scale", "0.10", "1e-1"))])

    (parameter,) = found.parameters
    assert (parameter.categories, parameter.distinct) == (("0.1", "scale"), 2)
    assert [row.hyper_parameters["gamma"] for row in found.trials] == ["0.1", "scale", "0.1", "0.1"]


def test_the_order_of_categories_does_not_reveal_the_best_trial() -> None:
    records = [trial(n, {"layer": name}, n / 10) for n, name in enumerate("dbca")]

    assert (
        analysed(records).parameters[0].categories == analysed(records[::-1]).parameters[0].categories == tuple("abcd")
    )


# -- the verdict ------------------------------------------------------------------------------------------------------


def test_one_varied_hyperparameter_and_five_trials() -> None:
    found = analysed(one_number({1: 0.30, 2: 0.20, 4: 0.10, 8: 0.40, 10: 0.50}))

    assert found.headline == "exp: best loss 0.1 at eta = 4"
    assert found.sentences == (
        "Better than the runner-up (0.2) by 0.1 (50%).",
        "5 of 5 jobs completed, in 5 min.",
    )
    assert found.groups[0].shape is Shape.ONE_NUMBER
    assert [row.rank for row in found.trials] == [1, 2, 3, 4, 5]


def test_the_highest_is_best_where_the_objective_is_maximized() -> None:
    found = analysed(one_number({1: 0.7, 2: 0.9, 3: 0.8}, metric="accuracy"))

    assert found.headline == "exp: best accuracy 0.9 at eta = 2"
    assert found.sentences[0] == "Better than the runner-up (0.8) by 0.1 (13%)."
    assert [row.value for row in found.trials] == [0.9, 0.8, 0.7]
    assert (found.groups[0].spread.best, found.groups[0].spread.worst) == (0.9, 0.7)


def test_no_objective_says_so_and_why() -> None:
    records = [
        replace(record(job(f"t-{n}", n, metrics={"mystery": 1.0}, hyper_parameters={"eta": str(n)}), "exp"), sweep="s")
        for n in range(3)
    ]
    found = analysed(records)

    assert found.headline == "exp: nothing is ranked, because no job has an objective value"
    assert found.groups == ()
    assert found.recipe is None
    assert sum(lack.count for lack in found.lacks) == 3


def test_all_failed_names_the_reason() -> None:
    records = [
        trial(n, {"eta": n}, None, status="Failed", failure_reason=f"AlgorithmError: CUDA out of memory at step {n}")
        for n in range(3)
    ]
    found = analysed(records)

    assert found.headline == "exp: all 3 jobs failed: AlgorithmError: CUDA out of memory at step …"
    assert [(group.count, group.reason) for group in found.failures] == [
        (3, "AlgorithmError: CUDA out of memory at step …")
    ]


def test_one_trial_is_best_without_anything_to_compare_with() -> None:
    found = analysed([trial(0, {"eta": 1}, 0.5)])

    assert found.headline == "exp: best loss 0.5 by t-0"
    assert found.sentences[0] == "Only this trial ranks."
    assert found.groups[0].shape is Shape.ONE_TRIAL
    assert found.groups[0].differences == ()


def test_jobs_that_still_run_are_mentioned() -> None:
    running = [trial(n, {"eta": n}, None, status="InProgress") for n in range(2)]

    assert analysed(running).headline == "exp: 2 jobs running; none has finished"


def test_ties_go_to_the_earlier_trial_and_are_mentioned() -> None:
    found = analysed(one_number({1: 0.2, 2: 0.1, 3: 0.1, 4: 0.1}))

    assert found.groups[0].best.job_name == "t-1"
    assert found.sentences[0] == "Equal to the runner-up (0.1)."
    assert advice(one_number({1: 0.2, 2: 0.1, 3: 0.1, 4: 0.1}), "tie") == [
        "2 other trials reached the same value; the earliest counts as best."
    ]


def test_definitions_with_different_objectives_are_ranked_apart() -> None:
    by_loss = one_number({1: 0.3, 2: 0.2})
    by_accuracy = [trial(n + 5, {"eta": n}, value, metric="accuracy") for n, value in enumerate([0.8, 0.9])]
    found = analysed([*by_loss, *by_accuracy])

    assert {group.ranking.metric: group.best.value for group in found.groups} == {"loss": 0.2, "accuracy": 0.9}
    assert any("Trials with other objectives are ranked separately" in sentence for sentence in found.sentences)
    assert sorted((row.group, row.rank) for row in found.trials if row.rank) == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_a_category_alone() -> None:
    records = [trial(n, {"optimizer": name}, value) for n, (name, value) in enumerate([("adam", 0.1), ("sgd", 0.2)])]
    found = analysed(records)

    assert found.groups[0].shape is Shape.ONE_CATEGORY
    assert [(each.label, each.best) for each in found.groups[0].slices[0].bins] == [("adam", 0.1), ("sgd", 0.2)]


# -- differences ------------------------------------------------------------------------------------------------------


def before(values: dict[Any, float], metric: str = "loss") -> tuple[Sweep, list[Record]]:
    records = [
        replace(each, sweep="p", job=replace(each.job, key=replace(each.key, name=f"p-{n}")))
        for n, each in enumerate(one_number(values, metric=metric))
    ]
    return recount(Sweep("p", SweepKind.TAG, "exp", version=1), records), records


@pytest.mark.parametrize(
    ("metric", "own", "other", "is_better", "words"),
    [
        ("loss", 0.2, 0.25, True, "Better than the previous sweep's best (0.25) by 0.05 (20%)."),
        ("loss", 0.25, 0.2, False, "Worse than the previous sweep's best (0.2) by 0.05 (25%)."),
        ("accuracy", 0.8, 0.75, True, "Better than the previous sweep's best (0.75) by 0.05 (6.7%)."),
        ("accuracy", 0.72, 0.8, False, "Worse than the previous sweep's best (0.8) by 0.08 (10%)."),
        ("loss", 0.2, 0.2, False, "Equal to the previous sweep's best (0.2)."),
    ],
)
def test_the_previous_sweep_is_compared_by_its_best(
    metric: str, own: float, other: float, is_better: bool, words: str
) -> None:
    worst = 9.0 if metric == "loss" else 0.0
    previous, _ = before({1: other, 2: worst}, metric)
    found = analysed(one_number({1: own, 2: worst}, metric=metric), previous=previous)
    (difference,) = [each for each in found.groups[0].differences if each.against is Against.PREVIOUS_SWEEP]

    assert (difference.value, difference.job_name, difference.sweep) == (other, "p-0", "p")
    assert difference.is_better is is_better
    assert difference.margin == pytest.approx(abs(own - other))
    assert any(words in sentence for sentence in found.sentences)


def test_a_share_is_of_the_values_size_whatever_its_sign() -> None:
    found = analysed(one_number({1: -3.0, 2: -2.0}))

    assert found.groups[0].differences[0].relative == 0.5
    assert analysed(one_number({1: -1.0, 2: 0.0})).groups[0].differences[0].relative is None


@pytest.mark.parametrize(("metric", "best"), [("loss", 0.1), ("accuracy", 0.3)])
def test_each_value_of_a_hyperparameter_has_its_best_and_median_trial(metric: str, best: float) -> None:
    records = [
        trial(n, {"eta": n // 3}, value, metric=metric) for n, value in enumerate([0.1, 0.2, 0.3, 0.5, 0.5, 0.5])
    ]
    first = analysed(records).groups[0].slices[0].bins[0]

    assert (first.label, first.trials, first.best, first.median) == ("0", 3, best, 0.2)


def test_the_experiments_best_before_is_compared_only_by_the_same_objective() -> None:
    _, (best, *_) = before({1: 0.15, 2: 0.3})
    _, (other, *_) = before({1: 0.15, 2: 0.3}, "accuracy")
    records = one_number({1: 0.1, 2: 0.2})

    same = analysed(records, experiment_best=best).groups[0].differences
    apart = analysed(records, experiment_best=other).groups[0].differences

    assert [each.against for each in same] == [Against.RUNNER_UP, Against.EXPERIMENT]
    assert same[1].relative == pytest.approx(1 / 3)
    assert [each.against for each in apart] == [Against.RUNNER_UP]


def test_the_history_holds_each_improvement_in_the_order_of_ends() -> None:
    found = analysed(one_number({1: 0.5, 2: 0.6, 3: 0.4, 4: 0.4, 5: 0.1}))

    assert [(step.finished, step.value) for step in found.groups[0].improvements] == [(1, 0.5), (3, 0.4), (5, 0.1)]
    assert [step.margin for step in found.groups[0].improvements] == [None, pytest.approx(0.1), pytest.approx(0.3)]


def test_diverged_trials_do_not_squeeze_the_axis() -> None:
    found = analysed(one_number({n: 0.1 + n / 100 for n in range(12)} | {99: 1e6}))

    assert found.groups[0].spread.axis_high == pytest.approx(0.21)
    assert found.groups[0].spread.beyond == 1


def test_outliers_share_a_strip_so_that_the_good_half_has_half_of_the_axis() -> None:
    good = {n: 0.15 + n / 1000 for n in range(40)}
    bad = {100 + n: 0.25 + n / 200 for n in range(12)}
    found = analysed(one_number(good | bad)).groups[0].spread

    assert found.bend == pytest.approx(0.15 + 39 / 1000)
    assert found.axis_high == pytest.approx(0.305)
    assert analysed(one_number(good)).groups[0].spread.bend is None


def test_the_strip_is_at_the_worse_end_of_what_is_maximised() -> None:
    values = {n: 0.9 - n / 1000 for n in range(40)} | {100 + n: 0.81 - n / 200 for n in range(8)}
    found = analysed(one_number(values, metric="accuracy")).groups[0].spread

    assert found.bend == pytest.approx(0.9 - 39 / 1000)
    assert found.axis_low == pytest.approx(0.775)


def test_values_over_decades_have_a_log_axis_and_negative_ones_do_not() -> None:
    values = {n: 10.0 ** (-4 + n / 8) for n in range(32)}

    assert analysed(one_number(values)).groups[0].spread.scale == "log"
    assert analysed(one_number(values | {99: -1.0})).groups[0].spread.scale == "linear"
    assert analysed(one_number({n: 0.2 + n / 100 for n in range(32)} | {99: 1e6})).groups[0].spread.scale == "linear"


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=40), st.sampled_from(ObjectiveType)
)
def test_a_bend_always_lies_on_the_axis_between_the_best_and_the_worst(
    values: list[float], kind: ObjectiveType
) -> None:
    found = spread(values, kind)

    assert found.axis_low <= found.axis_high
    assert found.bend is None or found.axis_low < found.bend < found.axis_high
    assert found.scale == "linear" or min(values) > 0


# -- hyperparameters --------------------------------------------------------------------------------------------------


def test_varying_hyperparameters_are_separated_from_constants_and_internals() -> None:
    records = [
        trial(n, {"eta": n, "rounds": 100, "sagemaker_region": f"r{n}", "_tuning_objective_metric": "x"}, 0.1 + n)
        for n in range(3)
    ]
    found = analysed(records)

    assert [each.name for each in found.parameters] == ["eta"]
    assert found.constants == {"rounds": "100"}


def test_a_wide_spread_is_seen_on_a_log_scale_and_a_tuning_jobs_own_scale_wins() -> None:
    wide = one_number({0.001: 0.1, 0.01: 0.2, 1: 0.3})
    ranges = (ParameterRange("eta", "Continuous", 0.001, 10, "Linear"),)
    tuned = replace(swept(wide), definitions=(TuningDefinition("d", "loss", "Minimize", ranges=ranges),))

    assert analysed(wide).parameters[0].scale == "log"
    assert analysed(wide, sweep=tuned).parameters[0].scale == "linear"
    assert (analysed(wide, sweep=tuned).parameters[0].lowest, analysed(wide, sweep=tuned).parameters[0].highest) == (
        0.001,
        10,
    )


def test_a_value_that_is_no_number_makes_a_category() -> None:
    found = analysed([trial(0, {"eta": "0.1"}, 0.1), trial(1, {"eta": "auto"}, 0.2)])

    assert found.parameters[0].kind == "category"
    assert set(found.parameters[0].categories) == {"0.1", "auto"}


def test_metrics_that_are_no_numbers_are_shown_and_do_not_rank() -> None:
    found = analysed([trial(0, {"eta": 1}, float("nan")), trial(1, {"eta": 2}, 0.2)])

    assert found.groups[0].ranked == 1
    assert [row.metrics["loss"] for row in found.trials] == [0.2, "NaN"]


# -- advice -----------------------------------------------------------------------------------------------------------


def test_few_trials_say_that_the_best_is_at_an_end_and_not_what_lies_beyond() -> None:
    assert advice(one_number({1: 0.6, 2: 0.5, 4: 0.4, 8: 0.3, 16: 0.2}), "edge of range") == [
        (
            "eta is best at 16, at the tried upper end (16). Values get better towards it; larger ones were not tried, and 5 "
            "trials can't tell whether they would be better."
        )
    ]
    (text,) = advice(one_number({1: 0.1, 2: 0.2, 4: 0.3, 8: 0.4, 16: 0.5}), "edge of range")
    assert text.startswith("eta is best at 1, at the tried lower end (1). Values get better towards it; smaller ones")


@pytest.mark.parametrize(
    "values",
    [
        {1: 0.5, 2: 0.1, 4: 0.3, 8: 0.2},
        {1: 0.5, 2: 0.4},
        {1: 0.5, 2: 0.4, 4: 0.3},  # a grid of three: one lies in the middle, two are ends
        {1: 0.1, 2: 0.4, 4: 0.3, 8: 0.2},  # best at the end, and the others get worse towards it
        {1: 0.5, 2: 0.4, 4: 0.3, 8: 0.2},  # four in a row: one order of twelve is as steady
    ],
)
def test_chance_is_no_edge(values: dict[Any, float]) -> None:
    assert advice(one_number(values), "edge of range") == []


@pytest.mark.parametrize("trials", [5, 8, 12, 30, 60])
def test_values_that_nothing_decides_are_sent_to_an_end_in_few_sweeps_at_any_size(trials: int) -> None:
    source = random.Random(trials)
    found = 0
    for _ in range(100):
        made = [trial(n, {name: source.random() for name in "abc"}, source.random()) for n in range(trials)]
        found += bool(advice(made, "edge of range"))

    assert found <= 5


def test_values_of_a_categorical_range_have_no_end() -> None:
    ranges = (ParameterRange("batch", "Categorical", values=("16", "32", "64", "128", "256")),)
    records = [trial(n, {"batch": 16 * 2**n}, 0.5 - n / 10) for n in range(5)]
    tuned = replace(swept(records), definitions=(TuningDefinition("d", "loss", "Minimize", ranges=ranges),))

    assert advice(records, "edge of range")
    assert advice(records, "edge of range", sweep=tuned) == []
    assert analysed(records, sweep=tuned).parameters[0].categories == ("16", "32", "64", "128", "256")


def test_an_end_where_the_best_ones_do_not_crowd_suggests_nothing() -> None:
    """One lucky trial at the end of a hyperparameter that does not matter is chance."""
    lucky = one_number({n + 1: 0.1 if n == 0 else 0.5 + (n * 7 % 40) / 100 for n in range(40)})
    sloping = one_number({n + 1: 0.1 + n / 100 for n in range(40)})

    assert advice(lucky, "edge of range") == []
    (text,) = advice(sloping, "edge of range")
    assert "4 of the 4 best trials lie in the lowest fifth, against 8 of all 40: try smaller values." in text
    (text,) = advice(one_number({n + 1: 0.9 - n / 100 for n in range(40)}), "edge of range")
    assert "4 of the 4 best trials lie in the highest fifth, against 8 of all 40: try larger values." in text


def test_an_unimportant_hyperparameter_is_not_sent_to_the_end_of_its_range() -> None:
    source = random.Random(5)
    given = [{"a": 0.5 + n / 1000 if n < 5 else source.random(), "b": n / 40} for n in range(40)]
    records = [trial(n, each, (each["a"] - 0.5) ** 2) for n, each in enumerate(given)]

    assert "b" in advice(records, "insensitive")[0]
    assert advice(records, "edge of range") == []


def test_nothing_lies_below_a_count_of_zero() -> None:
    ranges = (ParameterRange("eta", "Integer", 0, 8, "Linear"),)
    records = one_number({0: 0.1, 2: 0.4, 4: 0.3, 8: 0.2})
    tuned = replace(swept(records), definitions=(TuningDefinition("d", "loss", "Minimize", ranges=ranges),))

    assert advice(records, "edge of range", sweep=tuned) == []


REPEATED = [0.10, 0.105, 0.11, 0.108, 0.11, 0.118, 0.5, 0.52, 0.51]


@pytest.mark.parametrize("name", ["num_seeds", "n_seeds", "number_of_seeds"])
def test_how_many_seeds_are_averaged_over_is_no_seed(name: str) -> None:
    assert not is_seed(name)


@pytest.mark.parametrize("seed", ["seed", "random_state", "dataSeed", "repeat_id", "PYTHONHASHSEED", "torchseed"])
def test_repeats_show_what_is_within_noise(seed: str) -> None:
    repeated = [trial(n, {"eta": n // 3, seed: n % 3}, value) for n, value in enumerate(REPEATED)]
    found = analysed(repeated)
    (text,) = advice(repeated, "within noise")

    assert found.headline == "exp: best loss 0.1 at eta = 0, within noise of 1 other"
    assert text.startswith("9 trials are repeats of equal configurations; their standard deviation is 0.007")
    assert found.groups[0].repeats is not None
    assert best_mean(found.groups[0].repeats).startswith("0.105 over 3 repeats (95%: ")
    assert "1 other configuration can't be told from the best trial's: the order among them may be chance." in text
    assert advice(repeated, "noise unknown") == []


def test_the_configuration_with_the_best_mean_is_shown_beside_the_best_trial() -> None:
    """A lucky trial of a poor configuration is the best one, and no more."""
    values = [0.10, 0.19, 0.18, 0.13, 0.12, 0.125]
    repeated = [trial(n, {"eta": n // 3, "seed": n}, value) for n, value in enumerate(values)]
    group = analysed(repeated).groups[0]

    assert group.best.value == 0.10
    assert group.repeats is not None
    assert group.repeats.best_by_mean.varied == {"eta": 1}
    assert group.repeats.best_by_mean.mean == pytest.approx(0.125)
    assert best_mean(group.repeats).endswith(", at eta = 1")


def test_without_repeats_nothing_is_called_noise() -> None:
    source = random.Random(3)
    given = [{"a": source.random(), "b": source.random()} for _ in range(60)]
    records = [trial(n, each, (each["a"] - 0.4) ** 2 * (1 + each["b"])) for n, each in enumerate(given)]
    (text,) = advice(records, "noise unknown")

    assert advice(records, "within noise") == []
    assert "noise" not in analysed(records).headline
    assert text.startswith("No configuration ran twice, so nothing is known about noise")
    assert text.endswith(
        "Repeat the best ones with other seeds: the command “trialbook next s --as loop” prints the code."
    )


@pytest.mark.parametrize(("trials", "is_named"), [(5, False), (9, False), (10, True)])
def test_the_command_that_repeats_the_best_is_named_only_if_it_has_an_answer(trials: int, is_named: bool) -> None:
    found = analysed(one_number({n: n / 10 for n in range(trials)}))
    (text,) = [each.text for each in found.groups[0].advice if each.kind == "noise unknown"]

    assert ("trialbook next" in text) == is_named
    assert text.endswith("with other seeds." if not is_named else "prints the code.")
    rows = [row.hyper_parameters for row in found.trials]
    values = [row.value for row in found.trials if row.value is not None]
    assert bool(next_search(found.parameters, rows, values, ObjectiveType.MINIMIZE).repeats) == is_named


def test_a_seed_is_no_hyperparameter_that_could_matter() -> None:
    source = random.Random(4)
    given = [{"a": source.random(), "seed": n} for n in range(60)]
    group = analysed([trial(n, each, each["a"]) for n, each in enumerate(given)]).groups[0]

    assert group.importance is not None
    assert [each.parameter for each in group.importance.effects] == ["a"]
    assert [each.parameter for each in group.slices] == ["a"]
    assert group.shape is Shape.ONE_NUMBER


def with_kernels(seed: int) -> list[Record]:
    """A search over kernels, of which only one has a degree."""
    source, made = random.Random(seed), []
    for n in range(80):
        kernel = source.choice(["rbf", "poly", "linear"])
        given: dict[str, object] = {"kernel": kernel, "c": source.random(), "idle": source.random()}
        given |= {"degree": source.randint(2, 5)} if kernel == "poly" else {}
        value = float(kernel == "poly") + float(str(given["c"])) + source.gauss(0, 0.05)
        made.append(trial(n, given, value))
    return made


@pytest.mark.parametrize("seed", range(5))
def test_a_hyperparameter_that_decides_whether_another_is_set_is_never_to_be_fixed(seed: int) -> None:
    found = advice(with_kernels(seed), "insensitive")

    assert found
    assert "kernel" not in found[0]
    assert "idle" in found[0]
    assert "alone" in found[0]


@pytest.mark.parametrize("seed", range(5))
def test_hyperparameters_that_matter_only_together_are_found_and_not_to_be_fixed(seed: int) -> None:
    source = random.Random(seed)
    given = [{name: source.random() for name in "abcd"} for _ in range(100)]
    made = [trial(n, x, float((x["a"] > 0.5) != (x["b"] > 0.5)) + source.gauss(0, 0.2)) for n, x in enumerate(given)]
    group = analysed(made).groups[0]
    (text,) = advice(made, "combinations")

    assert group.importance is not None
    assert {each.parameter for each in group.importance.effects[:2]} == {"a", "b"}
    assert text.startswith(("Combinations matter: a and b together", "Combinations matter: b and a together"))
    assert advice(made, "insensitive") == []


def test_hyperparameters_that_changed_together_share_one_effect() -> None:
    source = random.Random(8)
    given = [{"a": (a := source.random()), "twin": 2 * a + 1, "b": source.random()} for _ in range(60)]
    made = [trial(n, x, x["a"] + x["b"] / 5) for n, x in enumerate(given)]
    effects = analysed(made).groups[0].importance

    assert effects is not None
    assert [(each.parameter, each.together) for each in effects.effects] == [("a", ("twin",)), ("b", ())]
    assert advice(made, "changed together")[0].startswith("a and twin changed together")


@pytest.mark.parametrize(
    ("metric", "train", "validation", "is_reported"),
    [
        ("minimize validation:error", 0.0001, 0.0002, False),
        ("minimize validation:error", 0.0, 0.08, True),
        ("minimize validation:error", 0.08, 0.09, False),
        ("maximize validation:accuracy", 0.99, 0.90, True),
        ("maximize validation:accuracy", 1.0, 0.995, False),
        ("maximize validation:accuracy", 0.80, 0.75, False),
        ("maximize validation:accuracy", 0.75, 0.80, False),
        ("minimize validation:logloss", 0.0, 0.3, True),
        ("minimize validation:rmse", 0.0, 3.0, True),
        ("minimize validation:rmse", 60.0, 61.0, False),
        ("maximize validation:r2", 0.99, 0.5, True),
    ],
)
def test_a_gap_to_training_data_is_reported_if_it_matters(
    metric: str, train: float, validation: float, is_reported: bool
) -> None:
    name = metric.partition(":")[2]
    rules = parse_rules({"experiments": {"*": {"objective": metric}}}, {})
    metrics = {f"train:{name}": train, f"validation:{name}": validation}
    records = [trial(n, {"eta": n}, None, metrics=metrics, rules=rules, status="Completed") for n in range(2)]

    assert bool(advice(records, "overfitting")) == is_reported


def test_a_wide_gap_to_training_data_is_reported() -> None:
    records = [
        trial(
            n,
            {"eta": n},
            value,
            metrics={"train:loss": value / 3, "validation:loss": value},
            rules=RULES_VALIDATION,
            metric="x",
        )
        for n, value in enumerate([0.3, 0.2])
    ]
    found = analysed(records)

    assert found.groups[0].gaps[0].difference == pytest.approx(0.2 - 0.2 / 3)
    assert found.groups[0].gaps[0].relative == pytest.approx(2)
    assert advice(records, "overfitting")


RULES_VALIDATION = parse_rules({"experiments": {"*": {"objective": "minimize validation:loss"}}}, {})


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ("train:loss", "validation:loss"),
        ("loss", "val_loss"),
        ("train_acc", "valid_acc"),
        ("accuracy-train", "accuracy-test"),
    ],
)
def test_metrics_of_training_and_validation_data_pair_by_their_names(train: str, validation: str) -> None:
    rules = parse_rules({"experiments": {"*": {"objective": f"minimize {validation}"}}}, {})
    records = [
        trial(n, {"eta": n}, None, metrics={train: 0.1, validation: 0.1 + n}, rules=rules, status="Completed")
        for n in range(3)
    ]
    (gap,) = analysed(records).groups[0].gaps

    assert (gap.train_metric, gap.validation_metric, gap.difference, gap.median) == (train, validation, 0.0, 1.0)


def test_a_random_search_says_what_more_trials_may_bring() -> None:
    records = one_number({n: 0.1 if n == 3 else 0.2 + n / 100 for n in range(20)})
    random_search = replace(swept(records), strategy="Random")
    (text,) = advice(records, "going on", sweep=random_search)

    assert text.startswith("20 more trials would beat the best with a chance of 50%; on average")
    assert text.endswith("The last 10 trials found nothing better than the 10 before them.")


def test_a_search_that_chooses_where_it_looks_has_no_chance_to_give() -> None:
    records = one_number({n: 0.5 - n / 100 for n in range(20)})
    (text,) = advice(records, "going on", sweep=replace(swept(records), strategy="Bayesian"))

    assert text.startswith("This Bayesian search chooses where it looks, so no chance can be given")
    assert "The last 10 trials improved the best of the 10 before them by 0.1." in text
    assert advice(records, "going on", sweep=replace(swept(records), strategy="Grid")) == []
    assert advice(records[:19], "going on") == []


def shuffled(values: Sequence[float], *, start: int = 0, **more: Any) -> list[Record]:
    """Trials of a random search with these values, one after the other."""
    source = random.Random(1)
    return [trial(n, {"eta": source.random()}, value, **more) for n, value in enumerate(values, start)]


def test_trials_that_get_better_with_time_are_a_search_that_learns_if_chance_rarely_does_that() -> None:
    learning = advice(shuffled([0.5 - n / 100 for n in range(20)]), "going on")
    source = random.Random(3)
    by_chance = [advice(shuffled([source.random() for _ in range(20)]), "going on")[0] for _ in range(100)]

    assert learning[0].startswith("This search whose trials got better with time chooses")
    assert sum(text.startswith("This search") for text in by_chance) <= 9


def test_a_search_that_draws_its_first_trials_at_random_is_one_that_learns() -> None:
    """As Optuna's does: later trials are better, and not steadily."""
    source = random.Random(4)
    values = [source.random() for _ in range(20)] + [source.random() / 2 for _ in range(60)]

    assert advice(shuffled(values), "going on")[0].startswith("This search whose trials got better with time chooses")


def test_of_loops_through_values_no_chance_is_given() -> None:
    """Their trials are not drawn alike, and more of them would be others."""
    source = random.Random(2)
    nested = [trial(n, {"a": n // 6, "b": n % 6}, source.random()) for n in range(30)]
    in_order = [trial(n, {"a": n, "b": source.random()}, source.random()) for n in range(30)]
    drawn = [trial(n, {"a": source.random(), "b": source.random()}, source.random()) for n in range(30)]

    again = [trial(n, {"a": n % 3}, source.random()) for n in range(30)]
    constant = [trial(n, {"a": 1}, source.random()) for n in range(30)]

    assert advice(nested, "going on") == advice(in_order, "going on") == []
    assert advice(again, "going on") == advice(constant, "going on") == []
    assert "if they are drawn at random as these seem to be" in advice(drawn, "going on")[0]


def test_of_repeats_of_one_configuration_nothing_is_said_of_others() -> None:
    (text,) = advice([trial(n, {"a": 1, "seed": n}, n / 10) for n in range(5)], "within noise")

    assert text == (
        "5 trials are repeats of equal configurations; their standard deviation is 0.1581 (4 degrees of freedom)."
    )


def test_groups_come_in_the_same_order_whatever_order_the_jobs_come_in() -> None:
    one = [trial(n, {"eta": n}, 0.1 + n) for n in range(3)]
    other = [trial(10 + n, {"eta": n}, 0.5 + n / 100, metric="accuracy") for n in range(3)]
    orders = [[group.ranking.metric for group in analysed(each).groups] for each in ([*one, *other], [*other, *one])]

    assert orders[0] == orders[1]


def test_a_search_is_counted_by_those_that_searched_for_the_same() -> None:
    """Jobs by another objective did not try to be better."""
    one = shuffled([0.2 + n / 100 for n in range(20)])
    other = shuffled([0.5 + n / 100 for n in range(30)], start=100, metric="accuracy")
    found = analysed([*one, *other])

    assert [
        (group.ranking.metric, each.figures["trials"])
        for group in found.groups
        for each in group.advice
        if each.kind == "going on"
    ] == [("accuracy", 30), ("loss", 20)]


def test_trials_that_stopped_early_are_named_as_such() -> None:
    records = [
        trial(n, {"eta": n}, 0.1 + n, status="Stopped" if n < 2 else "Completed", tuning_job="t") for n in range(5)
    ]

    assert advice(records, "stopped early") == ["2 of 5 ranked trials stopped early: their last values count."]


# -- failures ---------------------------------------------------------------------------------------------------------


def test_why_jobs_have_no_value_comes_commonest_first() -> None:
    reasons = ["a: rare", "b: common", "b: common"]
    found = [replace(trial(n, {"eta": n}, None), without_objective=each) for n, each in enumerate(reasons)]

    assert [(each.reason, each.count) for each in lacks(found)] == [("b: common", 2), ("a: rare", 1)]


def test_jobs_that_diverged_are_counted_together_whatever_they_diverged_to() -> None:
    values = [0.4, 0.5, "NaN", "Infinity", "-Infinity"]
    made = [
        record(job(f"churn-{n}", hyper_parameters={"lr": str(n)}, metrics={"validation:rmse": each}))
        for n, each in enumerate(values)
    ]
    found = analysed(made)

    assert (found.groups[0].ranked, found.groups[0].best.value) == (2, 0.4)
    assert [each.text for each in found.advice] == [
        "3 jobs can't be ranked, each because it diverged: its validation:rmse is no finite number."
    ]
    assert {row.metrics["validation:rmse"] for row in found.trials} == set(values)


def test_a_headline_of_several_reasons_counts_the_commonest() -> None:
    reasons = ["CUDA out of memory", "CUDA out of memory", "no such file"]
    found = analysed([trial(n, {}, None, status="Failed", failure_reason=each) for n, each in enumerate(reasons)])

    assert found.headline == "exp: all 3 jobs failed, 2 of them for CUDA out of memory"


def test_numbers_within_names_distinguish_reasons() -> None:
    reasons = ["no key in S3 after 12 s", "no key in S3 after 30 s", "no V100 left", "no A100 left"]
    found = analysed([trial(n, {}, None, status="Failed", failure_reason=each) for n, each in enumerate(reasons)])

    assert [(group.count, group.reason) for group in found.failures] == [
        (2, "no key in S3 after … s"),
        (1, "no A100 left"),
        (1, "no V100 left"),
    ]


def test_a_reason_that_all_give_in_the_same_words_is_quoted_as_it_is() -> None:
    found = analysed([trial(n, {}, None, status="Failed", failure_reason="depth > 0 (0 vs. 0)") for n in range(3)])

    assert found.failures[0].reason == "depth > 0 (0 vs. 0)"


def test_failures_are_grouped_by_reason_with_the_values_that_only_they_share() -> None:
    fine = [trial(n, {"batch": 64, "eta": n}, 0.1 + n) for n in range(12)]
    failed = [
        trial(20 + n, {"batch": 512, "eta": n}, None, status="Failed", failure_reason=f"CUDA out of memory: {n} MiB")
        for n in range(4)
    ]
    found = analysed([*fine, *failed])
    (group,) = found.failures

    assert (group.count, group.reason) == (4, "CUDA out of memory: … MiB")
    assert [(each.parameter, each.condition) for each in group.only_they_share] == [("batch", "= 512")]
    assert advice([*fine, *failed], "failures")[0].startswith("All 4 jobs that failed with")
    assert {row.failure for row in found.trials if row.status == "Failed"} == {0}


def test_a_cause_is_held_against_jobs_that_failed_for_another_reason() -> None:
    fine = [trial(n, {"batch": 64, "eta": n}, 0.1 + n) for n in range(20)]
    memory = [
        trial(30 + n, {"batch": 512, "eta": n}, None, status="Failed", failure_reason="out of memory") for n in range(8)
    ]
    others = [trial(50, {"batch": 512, "eta": 3}, None, status="Failed", failure_reason="no such file")]
    found = analysed([*fine, *memory, *others])

    assert found.failures[0].only_they_share == ()
    (text,) = [each.text for each in found.advice if each.kind == "failures"]
    assert text.startswith("All 8 jobs that failed with “out of memory” had batch = 512, as did 1 other job of 21:")


def test_a_cause_with_exceptions_names_them() -> None:
    source = random.Random(2)
    given = [{"depth": 9 if n < 10 else source.randint(1, 8), "eta": source.random()} for n in range(60)]
    records = [
        trial(n, each, None, status="Failed", failure_reason="boom") if n < 9 or n == 40 else trial(n, each, 0.1 + n)
        for n, each in enumerate(given)
    ]
    found = analysed(records)
    (text,) = [each.text for each in found.advice if each.kind == "failures"]

    assert text.startswith("9 of the 10 jobs with depth = 9 failed with “boom”, and 1 of the 50 others:")
    assert (found.failures[0].only_they_share, found.failures[0].cause is not None) == ((), True)


def test_failures_at_random_have_a_cause_in_few_sweeps() -> None:
    source, found = random.Random(1), 0
    for _ in range(40):
        records = [
            trial(
                n,
                {"a": source.random(), "b": source.randint(1, 9), "c": source.choice("xyz")},
                None if fails else 0.5,
                status="Failed" if fails else "Completed",
                failure_reason="boom" if fails else None,
            )
            for n, fails in enumerate(source.random() < 0.15 for _ in range(50))
        ]
        found += bool(advice(records, "failures"))

    assert found <= 4


def test_a_difference_within_chance_is_not_named() -> None:
    fine = [trial(n, {"eta": n}, 0.1 + n) for n in range(3)]
    failed = [trial(9, {"eta": 9}, None, status="Failed", failure_reason="boom")]

    assert analysed([*fine, *failed]).failures[0].only_they_share == ()


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (None, "SageMaker gave no reason"),
        ("ClientError: s3://bucket/key missing", "ClientError: s3://… missing"),
        (
            "AlgorithmError: framework error: \nTraceback (most recent call last):\n  File x\nValueError: bad 12\n, exit code: 1",
            "AlgorithmError: ValueError: bad …",
        ),
        ("InternalServerError", "InternalServerError"),
        (
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "torch.cuda.OutOfMemoryError: CUDA out of memory."\nCommand "/opt/conda/bin/python3.10 train.py", exit code: 1',
            "AlgorithmError: torch.cuda.OutOfMemoryError: CUDA out of memory.",
        ),
        (
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "raise RuntimeError(message)\n RuntimeError: no column "age""\nCommand "python train.py", exit code: 1',
            'AlgorithmError: RuntimeError: no column "age"',
        ),
        ("AlgorithmError: ValueError:\n, exit code: 1", "AlgorithmError: ValueError:"),
        (
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 134\nErrorMessage "terminate called after throwing an instance of \'std::bad_alloc\'\n  what():  std::bad_alloc\nAborted"\nCommand "./train --lr 0.1", exit code: 134',
            "AlgorithmError: terminate called after throwing an instance of 'std::bad_alloc'",
        ),
        (
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 139\nErrorMessage "Segmentation fault (core dumped)"\nCommand "python train.py", exit code: 139',
            "AlgorithmError: Segmentation fault (core dumped)",
        ),
        (
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage ""\nCommand "python train.py", exit code: 1',
            "AlgorithmError: ExecuteUserScriptError:",
        ),
    ],
)
def test_a_reason_keeps_what_is_common_and_loses_what_differs(reason: str | None, expected: str) -> None:
    assert normalised(reason) == expected


# -- time and money ---------------------------------------------------------------------------------------------------

PRICES = {"ml.m5.xlarge": 0.36}


def priced(number: int, seconds: int | None, kind: str = "ml.m5.xlarge", **more: Any) -> Record:
    return trial(
        number, {"eta": number}, 0.1 + number, billable_seconds=seconds, instances=(InstanceGroup(kind, 2),), **more
    )


def test_a_job_that_was_billed_for_no_time_costs_nothing_and_lacks_no_price() -> None:
    """Such as one that was stopped in time, or that no spot capacity came for: Describe has no times of it then."""
    stopped = priced(1, 0, "ml.unheard", status="Stopped")
    never = priced(2, None, status="Stopped", started_at=None, training_seconds=None)
    found = analysed([priced(0, 100), stopped, never], prices=PRICES)

    assert found.cost.all.cost_usd == pytest.approx(100 * 2 * 0.36 / 3600)
    assert found.cost.all.unpriced_jobs == 0
    assert [row.cost_usd for row in found.trials][1:] == [0, 0]


def test_the_cost_is_unknown_if_only_free_jobs_have_one() -> None:
    found = analysed([priced(0, 100, "ml.unheard"), priced(1, 0)], prices=PRICES)

    assert (found.cost.all.cost_usd, found.cost.all.unpriced_jobs) == (None, 1)


def test_costs_are_billable_time_by_machines_by_price_and_unknown_stays_unknown() -> None:
    found = analysed([priced(0, 100), priced(1, 200), priced(2, 300, "ml.unheard"), priced(3, None)], prices=PRICES)

    assert found.cost.all.cost_usd == pytest.approx(300 * 2 * 0.36 / 3600)
    assert found.cost.all.unpriced_jobs == 2
    assert found.cost.best is not None
    assert found.cost.best.cost_usd == pytest.approx(100 * 2 * 0.36 / 3600)
    assert found.cost.failures.cost_usd is None
    assert "for at least $0.06 (estimate)" in found.sentences[-1]
    assert cost_of(priced(0, 10, "ml.unheard").job, PRICES) is None


def test_spot_saving_compares_billed_with_trained_time() -> None:
    spot = [priced(n, 25, spot=True, training_seconds=100) for n in range(2)]
    cost = analysed(spot, prices=PRICES).cost

    assert (cost.spot_jobs, cost.spot_saving) == (2, 0.75)
    assert cost.spot_saving_usd == pytest.approx(2 * 75 * 2 * 0.36 / 3600)
    assert analysed([priced(0, 10)], prices=PRICES).cost.spot_saving is None


# -- reproduce --------------------------------------------------------------------------------------------------------


def complete(**more: Any) -> Record:
    return trial(
        0,
        {"eta": 0.1},
        0.1,
        image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        instances=(InstanceGroup("ml.m5.xlarge", 1),),
        volume_gb=30,
        role="arn:aws:iam::123456789012:role/Training",
        output_path="s3://bucket/out",
        max_runtime_seconds=3600,
        channels=(InputChannel("train", "s3://bucket/train", "csv"),),
        model_artifact="s3://bucket/out/model.tar.gz",
        **more,
    )


def problems_of(request: dict[str, Any]) -> str:
    """What is wrong with a request of CreateTrainingJob, by botocore's model."""
    # Here, as they take longer to load than most modules of tests to run.
    from botocore.loaders import Loader
    from botocore.model import ServiceModel
    from botocore.validate import ParamValidator

    sagemaker = ServiceModel(Loader().load_service_model("sagemaker", "service-2"))
    shape: Any = sagemaker.operation_model("CreateTrainingJob").input_shape
    return str(ParamValidator().validate(request, shape).generate_report())


@pytest.mark.parametrize("more", [{}, {"spot": True}])
def test_the_request_is_one_that_create_training_job_takes_and_the_code_compiles(more: dict[str, Any]) -> None:
    recipe = analysed([complete(**more)]).recipe
    assert recipe is not None
    request = dict(recipe.request)

    assert problems_of(request) == ""
    assert recipe.missing == ()
    assert "MaxWaitTimeInSeconds" in json.dumps(request) if more else True
    ast.parse(recipe.train_code)
    ast.parse(recipe.model_code or "")
    assert "s3://bucket/out/model.tar.gz" in (recipe.model_code or "")


def test_facts_that_the_ledger_lacks_are_named_as_missing() -> None:
    recipe = analysed([trial(0, {"eta": 1}, 0.1, metric_definitions=("loss",))]).recipe

    assert recipe is not None
    assert set(recipe.missing) >= {"RoleArn", "ResourceConfig.InstanceType", "AlgorithmSpecification.TrainingImage"}
    assert recipe.model_code is None
    assert any("MetricDefinitions" in note for note in recipe.notes)


def test_a_cluster_of_several_kinds_of_machines_keeps_its_groups() -> None:
    mixed = complete()
    mixed = replace(mixed, job=replace(mixed.job, instances=(InstanceGroup("ml.a", 1), InstanceGroup("ml.b", 2))))
    recipe = analysed([mixed]).recipe

    assert recipe is not None
    assert [group["InstanceCount"] for group in recipe.request["ResourceConfig"]["InstanceGroups"]] == [1, 2]  # type: ignore[index]


def test_provenance_says_who_placed_the_jobs_and_what_was_described() -> None:
    found = analysed([trial(0, {"eta": 1}, 0.1), trial(1, {"eta": 2}, None, status="InProgress")]).provenance

    assert (found.placed_by, found.described, found.events_only, found.changes) == ({"test": 2}, 1, 1, 2)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e-3", 0.001), (" 2\n", 2.0), ("0\x1f", 0.0), ("1_000", None), ("nan", None), ("1e999", None), ("0x1", None), ("", None)],
)  # fmt: skip
def test_a_hyperparameters_text_is_a_finite_number_or_none(text: str, number: float | None) -> None:
    assert number_of(text) == number


# -- report.json ------------------------------------------------------------------------------------------------------

cells = st.one_of(st.floats(allow_nan=False, allow_infinity=False, width=32), st.text(max_size=20))


@settings(max_examples=25)
@given(st.lists(st.tuples(cells, cells, st.sampled_from(["Completed", "Failed", "Stopped", "InProgress"])), max_size=8))
def test_report_json_reads_back_as_the_same_analysis(drawn: list[tuple[Any, Any, str]]) -> None:
    records = [
        trial(n, {"a": a, "b\u2028<": n}, value if isinstance(value, float) else None, status=status, minutes=n + 1)
        for n, (a, value, status) in enumerate(drawn)
    ]
    found = analysed(records)

    assert from_dict(json.loads(json.dumps(to_dict(found)))) == found


def test_a_format_of_another_version_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=f"format is 99, expected {FORMAT}"):
        from_dict({"format": 99})


def test_the_rows_of_maximized_and_minimized_sweeps_mirror_each_other() -> None:
    """What is best by one is worst by the other: nothing in the ranking depends on the sign of a value."""
    values = [0.3, -0.2, 0.0, 5.0, -7.5]
    low = analysed([trial(n, {"eta": n}, value, rules=MINIMIZE) for n, value in enumerate(values)])
    high = analysed([trial(n, {"eta": n}, value, metric="accuracy", rules=MAXIMIZE) for n, value in enumerate(values)])

    assert [row.job_name for row in low.trials] == [row.job_name for row in reversed(high.trials)]
    assert low.as_of - timedelta(minutes=1000) == at(0)


def test_of_a_best_that_nothing_can_beat_no_chance_is_given() -> None:
    source = random.Random(6)
    values = [min(1.0, 0.9 + source.random() / 5) for _ in range(40)]
    (text,) = advice(shuffled(values, metric="accuracy"), "going on")

    assert text == "No accuracy is higher than 1, so more trials can only match the best."


def test_a_best_that_several_trials_reached_has_at_most_the_chance_of_one() -> None:
    source = random.Random(6)
    (text,) = advice(shuffled([max(source.random(), 0.3) for _ in range(40)]), "going on")

    assert re.match(
        r"20 more trials would beat the best with a chance of at most 33%.*: \d+ of 40 trials reached", text
    )
    assert "on average" not in text
    assert advice(shuffled([0.5] * 40), "going on") == [], "nothing says that anything matters"


def test_repeats_with_equal_values_have_no_noise() -> None:
    given = [{"lr": [0.1, 0.01, 0.001][n % 3], "batch": [16, 32][n % 2]} for n in range(36)]
    records = [trial(n, each, each["lr"] + each["batch"] / 100) for n, each in enumerate(given)]
    repeated = analysed(records).groups[0].repeats

    assert repeated is not None
    assert repeated.deviation == 0
