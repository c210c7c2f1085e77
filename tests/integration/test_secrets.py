"""Secrets on the whole way: what a job was given stands in nothing that Trialbook keeps, shows or sends."""

import json
from functools import cache
from typing import Any

from tests.integration.test_replay import few
from tests.unit import samples
from trialbook.core.jobs import JobKind, TuningDefinition, TuningJob
from trialbook.core.rules.document import Rules
from trialbook.ledger.bookkeeper import Bookkeeper
from trialbook.ledger.ledger import Ledger
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import ReplayOutcome, replay

SECRETS = ("swordfish-", "hunter2", "correcthorse", "hf" + "_madeUpMadeUpMadeUpMadeUp")


def with_secrets() -> Recording:
    """Three jobs of a loop, with a token of its own each, a password in JSON and in a tag; the last one failed and says
    so with its command line."""
    whole = few(3)
    names = sorted({each["detail"]["TrainingJobName"] for each in whole.events})

    def changed(about: dict[str, Any]) -> dict[str, Any]:
        number = names.index(about["TrainingJobName"])
        about["HyperParameters"] = {
            **about["HyperParameters"],
            "service_token": f'"swordfish-{number}"',
            "envs": json.dumps({"USER": "svc", "DB_PASSWORD": f"hunter2{number}"}),
            "address": f"https://svc:correcthorse{number}@db.internal/x",
        }
        if number == 2 and about["TrainingJobStatus"] == "Completed":
            reason = f"AlgorithmError: ValueError: train.py --service_token swordfish-2 --note {SECRETS[-1]} is wrong"
            about |= {"TrainingJobStatus": "Failed", "FailureReason": reason, "FinalMetricDataList": []}
        if "Tags" in about or about.get("SecondaryStatus"):
            about["Tags"] = {"db-password": "hunter2", "team": "growth"}
        return about

    events = [{**each, "detail": changed(dict(each["detail"]))} for each in whole.events]
    answers = [
        {**each, "response": changed(dict(each["response"]))} if each["operation"] == "DescribeTrainingJob" else each
        for each in whole.answers
    ]
    return Recording("secrets", events, answers)


@cache
def outcome() -> ReplayOutcome:
    return replay(with_secrets(), rules="alerts: [{name: failures, failed: 1 %}]")


def test_no_secret_is_in_what_is_kept_shown_or_sent() -> None:
    found = outcome()
    kept = repr((found.records, found.sweeps, found.reports, found.attachments, found))

    assert len(found.records) == 3
    assert "[masked:" in kept
    assert not [secret for secret in SECRETS if secret in kept]


def test_a_difference_in_secrets_only_was_not_searched() -> None:
    (sweep,) = [each for each in outcome().sweeps if not each.is_single]
    report = json.loads(
        next(text for path, text in outcome().reports.items() if path.endswith(f"{sweep.id}/report.json"))
    )

    assert [each["name"] for each in report["parameters"]] == ["min_child_weight"]


def test_marks_of_the_same_secret_are_the_same_in_event_and_answer() -> None:
    tags = {record.job.tags["db-password"] for record in outcome().records}
    tokens = {record.job.hyper_parameters["service_token"] for record in outcome().records}

    assert (len(tags), len(tokens)) == (1, 3)


def test_a_books_key_is_made_once_and_stays(ledger: Ledger) -> None:
    mark = ledger.masker.mark("hunter2")
    del ledger.masker  # as another process opens the book

    assert ledger.masker.mark("hunter2") == mark


def test_a_tuning_jobs_definitions_are_masked_before_they_are_kept(ledger: Ledger) -> None:
    definition = TuningDefinition(None, "validation:error", "Minimize", None, {"hf_token": "hunter2"})
    tuning = TuningJob(samples.job("tune", kind=JobKind.TUNING), definitions=(definition,))
    keeper = Bookkeeper(ledger, Rules(), lambda key, name: tuning)
    keeper.enter_tuning_job(tuning)
    keeper.enter(samples.job("tune-001-0f0444b1", tuning_job="tune"), None)

    assert "hunter2" not in repr([*ledger.all_sweeps(), *ledger.jobs()])
