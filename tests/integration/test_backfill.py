"""An account's history into the ledger."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from tests.integration.conftest import opened
from tests.integration.test_close_and_reconcile import add_children, add_one
from tests.integration.test_replay import CHURN, TUNING
from tests.relocated import HERE, recording
from trialbook.adapters.sagemaker import SageMaker as Client
from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import JobKind
from trialbook.core.sweeps import SweepState
from trialbook.ledger.ledger import Ledger
from trialbook.runtime import clock
from trialbook.services import Services
from trialbook_book.folder import FILE, open_folder
from trialbook_cli.asking_ahead import asking_ahead
from trialbook_cli.backfilling import Span, backfilled, parse_since
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.sagemaker_stand_in import ApiError, SageMaker, from_recording, serve

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SPAN = Span(HERE.id, HERE.region, datetime(2026, 1, 1, tzinfo=UTC), NOW)


@dataclass
class History:
    ledger: Ledger
    sagemaker: SageMaker
    services: Services
    url: str
    dynamodb: str


@pytest.fixture
def history(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    answers = [*recording(CHURN).answers, *recording(TUNING).answers]
    sagemaker = from_recording(Recording("both", (), answers).answers, HERE, lambda: NOW, empty_pages=True)
    with opened(moto_url, HERE.region) as ledger, serve(sagemaker) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        client = Client(Session(), HERE.region)
        yield History(ledger, sagemaker, Services(ledger, lambda account, region: client), url, moto_url)


def seen_and_recorded(steps: Any) -> dict[str, tuple[int, int]]:
    return {step.kind.value: (step.seen, step.recorded) for step in steps}


def test_the_history_is_recorded_with_closed_sweeps_that_are_marked_as_history(history: History) -> None:
    steps = seen_and_recorded(backfilled(SPAN, history.services))
    sweeps = [sweep for sweep in history.ledger.all_sweeps() if sweep.superseded_by is None]

    assert steps == {
        "HyperParameterTuningJob": (1, 1),
        "TrainingJob": (65, 65),
        "ProcessingJob": (0, 0),
        "TransformJob": (0, 0),
    }
    assert sorted(sweep.counts.jobs for sweep in sweeps) == [5, 60]
    assert all(sweep.is_history and sweep.state is SweepState.CLOSED for sweep in sweeps)
    assert {sweep.best.job_name for sweep in sweeps if sweep.best} == {
        "churn-xgb-2026-11-20-10-15-04-760",
        "churn-xgb-261121-0900-016-add03186",
    }


def test_nothing_is_attached_and_a_page_of_a_hundred_costs_one_search(history: History) -> None:
    list(backfilled(SPAN, history.services))

    assert history.sagemaker.calls["Search"] == 1
    assert history.sagemaker.calls["DescribeTrainingJob"] == 0
    assert history.sagemaker.calls["AssociateTrialComponent"] == 0


def test_a_dry_run_counts_and_changes_nothing(history: History) -> None:
    steps = seen_and_recorded(backfilled(SPAN, history.services, dry_run=True))

    assert steps["TrainingJob"] == (65, 65)
    assert list(history.ledger.jobs()) == []
    assert seen_and_recorded(backfilled(SPAN, history.services))["TrainingJob"] == (65, 65)


def test_it_continues_where_it_was_interrupted_and_a_second_run_records_nothing(history: History) -> None:
    steps = backfilled(SPAN, history.services)
    while next(steps).kind.value != "TrainingJob":
        pass
    steps.close()
    after = seen_and_recorded(backfilled(SPAN, history.services))

    assert after["TrainingJob"][1] == 0
    assert len(list(history.ledger.jobs())) == 66
    assert all(sweep.state is SweepState.CLOSED for sweep in history.ledger.all_sweeps())


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SageMaker, Path]]:
    """A history of all kinds, and a folder for books."""
    answers = [*recording(CHURN).answers, *recording(TUNING).answers]
    sagemaker = from_recording(Recording("both", (), answers).answers, HERE, lambda: NOW)
    for each in ("TUNING", "PROCESSING", "TRANSFORM"):
        add_one(sagemaker, JobKind[each])
    add_children(sagemaker, 60, NOW - timedelta(days=1))
    with serve(sagemaker) as url, clock.use(lambda: NOW):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        yield sagemaker, tmp_path


def test_asking_ahead_leaves_the_book_of_one_call_after_the_other(many: tuple[SageMaker, Path]) -> None:
    sagemaker, folder = many
    client = Client(Session(), HERE.region)
    list(backfilled(SPAN, Services(open_folder(folder / "serial", create=True), lambda *_: client)))
    serial = Counter(sagemaker.calls)
    sagemaker.calls.clear()
    with asking_ahead(Session()) as ahead:
        steps = seen_and_recorded(backfilled(SPAN, Services(open_folder(folder / "ahead", create=True), ahead)))

    assert steps["TrainingJob"] == (125, 77)
    assert (folder / "ahead" / FILE).read_bytes() == (folder / "serial" / FILE).read_bytes()
    assert sagemaker.calls == serial


def test_a_call_made_ahead_that_is_throttled_is_made_again(many: tuple[SageMaker, Path]) -> None:
    sagemaker, folder = many
    calls = count()

    def throttle_the_first(operation: str, request: dict[str, Any]) -> None:
        if operation == "DescribeTrialComponent" and next(calls) < 3:
            raise ApiError("ThrottlingException", "Rate exceeded")

    sagemaker.faults = throttle_the_first
    with asking_ahead(Session()) as ahead:
        services = Services(open_folder(folder / "book", create=True), ahead)
        steps = seen_and_recorded(backfilled(SPAN, services))
    metrics = [metric for record in services.ledger.jobs() for metric in record.job.final_metrics]

    assert steps["TrainingJob"] == (125, 77)
    assert metrics
    assert all(metric.minimum is not None for metric in metrics)


def test_an_interruption_ends_what_is_asked_ahead_and_the_next_call_continues(many: tuple[SageMaker, Path]) -> None:
    _, folder = many
    with suppress(KeyboardInterrupt), asking_ahead(Session()) as ahead:
        for step in backfilled(SPAN, Services(open_folder(folder / "book", create=True), ahead)):
            if step.kind is JobKind.TRAINING:
                raise KeyboardInterrupt
    with asking_ahead(Session()) as ahead:
        services = Services(open_folder(folder / "book", create=True), ahead)
        after = seen_and_recorded(backfilled(SPAN, services))

    assert 0 < after["TrainingJob"][1] < 77
    assert len(list(services.ledger.jobs())) == 81
    assert all(sweep.state is SweepState.CLOSED for sweep in services.ledger.all_sweeps())


def test_a_job_that_makes_no_sense_is_named_and_stops_no_other(many: tuple[SageMaker, Path]) -> None:
    sagemaker, folder = many
    (final,) = sagemaker.jobs[JobKind.PROCESSING].values()
    final["ProcessingJobName"] = ""
    with asking_ahead(Session()) as ahead:
        services = Services(open_folder(folder / "book", create=True), ahead)
        steps = {step.kind: step for step in backfilled(SPAN, services)}
        final["ProcessingJobName"] = "other"
        again = {step.kind: step for step in backfilled(SPAN, services)}

    assert [each.name for each in steps[JobKind.PROCESSING].problems] == [""]
    assert "ProcessingJobName" in steps[JobKind.PROCESSING].problems[0].reason
    assert steps[JobKind.TRANSFORM].recorded == 1
    assert (again[JobKind.PROCESSING].recorded, again[JobKind.PROCESSING].problems) == (1, ())


def test_a_job_that_sagemaker_refuses_to_describe_is_named_and_stops_no_other(many: tuple[SageMaker, Path]) -> None:
    sagemaker, folder = many

    def refuse(operation: str, request: dict[str, Any]) -> None:
        if operation == "DescribeTransformJob":
            raise ApiError("InternalReason", "no")

    sagemaker.faults = refuse
    with asking_ahead(Session()) as ahead:
        services = Services(open_folder(folder / "book", create=True), ahead)
        steps = {step.kind: step for step in backfilled(SPAN, services)}
        sagemaker.faults = None
        again = {step.kind: step for step in backfilled(SPAN, services)}

    assert [each.reason for each in steps[JobKind.TRANSFORM].problems] == ["InternalReason: no"]
    assert steps[JobKind.TRAINING].recorded == 77
    assert again[JobKind.TRANSFORM].recorded == 1


def test_throttling_is_waited_for(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    left = iter(range(12))

    def throttled(operation: str, request: dict[str, Any]) -> None:
        if operation == "DescribeTrialComponent" and next(left, None) is not None:
            raise ApiError("ThrottlingException", "Rate exceeded")

    history.sagemaker.faults = throttled
    monkeypatch.setattr("botocore.retries.standard.time.sleep", lambda seconds: None, raising=False)
    list(backfilled(SPAN, history.services, pause=pauses.append))

    assert len(list(history.ledger.jobs())) == 66
    assert pauses == [2.0**n for n in range(len(pauses))]
    assert pauses


@pytest.mark.parametrize("operation", ["Search", "ListProcessingJobs"])
def test_a_page_of_a_list_that_is_throttled_is_asked_for_again(
    operation: str, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first nine attempts at each page fail; Search has two pages, with an empty one between them."""
    for each in ("TUNING", "PROCESSING", "TRANSFORM"):
        add_one(history.sagemaker, JobKind[each])
    add_children(history.sagemaker, 50, NOW - timedelta(days=1))
    pauses: list[float] = []
    asked: Counter[str] = Counter()

    def throttled(called: str, request: dict[str, Any]) -> None:
        page = str(request.get("NextToken"))
        asked[page] += called == operation
        if called == operation and asked[page] <= 9:
            raise ApiError("ThrottlingException", "Rate exceeded")

    history.sagemaker.faults = throttled
    monkeypatch.setattr("botocore.retries.standard.time.sleep", lambda seconds: None, raising=False)
    steps = list(backfilled(SPAN, history.services, pause=pauses.append))

    assert seen_and_recorded(steps) == {
        "HyperParameterTuningJob": (2, 2),
        "TrainingJob": (115, 75),
        "ProcessingJob": (1, 1),
        "TransformJob": (1, 1),
    }
    assert pauses
    assert len(list(history.ledger.jobs())) == 79


def test_lists_of_an_account_with_many_old_jobs_are_bounded_by_creation(history: History) -> None:
    """SageMaker goes through all jobs if a list is bounded by changes alone, until it throttles the list."""

    def stuck(operation: str, request: dict[str, Any]) -> None:
        if operation.startswith("List") and "LastModifiedTimeAfter" in request and "CreationTimeAfter" not in request:
            raise ApiError("ThrottlingException", "Rate exceeded")

    for each in ("TUNING", "PROCESSING", "TRANSFORM"):
        add_one(history.sagemaker, JobKind[each])
    history.sagemaker.faults = stuck
    steps = seen_and_recorded(backfilled(SPAN, history.services, pause=lambda seconds: pytest.fail("throttled")))
    bounds = [
        request["LastModifiedTimeAfter"] - request["CreationTimeAfter"]
        for operation, request in history.sagemaker.requests
        if "LastModifiedTimeAfter" in request
    ]

    assert {steps[kind] for kind in ("ProcessingJob", "TransformJob")} == {(1, 1)}
    assert {each / 86_400 for each in bounds} == {40, 184}


@pytest.mark.parametrize("kind", [JobKind.PROCESSING, JobKind.TRANSFORM, JobKind.TRAINING])
def test_a_job_of_the_very_moment_it_is_asked_from_or_until_is_seen(kind: JobKind, history: History) -> None:
    """As a run that goes on from the moment of the last job it saw asks: another may have ended then."""
    add_one(history.sagemaker, kind)
    job_kind = JobKind[kind.name]
    service = history.services.sagemaker(SPAN.account, SPAN.region)

    def names(since: datetime, until: datetime) -> set[str]:
        return {job.name for job in service.jobs_modified(job_kind, SPAN.account, SPAN.region, since, until)}

    jobs = list(service.jobs_modified(job_kind, SPAN.account, SPAN.region, SPAN.since, NOW))
    last = max(jobs, key=lambda job: job.last_modified_at or SPAN.since)
    assert last.last_modified_at is not None
    moment = last.last_modified_at.replace(microsecond=0)

    assert last.name in names(moment, NOW)
    assert last.name in names(SPAN.since, last.last_modified_at)


def test_only_the_named_jobs_are_looked_at(history: History) -> None:
    span = Span(SPAN.account, SPAN.region, SPAN.since, NOW, name_contains="2026-11-20")

    assert seen_and_recorded(backfilled(span, history.services))["TrainingJob"] == (5, 5)


def test_the_command_says_what_it_did_and_what_is_wrong(history: History) -> None:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": history.dynamodb,
        "AWS_ENDPOINT_URL_SAGEMAKER": history.url,
        "AWS_DEFAULT_REGION": HERE.region,
    }
    table = history.ledger.table.name

    def trialbook(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "trialbook_cli.main", "backfill", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    add_one(history.sagemaker, JobKind.PROCESSING)
    (final,) = history.sagemaker.jobs[JobKind.PROCESSING].values()
    final["ProcessingJobName"] = ""
    in_part = trialbook("--since", "2026-01-01", "--table", table)
    final["ProcessingJobName"] = "other"
    done = trialbook("--since", "2026-01-01", "--table", table)
    wrong = trialbook("--since", "soon", "--table", table)
    missing = trialbook("--since", "30d", "--stack", "nowhere")

    assert in_part.returncode == 1
    assert "TrainingJob: 65 found, 65 recorded" in in_part.stdout
    assert "a job without a name: UnreadableAnswer: ProcessingJobName is ''" in in_part.stderr
    assert "1 job could not be recorded. The same command tries it again." in in_part.stderr
    assert done.returncode == 0, done.stderr
    assert "ProcessingJob: 1 found, 1 recorded" in done.stdout
    assert (wrong.returncode, missing.returncode) == (2, 2)
    assert "--since is 'soon', expected a date such as 2026-01-01" in wrong.stderr
    assert "nowhere" in missing.stderr
    assert "Traceback" not in wrong.stderr + missing.stderr


def test_the_ledger_is_asked_from_the_command_line(history: History) -> None:
    list(backfilled(SPAN, history.services))
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": history.dynamodb,
        "AWS_DEFAULT_REGION": HERE.region,
        "COLUMNS": "100",
    }

    def trialbook(*arguments: str) -> subprocess.CompletedProcess[str]:
        options = ["--table", history.ledger.table.name]
        command = [sys.executable, "-m", "trialbook_cli.main", *arguments, *options]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    listed, as_json = trialbook("sweeps"), trialbook("sweeps", "churn-xgb", "--json")
    best, best_json = trialbook("best", "churn-xgb@20261120T101500.123Z"), trialbook("best", "churn-xgb", "--json")
    trials, unknown = trialbook("trials", "churn-xgb-261121-0900", "--limit", "3"), trialbook("best", "nobody")

    assert [done.returncode for done in (listed, as_json, best, best_json, trials, unknown)] == [0, 0, 0, 0, 0, 2], (
        best.stderr
    )
    assert "churn-xgb@20261120T101500.123Z" in listed.stdout
    assert [line["counts"]["completed"] for line in json.loads(as_json.stdout)] == [46, 5]
    assert best.stdout.splitlines()[0] == "validation:error 0.03959 (minimize)"
    assert "  min_child_weight = 4" in best.stdout.splitlines()
    assert (
        json.loads(best_json.stdout)["objective"]["metric"] == "validation:logloss"
    )  # named, so before a known metric
    assert trials.stdout.count("Completed") == 3
    assert "No sweep or experiment is named" in unknown.stderr


def test_rerank_ranks_by_the_rules_document_and_says_what_changed(history: History, tmp_path: Path) -> None:
    list(backfilled(SPAN, history.services))
    rules = tmp_path / "rules.yaml"
    rules.write_text("experiments: {churn-xgb: {objective: maximize validation:auc}}")
    broken = tmp_path / "broken.yaml"
    broken.write_text("experiments:\n  churn-xgb: {objective: best}")
    environment = {**os.environ, "AWS_ENDPOINT_URL": history.dynamodb, "AWS_DEFAULT_REGION": HERE.region}

    def rerank(experiment: str, document: Path) -> subprocess.CompletedProcess[str]:
        options = ["--table", history.ledger.table.name, "--rules", str(document)]
        command = [sys.executable, "-m", "trialbook_cli.main", "rerank", experiment, *options]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    first, second = rerank("churn-xgb", rules), rerank("churn-xgb", rules)
    wrong, unknown = rerank("churn-xgb", broken), rerank("nobody", rules)
    best = next(history.ledger.experiment_ranking("churn-xgb", 1))

    assert (first.returncode, second.returncode, wrong.returncode, unknown.returncode) == (0, 0, 2, 2), first.stderr
    assert "churn-xgb@20261120T101500.123Z: 5 jobs ranked again" in first.stdout
    assert "0 jobs of 2 sweeps and single jobs ranked again" in second.stdout
    assert "line 2: experiments.churn-xgb.objective: is 'best'" in wrong.stderr.replace("\n", " ")
    assert "nobody" in unknown.stderr
    assert best.experiment_objective is not None
    assert best.experiment_objective.metric == "validation:auc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("30d", NOW - timedelta(days=30)),
        ("12h", NOW - timedelta(hours=12)),
    ],
)
def test_since_is_a_date_or_a_length_of_time(text: str, expected: datetime) -> None:
    assert parse_since(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "d", "20260101", "1y"])
def test_another_since_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--since"):
        parse_since(text, NOW)
