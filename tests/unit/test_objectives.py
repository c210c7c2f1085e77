"""What jobs are ranked by."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.samples import at, job, record
from trialbook.adapters.rules_document import read_rules
from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import Metric, NotDescribed, TuningDefinition
from trialbook.core.objectives import (
    Objective,
    ObjectiveSource,
    ObjectiveType,
    Statistic,
    known_objective,
    parse_objective,
    prefix_of,
    rank_key,
    rank_prefix,
    tuning_objective,
    unranked_key,
)

MINIMIZE = Objective("validation:error", ObjectiveType.MINIMIZE, ObjectiveSource.TAG)
MAXIMIZE = Objective("validation:auc", ObjectiveType.MAXIMIZE, ObjectiveSource.TAG)
finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, finite, st.sampled_from([MINIMIZE, MAXIMIZE]))
def test_rank_keys_always_sort_as_the_values_rank(one: float, other: float, objective: Objective) -> None:
    keys = [rank_key(objective, value, at(0), "job") for value in (one, other)]

    assert (keys[0] < keys[1]) == objective.is_better(one, other)


def test_ties_go_to_the_earlier_job_and_the_unranked_come_last() -> None:
    early, late = (rank_key(MINIMIZE, 0.1, at(minute), "job") for minute in (0, 1))

    assert early < late < unranked_key(at(0), "job")


@pytest.mark.parametrize(
    ("names", "definitions", "expected"),
    [
        (["train:auc", "validation:error", "validation:auc"], ["validation:auc", "validation:error"], "validation:auc"),
        (["train:auc", "test:accuracy"], [], "test:accuracy"),
        (["validation:error", "validation:logloss"], [], "validation:error"),
        (["loss", "epoch"], [], "loss"),
        (["loss", "validation:auc"], [], "validation:auc"),
        (["train_loss", "eval_loss", "eval_runtime"], [], "eval_loss"),
        (["Train Loss", "Validation Loss", "Epoch"], [], "Validation Loss"),
        (["trainLoss", "valLoss"], ["trainLoss", "valLoss"], "valLoss"),
        (
            ["Training.Accuracy", "Validation.Accuracy"],
            ["Training.Accuracy", "Validation.Accuracy"],
            "Validation.Accuracy",
        ),
        (["training loss", "testing loss"], [], "testing loss"),
        (["training's l2", "valid_1's l2"], [], "valid_1's l2"),
        (["loss", "dev_loss", "holdout accuracy"], [], "dev_loss"),
        (["test accuracy", "accuracy"], [], "test accuracy"),
        (["yield", "epoch"], [], None),
        ([], [], None),
    ],
)
def test_of_known_metrics_validation_comes_first_then_the_jobs_own_order(
    names: list[str], definitions: list[str], expected: str | None
) -> None:
    made = job(metrics=dict.fromkeys(names, 0.5), metric_definitions=tuple(definitions))

    found = known_objective(made)

    assert (found.metric if found else None) == expected


@pytest.mark.parametrize("loss", ["validation:objective_loss", "Logloss", "multi_logloss"])
def test_losses_are_minimized_even_where_aws_prints_otherwise(loss: str) -> None:
    found = known_objective(job(metrics={loss: 1.0}))

    assert found is not None
    assert found.type is ObjectiveType.MINIMIZE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("minimize validation:error", ("validation:error", ObjectiveType.MINIMIZE, Statistic.LAST)),
        (" Maximize  max validation:auc ", ("validation:auc", ObjectiveType.MAXIMIZE, Statistic.MAX)),
        ("minimize min", ("min", ObjectiveType.MINIMIZE, Statistic.LAST)),
    ],
)
def test_an_objective_is_read_as_people_write_it(text: str, expected: tuple[Any, ...]) -> None:
    found = parse_objective(text, "tag", ObjectiveSource.TAG)

    assert (found.metric, found.type, found.statistic) == expected


@pytest.mark.parametrize("text", ["", "validation:error", "smallest x", "minimize", "maximize  "])
def test_an_unreadable_objective_names_the_field(text: str) -> None:
    with pytest.raises(InvalidInput, match="trialbook:objective"):
        parse_objective(text, "trialbook:objective", ObjectiveSource.TAG)


@pytest.mark.parametrize(("statistic", "value"), [(Statistic.LAST, 0.3), (Statistic.MIN, 0.1), (Statistic.MAX, 0.5)])
def test_the_statistic_chooses_the_value(statistic: Statistic, value: float) -> None:
    metric = Metric.of("validation:error", 0.3, minimum=0.1, maximum=0.5, average=0.2, count=9)
    made = job(metrics={})
    objective = Objective("validation:error", ObjectiveType.MINIMIZE, ObjectiveSource.RULES, statistic)

    assert objective.value_of(replace(made, final_metrics=(metric,))) == value


@pytest.mark.parametrize(
    ("given_value", "text"),
    [(math.nan, "NaN"), ("NaN", "NaN"), (math.inf, "Infinity"), ("-Infinity", "-Infinity"), ("abc", "abc")],
)
def test_a_value_that_is_no_finite_number_is_kept_as_text_and_never_ranks(given_value: object, text: str) -> None:
    made = record(
        job(metrics={"validation:error": given_value}),
        rules=read_rules("experiments: {'*': {objective: minimize validation:error}}"),
    )

    assert made.job.final_metrics[0].text == text
    assert made.value is None
    assert made.without_objective == f"{'' if text == 'abc' else 'it diverged: '}validation:error is {text}"
    assert made.sweep_rank.startswith("~")


@pytest.mark.parametrize(
    ("facts", "source"),
    [
        ({"tags": {"trialbook:objective": "maximize validation:auc"}}, ObjectiveSource.TAG),
        ({}, ObjectiveSource.RULES),
        ({"tuning_job": "tune"}, ObjectiveSource.TUNING_JOB),
        (
            {"tuning_job": "tune", "tags": {"trialbook:objective": "maximize validation:auc"}},
            ObjectiveSource.TUNING_JOB,
        ),
        ({"tags": {"trialbook:objective": "nonsense"}}, ObjectiveSource.RULES),
    ],
)
def test_the_first_source_that_names_an_objective_wins(facts: dict[str, Any], source: ObjectiveSource) -> None:
    rules = read_rules("experiments: {churn: {objective: minimize train:error}}")
    definitions = (TuningDefinition(None, "validation:error", "Minimize"),)

    made = record(job(**facts), rules=rules, definitions=definitions)

    assert made.objective is not None
    assert made.objective.source is source


@pytest.mark.parametrize(
    ("status", "facts", "rules", "ranks"),
    [
        ("Completed", {}, "", True),
        ("Failed", {}, "", False),
        ("Stopped", {}, "", False),
        ("Stopped", {"tuning_job": "tune"}, "", True),
        ("Stopped", {}, "experiments: {churn: {rank_stopped: true}}", True),
        ("Stopped", {"tuning_job": "tune"}, "experiments: {churn: {rank_stopped: false}}", False),
        ("InProgress", {}, "", False),
    ],
)
def test_which_jobs_rank(status: str, facts: dict[str, Any], rules: str, ranks: bool) -> None:
    made = record(job(status=status, metrics={"validation:error": 0.1}, **facts), rules=read_rules(rules))

    assert (not made.sweep_rank.startswith("~")) == ranks


ONE = TuningDefinition("one", "validation:error", "Minimize", "image-1", {"booster": "gbtree"})
OTHER = TuningDefinition("other", "validation:auc", "Maximize", "image-2", {"booster": "gblinear"})


@pytest.mark.parametrize(
    ("facts", "metric"),
    [
        ({"hyper_parameters": {"_tuning_objective_metric": '"validation:auc"'}}, "validation:auc"),
        ({"hyper_parameters": {"booster": "gbtree"}, "image": "image-1"}, "validation:error"),
        ({"metrics": {"validation:auc": 0.9}}, "validation:auc"),
        ({"metrics": {"validation:auc": 0.9, "validation:error": 0.1}}, None),
    ],
)
def test_a_child_of_several_definitions_has_that_of_its_own(facts: dict[str, Any], metric: str | None) -> None:
    found = tuning_objective(job(tuning_job="tune", **facts), (ONE, OTHER), Statistic.LAST)

    assert (found.metric if found else None) == metric


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        ({"metrics": {}}, "no metric"),
        ({"metrics": {"yield": 1.0}}, "set one by tag trialbook:objective"),
        (
            {"metrics": {"loss": 1.0}, "tags": {"trialbook:objective": "minimize error"}},
            "error is not among its metrics (loss)",
        ),
    ],
)
def test_a_job_without_value_names_the_likely_cause(facts: dict[str, Any], cause: str) -> None:
    assert cause in str(record(job(**facts)).without_objective)


@pytest.mark.parametrize(
    ("why", "cause"),
    [
        (NotDescribed.DELETED, "it was deleted before SageMaker was asked for its metrics"),
        (NotDescribed.REFUSED, "SageMaker refused to tell its metrics"),
        (None, "only its events are known"),
    ],
)
@pytest.mark.parametrize("rules", ["", "experiments: {'*': {objective: minimize validation:error}}"])
def test_an_undescribed_job_is_never_blamed_on_the_metric_definitions(
    why: NotDescribed | None, cause: str, rules: str
) -> None:
    unknown = replace(job(metrics={}), described=False, not_described=why)

    found = str(record(unknown, rules=read_rules(rules)).without_objective)

    assert cause in found
    assert "MetricDefinitions" not in found
    assert "regular expression" not in found


def test_a_diverged_metric_suggests_the_objective_as_a_finite_one_does() -> None:
    made = job(metrics={"validation:rmse": "NaN", "train:rmse": 0.2})

    found = known_objective(made)

    assert found is not None
    assert found.metric == "validation:rmse"
    assert found.value_of(made) is None


def test_a_text_that_is_no_number_suggests_no_objective() -> None:
    assert known_objective(job(metrics={"validation:rmse": "abc"})) is None


@pytest.mark.parametrize("metric", ["m" * 5000, "€" * 1000, "\U0001f600" * 500 + "x", "a|b\\" * 400])
def test_a_rank_key_always_fits_a_sort_key_and_keeps_objectives_apart(metric: str) -> None:
    one, other = (
        Objective(name, ObjectiveType.MINIMIZE, ObjectiveSource.RULES) for name in (metric, f"{metric[:-1]}?")
    )
    keys = [rank_key(one, value, at(0), "n" * 63) for value in (-1.0, 0.5, 2.0)]

    assert max(len(key.encode()) for key in keys) <= 1024
    assert keys == sorted(keys)
    assert {prefix_of(key) for key in keys} == {prefix_of(rank_key(one, 1.0, at(1), "b"))}
    assert rank_prefix(one) != rank_prefix(other)
    assert not rank_prefix(other).startswith(rank_prefix(one))
