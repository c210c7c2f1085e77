"""The front holds the trials that no other one beats in both, and no others."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.analysing import analysed, trial
from trialbook.core.analysis.front import front
from trialbook.core.analysis.model import Front
from trialbook.core.charts.choice import drawn, outlines
from trialbook.core.objectives import Objective, ObjectiveSource, ObjectiveType
from trialbook.core.rules.parsing import parse_rules
from trialbook.core.sweeps import Record

LATENCY = Objective("latency", ObjectiveType.MINIMIZE, ObjectiveSource.RULES)
THROUGHPUT = Objective("latency", ObjectiveType.MAXIMIZE, ObjectiveSource.RULES)
VALUES = st.integers(0, 20)


def made(pairs: list[tuple[float, float]], metric: str = "loss") -> list[Record]:
    """Trials with a value and a latency."""
    return [
        trial(n, {"eta": n}, value, metric=metric, metrics={"latency": other}) for n, (value, other) in enumerate(pairs)
    ]


def found(records: list[Record], second: Objective | None = LATENCY) -> Front | None:
    return analysed(records, second=second).groups[0].front


@given(
    st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=30), st.sampled_from(["loss", "accuracy"]), st.booleans()
)
def test_a_front_is_always_what_nothing_beats(pairs: list[tuple[int, int]], metric: str, is_less: bool) -> None:
    records = made([(float(a), float(b)) for a, b in pairs], metric)
    kept = found(records, LATENCY if is_less else THROUGHPUT)
    signs = (1 if metric == "loss" else -1, 1 if is_less else -1)
    costs = {(a * signs[0], b * signs[1]) for a, b in pairs}
    unbeaten = {(a, b) for a, b in costs if not any(x <= a and y <= b and (x, y) != (a, b) for x, y in costs)}

    if len(unbeaten) == 1:
        assert kept is None
    else:
        assert kept is not None
        assert [(each.value * signs[0], each.other * signs[1]) for each in kept.trials] == sorted(unbeaten)


def test_without_a_second_objective_time_or_money_is_the_other_side() -> None:
    source = random.Random(2)
    records = [trial(n, {"eta": n}, source.random(), minutes=source.uniform(1, 9)) for n in range(30)]
    kept = found(records, None)

    assert kept is not None
    assert kept.other in ("cost_usd", "billable_seconds", "duration_seconds")
    assert [each.value for each in kept.trials] == sorted(each.value for each in kept.trials)
    assert [each.other for each in kept.trials] == sorted((each.other for each in kept.trials), reverse=True)


def test_a_small_sweep_has_no_front_against_time() -> None:
    assert found([trial(n, {"eta": n}, 1 / (n + 1), minutes=n + 1) for n in range(9)], None) is None


def test_trials_without_the_second_metric_are_left_out() -> None:
    records = [*made([(1.0, 9.0), (2.0, 1.0)]), trial(7, {"eta": 7}, 0.5)]
    kept = found(records)

    assert kept is not None
    assert (kept.compared, [each.value for each in kept.trials]) == (2, [1.0, 2.0])


def test_the_front_is_drawn() -> None:
    analysis = analysed(made([(1.0, 9.0), (2.0, 1.0), (3.0, 5.0)]), second=LATENCY)
    (outline,) = [each for each in outlines(analysis) if each.kind == "front"]
    chart = drawn(analysis, outline)

    assert outline.words.title == "loss against latency"
    assert chart.alt == "2 of 3 trials are beaten by no other in both loss and latency: from 1 at 9 to 2 at 1."
    assert "latency (lower is better)" in str(chart.spec)


@pytest.mark.parametrize(
    ("text", "metric"), [("minimize latency_ms", "latency_ms"), ("maximize max tokens/s", "tokens/s")]
)
def test_rules_name_the_second_objective_of_an_experiment(text: str, metric: str) -> None:
    rules = parse_rules({"experiments": {"churn-*": {"second_objective": text}}}, {})
    named = rules.second_objective("churn-xgb")

    assert named is not None
    assert named.metric == metric
    assert rules.second_objective("other") is None


def test_the_objective_itself_is_no_second_one() -> None:
    records: list[Any] = made([(1.0, 2.0), (2.0, 1.0)])
    objective = records[0].objective

    assert objective is not None
    assert front(records, objective, {}, replace(objective)) is None
