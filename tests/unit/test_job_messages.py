"""The message of a single job, and those in the thread of a sweep."""

import json
from dataclasses import replace

from tests.conftest import ROOT
from tests.unit.recorded import CHURN, TUNING, facts_at
from tests.unit.samples import at, job, record
from trialbook.adapters.rules_document import read_rules
from trialbook.core.announcements import (
    BEST_TRIAL_CHANGED,
    JOB_FAILED,
    JOB_FINISHED,
    REPORT_READY,
    Announcement,
    is_single_over,
    of_job,
    of_single,
    of_sweep,
)
from trialbook.core.events import parse_event
from trialbook.core.jobs import InstanceGroup, Job, JobKind
from trialbook.core.message import Message, MessageKind, Mood
from trialbook.core.messages.compute import messages_of
from trialbook.core.messages.facts import JobFacts
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Sweep, SweepKind, SweepState, recount

FAILED = Announcement("job-failed/x", JOB_FAILED, {})
FINISHED = Announcement("job-finished/x", JOB_FINISHED, {})
READY = Announcement("report-ready/x/1", REPORT_READY, {})


def message(facts: JobFacts, event: Announcement = FINISHED) -> Message:
    (said,) = messages_of(event, facts, Rules())
    return said


def test_a_failed_job_says_why_in_its_first_line() -> None:
    seen = parse_event(json.loads((ROOT / "events/training-failed.json").read_text()))
    assert isinstance(seen, Job)
    said = message(JobFacts(record(replace(seen, tuning_job=None), "churn-xgb")), FAILED)

    assert said.title == "churn-xgb · training job failed · AlgorithmError"
    assert said.subject.startswith("churn-xgb: training job failed, AlgorithmError: ")
    assert said.verdict.startswith("churn-xgb-261121-0900-011-d2a93eb2 failed after 1 min 5 s: AlgorithmError")
    assert "Traceback" in said.failures[0]
    assert (said.mood, said.kind) == (Mood.BAD, MessageKind.JOB)
    assert [each.text for each in said.links] == ["Job in the console", "Logs"]


def test_a_short_reason_is_given_once() -> None:
    failed = record(job(status="Failed", failure_reason="ClientError: no such bucket"))
    said = message(JobFacts(failed), FAILED)

    assert said.title == "churn · training job failed · ClientError"
    assert said.verdict == "churn-1 failed after 5 min: ClientError: no such bucket"
    assert said.failures == ()


def test_a_finished_job_is_compared_with_the_experiments_best_and_priced() -> None:
    made = job(instances=(InstanceGroup("ml.m5.xlarge", 2),), billable_seconds=1800)
    before = record(job("churn-0", -60, -50, metrics={"validation:error": 0.08}))
    said = message(JobFacts(record(made), before, {"ml.m5.xlarge": 0.5}))

    assert said.title == "churn · training job completed · validation:error 0.1"
    assert said.sentences == ("Worse than the experiment's previous best (0.08) by 0.02 (25%).",)
    assert {each.label: each.text for each in said.facts}["Cost"] == "$0.50 (estimate)"


def test_a_job_without_a_value_says_why_it_is_not_ranked() -> None:
    said = message(JobFacts(record(job(metrics={}))))

    assert said.title == "churn · training job completed"
    assert "not ranked: it reported no metric" in said.verdict


def test_a_job_of_the_same_name_that_runs_again_has_no_message_yet() -> None:
    assert messages_of(FAILED, JobFacts(record(job(end=None))), Rules()) == ()


def window(*jobs: Job, state: SweepState = SweepState.CLOSED, **more: object) -> Sweep:
    blank = Sweep("churn@x", SweepKind.LOOP, "churn", state=state, version=3)
    return replace(recount(blank, [record(each) for each in jobs]), **more)  # type: ignore[arg-type]


def test_a_window_that_closes_with_one_job_is_announced_once() -> None:
    open_one, closed = window(job(), state=SweepState.OPEN), window(job())

    assert is_single_over(open_one, closed)
    assert not is_single_over(closed, replace(closed, version=9))
    assert not is_single_over(None, open_one)
    assert not is_single_over(open_one, window(job(), job("churn-2", 1)))
    assert not is_single_over(open_one, replace(closed, revision=1))
    assert not is_single_over(open_one, replace(closed, is_history=True))
    assert of_sweep(open_one, closed) == []


def test_a_finished_job_is_announced_unless_its_failure_was() -> None:
    failed = record(job(status="Failed"))
    (found,) = of_single(record(job()))

    assert found.type == JOB_FINISHED
    assert found.id == "job-finished/123456789012/us-east-1/TrainingJob/churn-1/2026-11-20T10:00:00.000Z"
    assert found.detail["value"] == 0.1
    assert of_single(failed) == []
    assert [each.type for each in of_job(None, failed, lambda each: True)] == [JOB_FAILED]


def test_processing_and_transform_jobs_are_in_no_window_and_are_announced_at_once() -> None:
    for kind in (JobKind.PROCESSING, JobKind.TRANSFORM):
        running, done = record(job(end=None, kind=kind)), record(job(kind=kind, metrics={}))
        (announcements,) = of_job(running, done, lambda each: True)

        assert (announcements.type, announcements.detail["job"]["kind"]) == (JOB_FINISHED, kind.value)
        assert of_job(done, replace(done, version=9), lambda each: True) == []
        assert of_job(None, replace(done, is_history=True), lambda each: True) == []
        (failed,) = of_job(running, record(job(kind=kind, status="Failed")), lambda each: True)
        assert failed.type == JOB_FAILED
        (said,) = messages_of(announcements, JobFacts(done), Rules())
        assert said.title == f"churn · {kind.value.removesuffix('Job').lower()} job completed"
        assert said.by_request
    assert of_job(None, record(job()), lambda each: True) == []


def test_an_alert_of_a_processing_job_needs_no_request() -> None:
    made = job(
        kind=JobKind.PROCESSING, metrics={}, instances=(InstanceGroup("ml.m5.xlarge", 1),), billable_seconds=3600
    )
    rules = read_rules("alerts: [{name: dear, cost: 1}, {name: bare, no_metric: true}]")
    said = messages_of(Announcement("x", JOB_FINISHED, {}), JobFacts(record(made), None, {"ml.m5.xlarge": 3.0}), rules)

    assert [(each.kind, each.by_request) for each in said] == [(MessageKind.JOB, True), (MessageKind.ALERT, False)]


def test_a_failed_tuning_job_is_reported_by_its_sweep_only() -> None:
    assert of_job(None, record(job(kind=JobKind.TUNING, status="Failed")), lambda each: True) == []


def best_changed(old: object) -> Announcement:
    sweep = {"sweep": "churn-xgb@x", "objective": {"metric": "validation:error", "type": "Minimize", "source": "tag"}}
    new = {"job_name": "churn-xgb-4", "value": 0.0396, "hyper_parameters": {"min_child_weight": "4", "eta": "0.2"}}
    return Announcement("best/x", BEST_TRIAL_CHANGED, {"sweep": sweep, "old": old, "new": new, "margin": None})


def test_a_new_best_gives_its_margin_in_the_thread() -> None:
    old = {"job_name": "churn-xgb-1", "value": 0.0402, "hyper_parameters": {}}
    facts = facts_at(CHURN, at(17.5 - 45 + 60))  # 10:32:30, all have ended
    parent, said = messages_of(best_changed(old), facts, Rules())

    assert said.title == "churn-xgb · new best validation:error 0.0396"
    assert said.verdict == (
        "0.0396 at min_child_weight = 4 is better than the previous best (0.0402) by 0.0006 (1.5%)."
    )
    assert (said.kind, said.parent, said.about) == (
        MessageKind.NEW_BEST, parent.about, "sweep/churn-xgb@x/best/churn-xgb-4"
    )  # fmt: skip


def test_a_new_best_shows_no_more_digits_than_the_summary() -> None:
    old = {"job_name": "churn-xgb-1", "value": 0.0402, "hyper_parameters": {}}
    new = {"job_name": "churn-xgb-4", "value": 0.0396, "hyper_parameters": {"min_child_weight": "3.87654321"}}
    event = best_changed(old)
    said = messages_of(replace(event, detail={**event.detail, "new": new}), facts_at(CHURN), Rules())[1]

    assert said.verdict.startswith("0.0396 at min_child_weight = 3.877 is")


def test_hyperparameters_are_short_unless_they_are_whole() -> None:
    given = {"eta": "0.0421293817264839", "seed": "1234567890", "loss": "binary:logistic"}
    facts = JobFacts(record(job(hyper_parameters=given)))
    (said,) = messages_of(Announcement("job-finished/x", JOB_FINISHED, {}), facts, Rules())

    assert said.constants == "eta = 0.04213, loss = binary:logistic, seed = 1234567890"


def test_the_first_result_is_no_new_best() -> None:
    assert len(messages_of(best_changed(None), facts_at(CHURN), Rules())) == 1


def test_the_thread_of_a_finished_sweep_gets_its_failures_and_the_reports_file() -> None:
    parent, failures, report = messages_of(READY, facts_at(TUNING), Rules())

    assert {failures.parent, report.parent} == {parent.about}
    assert "churn-xgb-261121-0900-011-d2a93eb2" in failures.failures[0]
    assert (failures.title, failures.verdict) == ("churn-xgb · 3 jobs failed", "All for the same reason.")
    assert report.report == parent.report
    assert report.about.endswith("/report/1")
    assert len(messages_of(READY, facts_at(CHURN), Rules())) == 2  # nothing failed
