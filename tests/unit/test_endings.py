"""Why SageMaker stopped jobs, what a search began with, and what machines kept warm cost, in the report."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.analysing import analysed, swept, trial
from tests.unit.samples import at, job, record
from trialbook.core.analysis.model import Against
from trialbook.core.describe import job_from_detail, tuning_job_from_describe
from trialbook.core.endings import why_not_ranked, why_stopped
from trialbook.core.jobs import InstanceGroup, JobKind, ParentsBest
from trialbook.core.messages.summary import spending_facts

AUC = {"MetricName": "validation:score", "Type": "Maximize"}


def stopped(secondary: str, metrics: dict[str, Any] | None = None, **more: Any) -> Any:
    return job(status="Stopped", secondary_status=secondary, metrics=metrics or {}, **more)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (stopped("MaxWaitTimeExceeded"), "no spot capacity came before its MaxWaitTimeInSeconds was over"),
        (stopped("MaxWaitTimeExceeded", training_seconds=60), "its MaxWaitTimeInSeconds was over"),
        (stopped("MaxWaitTimeExceeded", started_at=at(1)), "its MaxWaitTimeInSeconds was over"),
        (
            stopped("MaxWaitTimeExceeded", started_at=at(5)),
            "no spot capacity came before its MaxWaitTimeInSeconds was over",
        ),
        (stopped("MaxRuntimeExceeded"), "its MaxRuntimeInSeconds was over"),
        (stopped("Stopped"), None),
        (job(secondary_status="Completed"), None),
    ],
)
def test_why_sagemaker_stopped_a_job(facts: Any, why: str | None) -> None:
    assert why_stopped(facts) == why


def test_a_job_that_ran_to_its_limit_says_its_value_and_why_that_does_not_rank() -> None:
    found = why_not_ranked(record(stopped("MaxRuntimeExceeded", {"validation:auc": 0.72})))

    assert found == (
        "its MaxRuntimeInSeconds was over; it had validation:auc 0.72, but stopped jobs rank only with "
        "rank_stopped: true in the rules document"
    )


def test_the_report_counts_stopped_jobs_by_their_reason() -> None:
    late = [stopped("MaxWaitTimeExceeded", hyper_parameters={"lr": str(n)}) for n in range(2)]
    made = [record(replace(each, key=replace(each.key, name=f"late-{n}"))) for n, each in enumerate(late)]
    found = analysed([*made, trial(7, {"lr": 7}, 0.1)])

    assert [each.text for each in found.advice if each.kind == "stopped"] == [
        "2 jobs stopped: no spot capacity came before its MaxWaitTimeInSeconds was over, and it reached no value."
    ]


def tuned(best: dict[str, Any]) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": "tune-2",
        "HyperParameterTuningJobStatus": "Completed",
        "CreationTime": 1_795_168_800,
        "OverallBestTrainingJob": {
            "TrainingJobName": "tune-1-004-0f0444b1",
            "TuningJobName": "tune-1",
            "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation:auc", "Value": 0.95},
            **best,
        },
    }


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        ({}, ParentsBest("tune-1-004-0f0444b1", "tune-1", "validation:auc", 0.95)),
        ({"TuningJobName": "tune-2"}, None),
        ({"TuningJobName": None}, None),
        ({"FinalHyperParameterTuningJobObjectiveMetric": None}, None),
        ({"FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation:auc", "Value": "NaN"}}, None),
    ],
)
def test_the_parents_best_is_known_where_it_beats_all_children(
    best: dict[str, Any], expected: ParentsBest | None
) -> None:
    assert tuning_job_from_describe(tuned(best), "1", "eu-west-1").parents_best == expected


def test_a_better_parent_is_reported_with_the_best_of_a_warm_started_search() -> None:
    parents = ParentsBest("tune-1-004-0f0444b1", "tune-1", "loss", 0.05)
    made = [trial(n, {"eta": n}, 0.1 + n) for n in range(2)]
    found = analysed(made, sweep=swept(made, parents_best=parents))
    (beside,) = (each for each in found.groups[0].differences if each.against is Against.PARENTS)

    assert (beside.job_name, beside.sweep, beside.value, beside.is_better) == (parents.job_name, "tune-1", 0.05, False)
    assert any("Worse than the warm-start parents' best (0.05)" in each for each in found.sentences)


def test_time_kept_by_warm_pools_is_shown_beside_the_cost() -> None:
    machines = (InstanceGroup("ml.m5.xlarge", 1),)
    kept = [
        trial(n, {"eta": n}, 0.1 + n, billable_seconds=300, kept_warm_seconds=each, instances=machines)
        for n, each in enumerate((120, 1800, None))
    ]
    cost = analysed(kept, prices={"ml.m5.xlarge": 3.6}).cost

    assert cost.kept_warm_seconds == 1920
    assert cost.kept_warm_usd == pytest.approx(1.92)
    assert cost.all.cost_usd == pytest.approx(0.9)
    assert "32 min, $1.92 (estimate), not counted in the cost" in [each.text for each in spending_facts(cost)]


def test_describe_gives_the_time_a_warm_pool_kept() -> None:
    answer = {
        "TrainingJobName": "sft",
        "TrainingJobStatus": "Completed",
        "CreationTime": 1_795_168_800,
        "WarmPoolStatus": {"Status": "Reused", "ResourceRetainedBillableTimeInSeconds": 120},
    }

    assert job_from_detail(JobKind.TRAINING, answer, "1", "eu-west-1").kept_warm_seconds == 120


@pytest.mark.parametrize(
    "answer",
    [
        {"HyperParameterTuningJobConfig": {"HyperParameterTuningJobObjective": AUC}},
        {"BestTrainingJob": {"FinalHyperParameterTuningJobObjectiveMetric": {**AUC, "Value": 0.9}}},
        {
            "TrainingJobDefinition": {"StaticHyperParameters": {"a": "1"}},
            "BestTrainingJob": {"FinalHyperParameterTuningJobObjectiveMetric": {**AUC, "Value": 0.9}},
        },
    ],
)
def test_a_tuning_job_names_its_objective_even_without_its_definition(answer: dict[str, Any]) -> None:
    (definition,) = tuning_job_from_describe({**tuned({}), **answer}, "1", "eu-west-1").definitions

    assert (definition.metric_name, definition.objective_type) == ("validation:score", "Maximize")


def test_the_best_jobs_objective_is_unknown_where_there_are_several_definitions() -> None:
    best = {"BestTrainingJob": {"FinalHyperParameterTuningJobObjectiveMetric": {**AUC, "Value": 0.9}}}
    answer = {**tuned({}), "TrainingJobDefinitions": [{"DefinitionName": "a"}, {"DefinitionName": "b"}], **best}

    assert [each.metric_name for each in tuning_job_from_describe(answer, "1", "eu-west-1").definitions] == [None, None]
    assert tuning_job_from_describe(tuned({}), "1", "eu-west-1").definitions == ()
