"""The analysis of the recorded sweeps, against what the recordings say."""

from datetime import UTC, datetime

from tests.integration.test_replay import CHURN, TUNING, described, outcome
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.model import Analysis

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def analysed(name: str) -> Analysis:
    (sweep,) = (sweep for sweep in outcome(name).sweeps if not sweep.is_single)
    return analyse(sweep, [record for record in outcome(name).records if record.sweep == sweep.id], as_of=NOW)


def values(name: str, metric: str) -> dict[str, float]:
    found = {
        job: {each["MetricName"]: each["Value"] for each in answer.get("FinalMetricDataList", [])}
        for job, answer in described(name).items()
    }
    return {job: metrics[metric] for job, metrics in found.items() if metric in metrics}


def test_the_headline_names_the_true_best_and_where_it_lies() -> None:
    errors = values(CHURN, "validation:error")
    best = min(errors, key=lambda job: errors[job])
    (group,) = analysed(CHURN).groups

    assert group.best is not None
    assert (group.best.job_name, group.best.value) == (best, errors[best])
    assert analysed(CHURN).headline == "churn-xgb: best validation:error 0.03959 at min_child_weight = 4"


def test_the_difference_to_the_runner_up_is_that_of_the_two_best_values() -> None:
    first, second, *_ = sorted(values(TUNING, "validation:logloss").values())

    share = f"{(second - first) / second:.1%}"
    assert (
        analysed(TUNING).sentences[0] == f"Better than the runner-up ({second:.4f}) by {second - first:.4f} ({share})."
    )


def test_the_hyperparameters_that_only_the_failed_jobs_share_are_named() -> None:
    (failures,) = analysed(TUNING).failures

    assert failures.count == 3
    assert {shared.parameter for shared in failures.only_they_share} >= {"max_depth"}
    assert any("max_depth = 0 and tree_method = exact" in advice.text for advice in analysed(TUNING).advice)
