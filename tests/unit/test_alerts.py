"""Alerts: what breaks a rule, and what the message says of it."""

from dataclasses import replace

import pytest

from tests.unit.recorded import CHURN, TUNING, facts_at, sweep_at
from tests.unit.samples import at, job, record
from trialbook.adapters.rules_document import read_rules
from trialbook.core.announcements import JOB_FINISHED, REPORT_READY, SWEEP_PROGRESSED, Announcement
from trialbook.core.jobs import InstanceGroup
from trialbook.core.message import Message, MessageKind, Mood
from trialbook.core.messages.compute import messages_of
from trialbook.core.messages.facts import JobFacts, SweepFacts
from trialbook.core.sweeps import Record, SweepState

READY = Announcement("report-ready/x/1", REPORT_READY, {})
PROGRESS = Announcement("sweep-progressed/x/9", SWEEP_PROGRESSED, {})
FINISHED = Announcement("job-finished/x", JOB_FINISHED, {})


def alerts(facts: SweepFacts | JobFacts, document: str, event: Announcement = READY) -> list[Message]:
    rules = read_rules(f"alerts:\n  - {document}")
    return [each for each in messages_of(event, facts, rules) if each.kind is MessageKind.ALERT]


def champion(value: float) -> Record:
    """The churn sweep's best job as it was a week ago, with another eta, on another image."""
    found = sweep_at(CHURN)[1][0]
    made = replace(
        found.job,
        key=replace(found.key, name="churn-xgb-champion"),
        created_at=at(-10_000),
        ended_at=at(-9_990),
        hyper_parameters={**found.job.hyper_parameters, "eta": "0.1", "min_child_weight": "4"},
        image="xgboost:1.5-1",
        final_metrics=tuple(
            replace(each, value=value) if each.name == "validation:error" else each for each in found.job.final_metrics
        ),
    )
    return replace(record(made, "churn-xgb"), sweep="churn-xgb@before")


def regressed(value: float = 0.038) -> SweepFacts:
    before = champion(value)
    return replace(facts_at(CHURN, experiment_best=before), baselines={before.job.name: before})


def test_a_regression_says_by_how_much_and_what_differs() -> None:
    (said,) = alerts(regressed(), "{name: record, regression: {against: experiment, by: 2 %}}")

    assert said.title == "churn-xgb · alert “record” · validation:error 4.2% worse"
    assert said.verdict == (
        "validation:error 0.03959 is worse than the experiment's previous best (0.038) by 0.00159 (4.2%); "
        "2% is allowed."
    )
    assert said.table is not None
    assert said.table.headers == ("setting", "previous best", "now")
    assert said.table.caption == "previous best: churn-xgb-champion; now: churn-xgb-2026-11-20-10-15-04-760"
    assert {row[0]: row[1] for row in said.table.rows} == {"eta": "0.1", "image": "xgboost:1.5-1"}
    assert (said.mood, said.about) == (Mood.BAD, "alert/churn-xgb@20261120T101500.123Z/record")


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("0.0421293817264839", "0.2", ("0.04213", "0.2")),
        ("0.0421293817264839", "0.0421301917264839", ("0.042129", "0.042130")),
        ("0.04212938172648391", "0.04212938172648392", ("0.04212938172648391", "0.04212938172648392")),
        ("xgboost:1.5-1", "0.0421293817264839", ("xgboost:1.5-1", "0.04213")),
    ],
)
def test_different_numbers_are_as_short_as_they_can_be_distinguished(
    before: str, now: str, expected: tuple[str, str]
) -> None:
    other = champion(0.038)
    made = replace(other, job=replace(other.job, hyper_parameters={**other.job.hyper_parameters, "eta": before}))
    found = sweep_at(CHURN)[1]
    best = replace(found[0], job=replace(found[0].job, hyper_parameters={**found[0].job.hyper_parameters, "eta": now}))
    facts = replace(facts_at(CHURN, experiment_best=made), top=(best, *found[1:]), baselines={made.job.name: made})
    (said,) = alerts(facts, "{regression: {against: churn-xgb-champion}}")

    assert said.table is not None
    assert said.table.headers == ("setting", "baseline", "now")
    assert next(row[1:] for row in said.table.rows if row[0] == "eta") == expected


@pytest.mark.parametrize(
    ("rule", "is_broken"),
    [
        ("{against: experiment, by: 5 %}", False),
        ("{against: experiment, by: 4 %}", True),
        ("{against: experiment, by: 0.001}", True),
        ("{against: experiment, by: 0.002}", False),
        ("{against: experiment}", True),
        ("{against: previous sweep}", False),  # there is none
        ("{against: churn-xgb-champion, by: 1 %}", True),
        ("{against: churn-xgb-champion, by: 10 %}", False),
    ],
)
def test_a_regression_is_measured_in_the_metrics_unit_or_as_a_share(rule: str, is_broken: bool) -> None:
    assert bool(alerts(regressed(), f"{{regression: {rule}}}")) is is_broken


def test_a_value_better_than_the_baseline_is_no_regression() -> None:
    assert alerts(regressed(0.05), "{regression: {against: experiment}}") == []
    assert alerts(regressed(0.05), "{regression: {against: churn-xgb-champion}}") == []


def test_a_baseline_that_is_not_there_is_mentioned() -> None:
    (said,) = alerts(facts_at(CHURN), "{name: n, regression: {against: long-gone}}")

    assert said.title.endswith("cannot be checked")
    assert "long-gone" in said.verdict


def test_a_share_of_failed_jobs_is_reported_as_soon_as_it_is_certain() -> None:
    sweep, found = sweep_at(TUNING)
    running = replace(sweep, state=facts_at(TUNING, at(24 * 60 + 8)).sweep.state, revision=0)
    by_failed = {
        failed: alerts(
            SweepFacts(replace(running, counts=replace(sweep.counts, failed=failed)), tuple(found[:10])),
            "{name: f, failed: 10 %}",
            PROGRESS,
        )
        for failed in (6, 7)
    }
    at_the_end = alerts(facts_at(TUNING), "{name: f, failed: 4 %}")

    assert by_failed[6] == []
    assert by_failed[7][0].verdict.startswith("7 of 64 jobs failed (11%); 10% are allowed.")
    assert at_the_end[0].verdict == (
        "3 of 60 jobs failed (5%); 4% are allowed. All 3 with AlgorithmError: xgboost.core.XGBoostError: "
        "updater_colmaker.cc:180: Check failed: param_.max_depth > 0 (0 vs. 0) : exac…."
    )
    assert at_the_end[0].failures[0].startswith("3 × AlgorithmError: ")
    assert alerts(facts_at(TUNING), "{name: f, failed: 5 %}") == []


def test_an_alert_says_when_and_why_while_running_and_has_the_final_numbers_at_the_end() -> None:
    sweep, found = sweep_at(TUNING)
    failed = [each for each in found if each.job.status == "Failed"]
    other = replace(failed[0], job=replace(failed[0].job, failure_reason="AlgorithmError: disk is full"))
    counts = replace(sweep.counts, completed=10, stopped=0, failed=4, in_progress=6)
    going = replace(sweep, state=SweepState.OPEN, revision=0, counts=counts, max_jobs=60)
    facts = SweepFacts(going, (), failed=(other, *failed))
    (early,) = alerts(facts, "{name: f, failed: 4 %}", PROGRESS)
    (last,) = alerts(facts_at(TUNING), "{name: f, failed: 4 %}")

    shown = "4 of 60 jobs failed when 14 had finished (6.7%); 4% are allowed. 3 of them with AlgorithmError: xgboost"
    assert early.verdict.startswith(shown)
    assert early.failures[1] == "1 × AlgorithmError: disk is full"
    assert (early.about.rpartition("/")[2], early.version, last.version) == ("f", 1, 2)
    assert (early.revision, last.revision) == (0, 0)  # mails and webhooks have it once


def test_a_budget_is_compared_with_the_estimate() -> None:
    priced = facts_at(CHURN, prices={"ml.m5.xlarge": 0.23})
    (said,) = alerts(priced, "{name: budget, cost: 0.02}")

    assert said.verdict == "It cost $0.03 (estimate); the budget is $0.02."
    assert alerts(priced, "{cost: 1}") == []
    assert alerts(facts_at(CHURN), "{cost: 0.000001}") == []  # what has no price is unknown, not dear


def test_a_missing_metric_says_why() -> None:
    made = job(metrics={})
    (said,) = alerts(JobFacts(record(made)), "{no_metric: true}", FINISHED)

    assert (
        said.verdict
        == "churn-1 is not ranked: it reported no metric: none of its MetricDefinitions matched its log, or it has none."
    )
    assert alerts(JobFacts(record(job())), "{no_metric: true}", FINISHED) == []


def test_a_single_job_is_watched_too() -> None:
    before = record(job("churn-0", -60, -50, metrics={"validation:error": 0.08}))
    made = job(instances=(InstanceGroup("ml.m5.xlarge", 1),), billable_seconds=3600)
    facts = JobFacts(record(made), before, {"ml.m5.xlarge": 3.0}, {"churn-0": before})

    (worse,) = alerts(facts, "{regression: {against: experiment, by: 10 %}}", FINISHED)
    (dear,) = alerts(facts, "{cost: 2}", FINISHED)

    assert "worse than the experiment's previous best (0.08) by 0.02 (25%)" in worse.verdict
    assert worse.about == "alert/123456789012/us-east-1/TrainingJob/churn-1/alert 1"
    assert dear.verdict == "It cost $3.00 (estimate); the budget is $2.00."
    assert worse.table is not None
    assert worse.table.rows[0][0] == "machines"


def test_an_experiment_that_no_rule_names_is_left_alone() -> None:
    assert alerts(regressed(), "{experiment: 'fraud-*', regression: {against: experiment}}") == []
    assert len(alerts(regressed(), "{experiment: 'CHURN-*', regression: {against: experiment}}")) == 1


def test_alerts_come_once_with_the_report_not_with_each_progress() -> None:
    rule = "{regression: {against: experiment}}"

    assert alerts(regressed(), rule, PROGRESS) == []
    assert alerts(regressed(), rule, Announcement("x", "Sweep Finished", {})) == []
