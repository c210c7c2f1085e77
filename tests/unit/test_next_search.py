"""Where to search next: points that beat random ones, requests that SageMaker takes, and silence where nothing is known."""

import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.analysing import analysed, swept, trial
from tests.unit.recorded import TUNING, sweep_at
from trialbook.core.analysis.model import Analysis, Kind, NextRange, Parameter, RangeChange, Scale
from trialbook.core.analysis.next_search import next_search
from trialbook.core.analysis.where_next import next_ranges
from trialbook.core.messages.summary import advice
from trialbook.core.objectives import ObjectiveType
from trialbook_cli.suggestion import NextForm, as_json, code, suggested, training_requests, tuning_request

SEEDS = range(5)
RATE = Parameter("lr", Kind.NUMBER, Scale.LOG, 99, 0, True, False, 1e-5, 1.0, (), ())
DEPTH = Parameter("depth", Kind.NUMBER, Scale.LINEAR, 12, 0, True, True, 1, 12, (), ())
DROP = Parameter("drop", Kind.NUMBER, Scale.LINEAR, 99, 0, True, False, 0.0, 0.5, (), ())
KIND = Parameter("kind", Kind.CATEGORY, Scale.LINEAR, 3, 0, False, False, None, None, (), ("a", "b", "c"))
SPACE = (RATE, DEPTH, DROP, KIND)


def drawn(source: random.Random) -> dict[str, float | str]:
    return {
        "lr": 10 ** source.uniform(-5, 0),
        "depth": source.randint(1, 12),
        "drop": source.uniform(0, 0.5),
        "kind": source.choice("abc"),
    }


def cost(x: Mapping[str, object]) -> float:
    rate = math.log10(float(str(x["lr"])))
    return (
        (rate + 2.5) ** 2 / 4 + (float(str(x["depth"])) - 6) ** 2 / 20 + float(str(x["drop"])) / 5 + (x["kind"] != "b")
    )


def searched(seed: int, trials: int = 30) -> list[dict[str, float | str]]:
    source = random.Random(seed)
    return sorted((drawn(source) for _ in range(trials)), key=cost)


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_points_beat_ten_random_ones(seed: int) -> None:
    trials, source = searched(seed), random.Random(100 + seed)
    found = next_search(SPACE, trials, [cost(x) for x in trials], ObjectiveType.MINIMIZE)

    assert len(found.points) == 10
    assert min(map(cost, found.points)) < min(cost(drawn(source)) for _ in range(10))


@given(st.integers(0, 10_000), st.sampled_from(ObjectiveType))
@settings(max_examples=5, deadline=None)
def test_points_are_always_of_the_searched_space_and_new(seed: int, kind: ObjectiveType) -> None:
    trials = searched(seed, trials=12)
    found = next_search(SPACE, trials, [float(at) for at in range(12)], kind, points=3)

    for point in found.points:
        assert 1e-5 <= float(str(point["lr"])) <= 1
        assert isinstance(point["depth"], int)
        assert 1 <= point["depth"] <= 12
        assert 0 <= float(str(point["drop"])) <= 0.5
        assert point["kind"] in ("a", "b", "c")
        assert point not in trials
    for each in found.ranges:
        assert each.parameter == "kind" or float(str(each.low)) < float(str(each.high))


def test_below_ten_ranked_trials_nothing_is_suggested() -> None:
    trials = searched(1, trials=9)
    found = next_search(SPACE, trials, [cost(x) for x in trials], ObjectiveType.MINIMIZE)

    assert (found.points, found.ranges) == ((), ())
    assert found.why == ("9 ranked trials: below 10 nothing can be said.",)


def test_nothing_is_suggested_if_noise_exceeds_the_effects() -> None:
    source = random.Random(2)
    records = [trial(n, {"eta": n // 2, "seed": n}, source.random()) for n in range(40)]
    found = suggested(analysed(records), 5)

    assert found.points == () or "Repeats of equal configurations differ by" in found.why[1]
    noisy = [trial(n, {"eta": n // 2, "seed": n}, float(n % 2)) for n in range(40)]
    assert suggested(analysed(noisy), 5).points == ()
    assert "noise exceeds" in suggested(analysed(noisy), 5).why[0]


def test_nothing_is_suggested_if_all_values_are_the_same() -> None:
    source = random.Random(3)
    found = suggested(analysed([trial(n, {"a": source.random()}, 0.5) for n in range(40)]), 3)

    assert (found.points, found.repeats, found.why) == ((), (), ("All 40 ranked trials have the same value.",))


def test_an_exhausted_grid_is_reported() -> None:
    source = random.Random(3)
    records = [trial(n, {"a": n % 3, "b": "xy"[n % 2]}, n % 3 + n % 2 + source.random() / 9) for n in range(40)]
    found = suggested(analysed(records), 3)

    assert found.points == ()
    assert "All combinations of the values were tried: there is no new point." in found.why


@pytest.mark.parametrize("size", [1e290, -1e290, 1e-290])
def test_values_near_the_ends_of_what_a_double_holds_are_no_obstacle(size: float) -> None:
    source = random.Random(3)
    records = [trial(n, {"a": (a := source.random())}, size * (1e9 * (a - 0.4) ** 2 + 1)) for n in range(20)]
    found = suggested(analysed(records), 3)

    assert len(found.points) == 3
    assert any("The surrogate expects" in each for each in found.why)


def test_a_zero_beside_decades_leaves_room_for_these() -> None:
    """On a linear scale all small values would be one."""
    source = random.Random(3)
    tried = [0.0 if n % 5 == 0 else 10 ** source.uniform(-8, -1) for n in range(60)]
    records = [
        trial(n, {"weight_decay": each}, abs(math.log10(each or 1e-9) + 4) + source.random() / 10)
        for n, each in enumerate(tried)
    ]
    points = [float(str(point["weight_decay"])) for point in suggested(analysed(records), 5).points]

    assert sum(1e-5 < each < 1e-3 for each in points) >= 3


def test_points_keep_which_hyperparameters_others_need() -> None:
    """A search has `units_1` for two layers or more, `degree` for one kernel."""
    source, trials = random.Random(5), []
    for _ in range(60):
        given: dict[str, object] = {"layers": source.randint(1, 3), "kernel": source.choice(["poly", "rbf"])}
        given |= {f"units_{n}": source.choice([32, 64, 128]) for n in range(int(str(given["layers"])))}
        given |= {"degree": source.randint(2, 5)} if given["kernel"] == "poly" else {}
        trials.append(given)
    records = [trial(n, x, abs(int(str(x["layers"])) - 2) + source.random() / 9) for n, x in enumerate(trials)]

    for point in suggested(analysed(records), 20).points:
        needed = {f"units_{n}" for n in range(int(str(point["layers"])))}
        assert {name for name in point if name.startswith("units")} == needed
        assert ("degree" in point) == (point["kernel"] == "poly")


@pytest.mark.parametrize("seed", SEEDS)
def test_no_point_comes_twice_or_was_tried_where_a_kernel_has_no_degree(seed: int) -> None:
    """Points that differ in the degree alone, which they leave out, are one (optuna/optuna#5440 reports such points)."""
    source, tried = random.Random(seed), []
    for _ in range(40):
        kernel = source.choice(["rbf", "poly"])
        degree = {"degree": source.randint(2, 5)} if kernel == "poly" else {}
        tried.append({"kernel": kernel, "c": source.choice([0.1, 1, 10, 100]), **degree})
    records = [trial(n, x, (x["kernel"] == "poly") + source.random() / 9) for n, x in enumerate(tried)]
    points = [tuple(sorted(point.items())) for point in suggested(analysed(records), 10).points]

    assert points
    assert len(points) == len(set(points))
    assert not set(points) & {tuple(sorted(x.items())) for x in tried}


def test_points_have_flags_that_are_set_or_not_and_values_that_only_one_kind_has() -> None:
    """Launchers leave out what is off (wandb/wandb#1700); only one optimizer has a momentum, always the same."""
    source, tried = random.Random(1), []
    for _ in range(40):
        kind: dict[str, object] = (
            {"optimizer": "sgd", "momentum": 0.9} if source.random() < 0.5 else {"optimizer": "adam"}
        )
        tried.append({"lr": source.random(), **kind, **({"amp": "true"} if source.random() < 0.5 else {})})
    records = [
        trial(n, x, float(str(x["lr"])) / 5 + ("amp" not in x) + ("momentum" in x) / 3) for n, x in enumerate(tried)
    ]
    analysis = analysed(records)
    found = suggested(analysis, 6)
    requests = [each["HyperParameters"] for each in training_requests(analysis, found.points)]

    assert all(point["amp"] == "true" for point in found.points)
    assert all(("momentum" in each) == (each["optimizer"] == "sgd") for each in [*found.points, *requests])
    assert {each.parameter for each in found.ranges} == {"lr", "optimizer"}, "SageMaker takes no range of one value"


@pytest.mark.parametrize("seed", SEEDS)
def test_no_point_is_where_most_jobs_fail(seed: int) -> None:
    """Large batches would be better, and are out of memory (optuna/optuna#3472 and #2864 report such points)."""
    source, records = random.Random(seed), []
    for n in range(40):
        batch, rate = source.randint(16, 512), 10 ** source.uniform(-4, -1)
        value, ended = ((600 - batch) / 1000, {}) if batch <= 300 else (None, {"status": "Failed"})
        records.append(trial(n, {"batch": batch, "rate": rate}, value, **ended))
    analysis = analysed(records)
    found = suggested(analysis, 4)
    batches = sorted(int(str(point["batch"])) for point in found.points)
    fails = [int(each.job.hyper_parameters["batch"]) for each in records if each.value is None]
    (batch_range,) = (each for each in found.ranges if each.parameter == "batch")

    assert len(batches) == 4
    assert batches[-1] < 315
    assert int(str(batch_range.high)) < max(fails)
    assert any("failed" in each for each in found.why)
    (reported,) = (each for each in next_of(analysis) if each.parameter == "batch")
    assert reported == batch_range, "as the report says"


def next_of(analysis: Analysis) -> Sequence[NextRange]:
    """The ranges that the report names."""
    found = analysis.groups[0].where_next
    assert found is not None
    return found.ranges


def test_a_kind_of_which_all_jobs_fail_is_left_out_of_points_and_ranges() -> None:
    source, records = random.Random(3), []
    for n in range(60):
        x, rate = {"kind": source.choice("abc")}, source.random()
        value, ended = (rate, {}) if x["kind"] != "b" else (None, {"status": "Failed"})
        records.append(trial(n, {**x, "rate": rate}, value, **ended))
    found = suggested(analysed(records), 4)
    (kinds,) = (each for each in found.ranges if each.parameter == "kind")

    assert {point["kind"] for point in found.points} <= {"a", "c"}
    assert set(kinds.values) == {"a", "c"}


@pytest.mark.parametrize("steps", [range(32, 513, 32), [2**n for n in range(4, 14)], [n / 20 for n in range(21)]])
def test_points_have_the_steps_of_the_search(steps: Sequence[float]) -> None:
    """A search has steps, which SageMaker's ranges can't have (aws/sagemaker-python-sdk#3549 asks for them)."""
    source = random.Random(3)
    tried = [{"batch": source.choice(steps), "rate": source.random()} for _ in range(60)]
    records = [trial(n, x, abs(x["batch"] / max(steps) - 0.4) + x["rate"] / 9) for n, x in enumerate(tried)]

    assert {point["batch"] for point in suggested(analysed(records), 4).points} <= set(steps)


@pytest.mark.parametrize("best", [0, 1e-5, 1e-4, 1e-2])
def test_a_zero_beside_few_decades_has_each_of_them_as_a_place(best: float) -> None:
    source, records = random.Random(2), []
    for n in range(40):
        decay = source.choice([0, 1e-5, 1e-4, 1e-3, 1e-2])
        away = abs(math.log10(decay or 1e-6) - math.log10(best or 1e-6))
        records.append(trial(n, {"decay": decay, "rate": source.random()}, away + source.random() / 20))
    points = suggested(analysed(records), 5).points

    assert [point["decay"] for point in points] == [best] * 5


def test_without_repeats_the_best_five_are_to_be_run_again_first() -> None:
    records = [trial(n, {"eta": n / 10}, (n - 7) ** 2 + 0.5) for n in range(20)]
    found = suggested(analysed(records, sweep=swept(records)), 3)
    said = as_json(found)

    assert [point["eta"] for point in said["repeats"]] == [0.7, 0.6, 0.8, 0.5, 0.9]
    assert "repeat the best ones first" in said["why"][1]
    assert len(said["points"]) == 3
    assert set(said) == {"points", "ranges", "why", "repeats"}


def test_repeats_have_seeds_that_no_trial_had() -> None:
    """With an equal seed a trial comes out the same and says nothing of noise."""
    varied = [trial(n, {"eta": n / 10, "seed": 5 * n}, (n - 7) ** 2 + 0.5) for n in range(20)]
    fixed = [trial(n, {"eta": n / 10, "random_state": 42}, (n - 7) ** 2 + 0.5) for n in range(20)]

    assert [point["seed"] for point in suggested(analysed(varied), 1).repeats] == [96, 97, 98, 99, 100]
    assert [point["random_state"] for point in suggested(analysed(fixed), 1).repeats] == [43, 44, 45, 46, 47]
    assert "seed" not in suggested(analysed(varied), 1).points[0]


def test_a_range_is_narrowed_where_the_best_trials_crowd_with_the_figures() -> None:
    trials = searched(3, trials=120)
    found = next_search(SPACE, trials, [cost(x) for x in trials], ObjectiveType.MINIMIZE, points=1)
    rate = next(each for each in found.ranges if each.parameter == "lr")

    assert rate.change is RangeChange.NARROWER
    assert 1e-5 < float(str(rate.low)) < 10**-2.5 < float(str(rate.high)) < 1
    assert re.search(r"\d+ of the 30 best trials are there, against \d+ of all 120", rate.why)


@pytest.mark.parametrize("declared", [True, False])
def test_ranges_stay_if_values_mean_nothing(declared: bool) -> None:
    """At most one sweep in twenty has a range narrowed by chance."""
    narrowed, source = 0, random.Random(7)
    space = tuple(replace(each, has_range=declared and each.kind is Kind.NUMBER) for each in SPACE)
    for _ in range(60):
        trials = [drawn(source) for _ in range(40)]
        narrowed += any(each.change is not RangeChange.NONE for each in next_ranges(space, trials, ()))

    assert narrowed <= 6


@pytest.mark.parametrize(
    ("name", "values", "low", "high"),
    [
        ("x", [n / 20 for n in range(1, 21)], 0.05, 1.24),
        ("subsample", [0.3 + 0.03 * n for n in range(20)], 0.3, 1.0),
        ("depth", list(range(1, 21)), 1, 25),
    ],
)
def test_a_range_continues_beyond_the_end_where_values_get_better_to(
    name: str, values: list[float], low: float, high: float
) -> None:
    """As far as values can be: no share is above 1."""
    records = [trial(n, {name: value}, 30 - n) for n, value in enumerate(values)]
    found = analysed(records).groups[0].where_next

    assert found is not None
    (shown,) = found.ranges
    assert shown.change is RangeChange.BEYOND
    assert float(str(shown.low)) >= low
    assert shown.high == pytest.approx(high, rel=0.02)


def test_positive_values_stay_positive_below_the_lower_end() -> None:
    records = [trial(n, {"x": 0.1 + n / 20}, 1 + n) for n in range(20)]
    found = analysed(records).groups[0].where_next

    assert found is not None
    assert 0 < float(str(found.ranges[0].low)) < 0.1


def test_the_report_and_the_message_say_where_to_search_next() -> None:
    trials = [(n, {"eta": (n * 37 % 60) / 60}) for n in range(60)]
    records = [trial(n, given, (given["eta"] - 0.45) ** 2) for n, given in trials]
    analysis = analysed(records)
    found = analysis.groups[0].where_next

    assert found is not None
    assert found.command == "trialbook next s"
    assert found.repeats == 5
    (first, *_) = advice(analysis)
    assert first.startswith("Search next: eta 0.")
    assert "trialbook next s" in first


@pytest.mark.parametrize("trials", [9, 40])
def test_without_enough_trials_or_an_effect_the_report_is_silent(trials: int) -> None:
    source = random.Random(4)
    records = [trial(n, {"eta": n // 2, "seed": n}, float(n % 2) + source.random() / 9) for n in range(trials)]
    found = analysed(records)

    assert found.groups[0].where_next is None
    assert not any("Search next" in text for text in advice(found))


def test_requests_are_such_as_sagemaker_takes() -> None:
    sweep, found_records = sweep_at(TUNING)
    analysis = analysed(found_records, sweep=sweep)
    found = suggested(analysis, 3)
    shapes = botocore.session.get_session().get_service_model("sagemaker")
    tuning = tuning_request(analysis, found)

    for operation, request in [
        *(("CreateTrainingJob", each) for each in training_requests(analysis, found.points)),
        ("CreateHyperParameterTuningJob", tuning),
    ]:
        shape = shapes.operation_model(operation).input_shape
        assert shape is not None
        errors = ParamValidator().validate(request, shape)
        assert not errors.has_errors(), errors.generate_report()
    assert tuning["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"


def test_a_tuning_job_that_starts_warm_has_as_many_hyperparameters_as_its_parent() -> None:
    """SageMaker refuses others; a seed that was tuned is static in the new one."""
    sweep, found_records = sweep_at(TUNING)
    analysis = analysed(found_records, sweep=sweep)
    request = tuning_request(analysis, suggested(analysis, 1))
    ranges = request["HyperParameterTuningJobConfig"]["ParameterRanges"]
    tuned = {each["Name"] for rows in ranges.values() for each in rows}
    static = set(request["TrainingJobDefinition"]["StaticHyperParameters"])
    parent = {name for name in found_records[0].job.hyper_parameters if name != "_tuning_objective_metric"}

    assert tuned | static == parent
    assert not tuned & static


@pytest.mark.parametrize(
    "change",
    [
        lambda a: replace(a, sweep=replace(a.sweep, state="open")),
        lambda a: replace(a, counts=replace(a.counts, in_progress=1)),
        lambda a: replace(a, groups=(*a.groups, *a.groups)),
        lambda a: replace(
            a, groups=(replace(a.groups[0], ranking=replace(a.groups[0].ranking, source="rules document")),)
        ),
    ],
)
def test_no_warm_start_that_sagemaker_refuses(change: Callable[[Analysis], Analysis]) -> None:
    """A parent must be over, and have the same objective."""
    sweep, found_records = sweep_at(TUNING)
    analysis = analysed(found_records, sweep=sweep)

    assert "WarmStartConfig" in tuning_request(analysis, suggested(analysis, 1))
    assert "WarmStartConfig" not in tuning_request(change(analysis), suggested(analysis, 1))


def test_only_a_tuning_job_starts_another_one_warm() -> None:
    records = [trial(n, {"eta": n / 10}, (n - 7) ** 2 + 0.5) for n in range(20)]
    analysis = analysed(records)

    assert "WarmStartConfig" not in tuning_request(analysis, suggested(analysis, 1))


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("form", [NextForm.BOTO3, NextForm.SDK, NextForm.LOOP])
def test_code_is_python(form: NextForm, ranges: bool) -> None:
    records = [trial(n, {"eta": n / 10, "kind": "ab"[n % 2]}, (n - 7) ** 2 + 0.5) for n in range(20)]
    analysis = analysed(records)
    text: str = code(analysis, suggested(analysis, 2), form, ranges=ranges)
    made: Callable[..., object] = compile

    assert made(text, "next", "exec")


def test_a_tuning_job_has_no_more_values_than_sagemaker_takes_those_of_the_best_trials() -> None:
    records = [trial(n, {"feature": f"col_{n % 50}", "eta": n / 100}, (n * 37 % 100) / 100) for n in range(100)]
    analysis = analysed(records)
    request = tuning_request(analysis, suggested(analysis, 1))
    (feature,) = request["HyperParameterTuningJobConfig"]["ParameterRanges"]["CategoricalParameterRanges"]

    assert len(feature["Values"]) == len(set(feature["Values"])) == 30
    assert feature["Values"][0] == "col_0", "the best trial's"


@pytest.mark.parametrize(("rate", "jobs", "parallel"), [({}, 6, 2), ({"rate": 0.5}, 20, 2)])
def test_a_tuning_job_has_no_more_jobs_than_combinations(rate: dict[str, float], jobs: int, parallel: int) -> None:
    """SageMaker refuses others: "You don't have enough combinations of hyperparameter ranges"
    (aws/amazon-sagemaker-operator-for-k8s#123)."""
    source = random.Random(3)
    tried = [{"depth": n % 3 + 1, "kind": "xy"[n % 2], **{k: source.random() for k in rate}} for n in range(40)]
    analysis = analysed([trial(n, x, source.random()) for n, x in enumerate(tried)])
    limits = tuning_request(analysis, suggested(analysis, 1))["HyperParameterTuningJobConfig"]["ResourceLimits"]

    assert limits == {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel}


def test_a_job_without_input_has_a_request_that_sagemaker_takes() -> None:
    analysis = analysed([trial(n, {"eta": n / 10}, (n - 7) ** 2 + 0.5) for n in range(20)])
    shapes = botocore.session.get_session().get_service_model("sagemaker")
    (request,) = training_requests(analysis, suggested(analysis, 1).points)
    errors = ParamValidator().validate(request, shapes.shape_for("CreateTrainingJobRequest")).generate_report()

    assert {line.split(" ")[0] for line in errors.splitlines()} == {"Missing"}, "only what the ledger does not hold"


def test_a_sweep_that_has_grown_is_given_names_that_no_job_has() -> None:
    records = [trial(n, {"eta": n / 10}, (n - 7) ** 2 + 0.5) for n in range(20)]
    names = [
        {each["TrainingJobName"] for each in training_requests(found, suggested(found, 3).points)}
        for found in (analysed(records[:19]), analysed(records))
    ]

    assert not names[0] & names[1]
    assert all(len(name) <= 63 for each in names for name in each)


@pytest.mark.parametrize(
    ("metric", "value_of"),
    [
        ("loss", lambda x: (x - 0.3) ** 2 if x < 0.5 else 1.0),
        ("accuracy", lambda x: min(1 - (x - 0.3) ** 2 / 2, 0.9999)),
        ("accuracy", lambda x: -abs(x - 0.3) - 1e-4),
    ],
)
def test_no_value_is_expected_that_the_objective_can_not_have(metric: str, value_of: Callable[[float], float]) -> None:
    source = random.Random(5)
    drawn_at = [source.random() for _ in range(30)]
    found = suggested(analysed([trial(n, {"x": x}, value_of(x), metric=metric) for n, x in enumerate(drawn_at)]), 10)
    (text,) = (each for each in found.why if "surrogate expects" in each)
    expected = re.search(r"expects (-?[\d.e-]+) of", text)
    least, most = min(map(value_of, drawn_at)), max(map(value_of, drawn_at))

    assert expected or "no worse than" in text
    assert expected is None or least < 0 or float(expected[1]) >= 0
    assert expected is None or most > 0 or float(expected[1]) <= 0
    assert expected is None or not 0 <= least <= most <= 1 or float(expected[1]) <= 1


def test_no_point_repeats_a_trial_but_for_its_last_digits() -> None:
    drawn_at = [0.0123456789 + n / 20 for n in range(20)]
    found = suggested(analysed([trial(n, {"x": x}, x) for n, x in enumerate(drawn_at)]), 5)

    assert found.points
    assert all(abs(float(str(point["x"])) - x) > 1e-4 for point in found.points for x in drawn_at)
