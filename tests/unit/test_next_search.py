"""Where to search next: points that beat random ones, requests that SageMaker takes, and silence where nothing is known."""

import math
import random
from collections.abc import Callable, Mapping

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.analysing import analysed, swept, trial
from tests.unit.recorded import TUNING, sweep_at
from trialbook.core.analysis.model import Kind, Parameter, Scale
from trialbook.core.analysis.next_search import next_search
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
    for name, found_range in found.ranges.items():
        assert name == "kind" or float(str(found_range.low)) < float(str(found_range.high))


def test_below_ten_ranked_trials_nothing_is_suggested() -> None:
    trials = searched(1, trials=9)
    found = next_search(SPACE, trials, [cost(x) for x in trials], ObjectiveType.MINIMIZE)

    assert (found.points, found.ranges) == ((), {})
    assert found.why == ("9 ranked trials: below 10 nothing can be said.",)


def test_where_noise_exceeds_what_hyperparameters_do_nothing_is_suggested() -> None:
    source = random.Random(2)
    records = [trial(n, {"eta": n // 2, "seed": n}, source.random()) for n in range(40)]
    found = suggested(analysed(records), 5)

    assert found.points == () or "Repeats of equal configurations differ by" in found.why[1]
    noisy = [trial(n, {"eta": n // 2, "seed": n}, float(n % 2)) for n in range(40)]
    assert suggested(analysed(noisy), 5).points == ()
    assert "noise exceeds" in suggested(analysed(noisy), 5).why[0]


def test_without_repeats_the_best_five_are_to_be_run_again_first() -> None:
    records = [trial(n, {"eta": n / 10}, (n - 7) ** 2 + 0.5) for n in range(20)]
    found = suggested(analysed(records, sweep=swept(records)), 3)
    said = as_json(found)

    assert [point["eta"] for point in said["repeats"]] == [0.7, 0.6, 0.8, 0.5, 0.9]
    assert "repeat the best ones first" in said["why"][1]
    assert len(said["points"]) == 3
    assert set(said) == {"points", "ranges", "why", "repeats"}


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
