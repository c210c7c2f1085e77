"""Where a job belongs."""

from typing import Any

import pytest

from tests.unit.samples import job
from trialbook.adapters.rules_document import read_rules
from trialbook.core.jobs import ExperimentConfig, Job, JobKind
from trialbook.core.placement import LeftOut, Placement, place
from trialbook.core.rules.document import Rules

NAME = "churn-xgb-2026-11-20-10-15-00-123"
CHILD = "churn-261121-0900-001-0f0444b1"
RULES = """
rules:
  - name: growth
    match: {tags: {team: growth}}
    experiment: growth-{base}
  - name: by run
    match: {job: "churn-*"}
    trial: "{tag:run}"
  - match: {job: "churn-*", kind: TrainingJob}
    experiment: from-rules
    trial: rule-trial
  - name: no tests
    match: {job: "test-*"}
    ignore: true
  - name: keep this monitor
    match: {job: "monitor-me"}
    ignore: false
"""


def placed(made: Job, rules: str = RULES) -> Placement:
    found = place(made, read_rules(rules))
    assert isinstance(found, Placement)
    return found


@pytest.mark.parametrize(
    ("facts", "rules", "experiment", "trial", "said_by"),
    [
        ({}, "", "churn-xgb", NAME, "experiment and trial by default"),
        ({"tags": {"trialbook:experiment": "mine"}}, RULES, "mine", "rule-trial", "experiment by tag trialbook:experiment, trial by rules document, rule 3"),
        ({"tags": {"trialbook:experiment": "mine", "trialbook:trial": "t"}}, RULES, "mine", "t", "tag trialbook:trial"),
        ({"experiment_config": ExperimentConfig("own", "own-trial"), "tags": {"trialbook:experiment": "mine"}}, RULES, "own", "own-trial", "experiment and trial by its ExperimentConfig"),
        ({"experiment_config": ExperimentConfig("own", None)}, "", "own", NAME, "experiment by its ExperimentConfig, trial by default"),
        ({}, RULES, "from-rules", "rule-trial", "experiment and trial by rules document, rule 3"),
        ({"tags": {"team": "growth"}}, RULES, "growth-churn-xgb", "rule-trial", "experiment by rules document, growth"),
        ({"tags": {"run": "seven"}}, RULES, "from-rules", "seven", "trial by rules document, by run"),
    ],
)  # fmt: skip
def test_the_first_answer_wins(facts: dict[str, Any], rules: str, experiment: str, trial: str, said_by: str) -> None:
    found = placed(job(NAME, **facts), rules)

    assert (found.experiment, found.trial) == (experiment, trial)
    assert said_by in found.placed_by


def test_children_share_the_trial_of_their_tuning_job() -> None:
    found = placed(job(CHILD, tuning_job="churn-261121-0900"), "")

    assert (found.experiment, found.trial) == ("churn", "churn-261121-0900")


def test_steps_share_the_trial_of_their_execution() -> None:
    found = placed(job("pipelines-p4jn9xou8a8s-train-tmgxry49ug", pipeline_execution="p4jn9xou8a8s"), "")

    assert found.trial == "p4jn9xou8a8s"


def test_a_job_with_both_names_is_attached_by_sagemaker() -> None:
    assert placed(job(experiment_config=ExperimentConfig("a", "b"))).placed_by_sagemaker
    assert not placed(job(experiment_config=ExperimentConfig("a", None))).placed_by_sagemaker


def test_names_from_tags_are_made_valid() -> None:
    assert placed(job(tags={"trialbook:experiment": "My churn!"})).experiment.startswith("My-churn-")


@pytest.mark.parametrize("value", ["", "true", "yes", "1"])
def test_the_ignore_tag_leaves_a_job_out(value: str) -> None:
    assert place(job(tags={"trialbook:ignore": value}), Rules()) == LeftOut("tag trialbook:ignore")


def test_the_ignore_tag_can_say_no() -> None:
    assert isinstance(place(job(tags={"trialbook:ignore": "false"}), Rules()), Placement)


def test_a_rule_leaves_jobs_out_by_name() -> None:
    assert place(job("test-1"), read_rules(RULES)) == LeftOut("rules document, no tests")


@pytest.mark.parametrize(
    ("kind", "maker"),
    [
        (JobKind.PROCESSING, "training-job/churn-1"),
        (JobKind.PROCESSING, "automl-job/a"),
        (JobKind.PROCESSING, "monitoring-schedule/m"),
        (JobKind.TRAINING, "automl-job/a"),
        (JobKind.TRAINING, "labeling-job/cats"),
        (JobKind.TRANSFORM, "labeling-job/cats"),
        (JobKind.TUNING, "automl-job/a"),
    ],
)
def test_helpers_of_other_jobs_are_left_out_unless_a_rule_keeps_them(kind: JobKind, maker: str) -> None:
    facts: dict[str, Any] = {"kind": kind, "made_by": f"arn:aws:sagemaker:us-east-1:1:{maker}"}

    left_out = place(job("profiler", **facts), read_rules(RULES))
    kept = place(job("monitor-me", **facts), read_rules(RULES))

    assert left_out == LeftOut(f"started by {maker.split('/')[0]}")
    assert isinstance(kept, Placement)


def test_a_job_of_ones_own_is_kept() -> None:
    assert isinstance(place(job("Clarify-Bias-2026-11-20-10-15-00-123", kind=JobKind.PROCESSING), Rules()), Placement)
