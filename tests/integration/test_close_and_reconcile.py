"""close_sweeps and reconcile, against the SageMaker stand-in and moto over HTTP."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from botocore.session import Session

from tests.integration.conftest import opened
from tests.integration.test_replay import CHURN, TUNING
from tests.relocated import HERE, recording
from trialbook.adapters.sagemaker import SageMaker as Client
from trialbook.close_sweeps import close, close_sweeps
from trialbook.core.describe import tuning_job_from_describe
from trialbook.core.events import parse_event
from trialbook.core.jobs import Job, JobKind
from trialbook.core.sweeps import Sweep, SweepState
from trialbook.ledger.ledger import Ledger
from trialbook.reconcile import Reconciled, reconcile
from trialbook.record_job import record, record_job
from trialbook.runtime import clock
from trialbook.services import Services
from trialbook_cli.sagemaker_stand_in import ApiError, SageMaker, from_recording, serve

EARLY = datetime(2026, 11, 20, 10, 35, tzinfo=UTC)
LATER = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class World:
    ledger: Ledger
    sagemaker: SageMaker
    services: Services
    moment: list[datetime]

    @property
    def now(self) -> datetime:
        return self.moment[0]

    @now.setter
    def now(self, to: datetime) -> None:
        self.moment[0] = to

    def sweeps(self) -> list[Sweep]:
        return [sweep for sweep in self.ledger.all_sweeps() if sweep.superseded_by is None]


@pytest.fixture
def world(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    answers = [*recording(CHURN).answers, *recording(TUNING).answers]
    with opened(moto_url) as ledger:
        moment = [LATER]
        sagemaker = from_recording(answers, HERE, lambda: moment[0], empty_pages=True)
        with serve(sagemaker) as url:
            monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
            client = Client(Session(), HERE.region)
            with clock.use(lambda: moment[0]):
                yield World(ledger, sagemaker, Services(ledger, lambda account, region: client), moment)


def starting(name: str) -> Iterator[dict[str, Any]]:
    return (dict(e) for e in recording(name).events if e["detail"].get("SecondaryStatus") == "Starting")


def times(number: int) -> Callable[[], bool]:
    """A clock that has time left for so many questions."""
    left = count(number, -1)
    return lambda: next(left) > 0


def test_a_job_that_hangs_beyond_its_runtime_is_described_not_waited_for(world: World) -> None:
    events = list(starting(CHURN))
    for event in events:
        world.now = datetime.fromisoformat(event["time"])
        record_job(event, world.services)
    world.now = LATER
    seen = parse_event(events[0])
    assert isinstance(seen, Job)
    assert seen.created_at is not None
    limit = seen.created_at + timedelta(seconds=86_400)
    early = close_sweeps(limit, world.services)
    described = world.sagemaker.calls["DescribeTrainingJob"]
    late = close_sweeps(limit + timedelta(hours=1), world.services)
    again = close_sweeps(limit + timedelta(hours=1), world.services)
    (sweep,) = world.sweeps()

    assert (early.closed, described) == ((), 5)  # each at its start
    assert late.waiting == again.closed == (sweep.id,)
    assert (sweep.state, sweep.counts.completed) == (SweepState.CLOSED, 5)


def test_a_job_that_still_runs_is_looked_at_again_half_an_hour_later(world: World) -> None:
    (event, *_) = starting(CHURN)
    world.now = datetime(2026, 11, 20, 10, 16, tzinfo=UTC)
    record_job(event, world.services)
    moment = LATER + timedelta(days=1)
    close_sweeps(moment, world.services)
    (sweep,) = world.sweeps()

    assert sweep.counts.in_progress == 1
    assert list(world.ledger.due_sweeps.until(moment)) == []
    assert [each.id for each in world.ledger.due_sweeps.until(moment + timedelta(minutes=30))] == [sweep.id]


def test_a_hanging_job_that_was_deleted_counts_as_stopped_when_it_was_last_seen(world: World) -> None:
    for event in starting(CHURN):
        record_job(
            {**event, "detail": {**event["detail"], "TrainingJobName": "gone-" + event["id"][:8]}}, world.services
        )
    for _ in range(2):
        close_sweeps(LATER, world.services)
    statuses = {record.job.status for record in world.ledger.jobs()}
    reasons = {record.job.failure_reason for record in world.ledger.jobs()}

    assert statuses == {"Stopped"}
    assert all("no longer tells" in str(reason) for reason in reasons)
    assert all(sweep.state is SweepState.CLOSED for sweep in world.sweeps())


def test_a_job_that_was_deleted_at_once_is_known_from_its_event_and_says_so(world: World) -> None:
    (ended, *_) = (e for e in recording(CHURN).events if e["detail"].get("TrainingJobStatus") == "Completed")
    event = {**ended, "detail": {**ended["detail"], "TrainingJobName": "gone-1"}}
    deleting = {"TrainingJobStatus": "Deleting", "SecondaryStatus": "Deleting", "LastModifiedTime": 1_795_190_000_000}
    record_job(event, world.services)
    record_job({**event, "detail": {**event["detail"], **deleting}}, world.services)
    (found,) = world.ledger.jobs()

    assert (found.job.status, found.job.secondary_status) == ("Completed", "Completed")
    assert found.without_objective == "it was deleted before SageMaker was asked for its metrics"


def test_a_tuning_sweep_closes_only_when_every_child_that_sagemaker_lists_has_ended_in_the_ledger(world: World) -> None:
    tuning = next(
        e for e in recording(TUNING).events if e["detail"].get("HyperParameterTuningJobStatus") == "Completed"
    )
    record_job(tuning, world.services)
    before = [sweep.counts.jobs for sweep in world.sweeps()]
    done = close_sweeps(LATER, world.services)
    (sweep,) = world.sweeps()

    assert before == [0]
    assert done.closed == (sweep.id,)
    assert (sweep.counts.completed, sweep.counts.failed, sweep.counts.stopped) == (46, 3, 11)
    assert sweep.best is not None
    assert sweep.best.job_name == "churn-xgb-261121-0900-016-add03186"


def test_closing_stops_when_time_runs_out_and_the_next_run_goes_on(world: World) -> None:
    tuning = next(
        e for e in recording(TUNING).events if e["detail"].get("HyperParameterTuningJobStatus") == "Completed"
    )
    record_job(tuning, world.services)
    runs = 0
    while not close_sweeps(LATER, world.services, times(26)).closed:
        runs += 1
        assert runs < 9
    (sweep,) = world.sweeps()

    assert runs == 2
    assert (sweep.state, sweep.counts.jobs) == (SweepState.CLOSED, 60)


def test_a_sweep_is_closed_exactly_once(world: World) -> None:
    for event in recording(CHURN).events:
        if event["detail"].get("TrainingJobName"):
            record_job(event, world.services)
    (sweep,) = world.sweeps()

    closed = [close(sweep.id, LATER, world.services) for _ in range(3)]

    assert closed == [True, False, False]
    assert world.sweeps()[0].revision == 1


def test_a_slow_closer_does_not_close_what_changed_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [event for event in recording(CHURN).events if event["detail"].get("SecondaryStatus") == "Completed"]
    for event in events[:-2]:
        record_job(event, world.services)
    (sweep,) = world.sweeps()
    original = world.ledger.write

    def slow(*arguments: object, **more: object) -> None:
        monkeypatch.setattr(world.ledger, "write", original)
        record_job(events[-2], world.services)
        original(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(world.ledger, "write", slow)

    assert close(sweep.id, LATER, world.services) is False
    assert world.sweeps()[0].state is SweepState.OPEN


def test_reconcile_finds_what_events_missed_and_a_second_run_finds_nothing(world: World) -> None:
    now = datetime(2026, 11, 21, 9, 45, tzinfo=UTC)
    world.now = now
    first = reconcile(now, HERE.id, HERE.region, world.services)
    world.sagemaker.calls.clear()
    second = reconcile(now + timedelta(hours=1), HERE.id, HERE.region, world.services)

    assert (first.recorded, first.attached) == (66, 65)
    assert (second.recorded, second.attached) == (0, 0)
    assert world.sagemaker.calls["DescribeTrainingJob"] == 0
    assert {sweep.counts.jobs for sweep in world.sweeps()} == {5, 60}


def test_reconcile_stops_when_time_runs_out_and_continues_where_it_stopped(world: World) -> None:
    now = world.now = datetime(2026, 11, 21, 9, 45, tzinfo=UTC)
    first = reconcile(now, HERE.id, HERE.region, world.services, times(1))
    second = reconcile(now, HERE.id, HERE.region, world.services)

    assert first.unfinished
    assert first.recorded == 1
    assert not second.unfinished
    assert first.recorded + second.recorded == 66


def add_children(sagemaker: SageMaker, number: int, first_at: datetime) -> None:
    """Children of the recorded tuning job, that failed one every two minutes; one of five is to be tracked."""
    pattern = next(job for job in sagemaker.jobs[JobKind.TRAINING].values() if "TuningJobArn" in job)
    for each in range(number):
        name, ended = f"late-{each:03}", first_at + each * timedelta(minutes=2)
        times_ = {"CreationTime": ended - timedelta(minutes=1), "TrainingEndTime": ended, "LastModifiedTime": ended}
        names = {"TrainingJobName": name, "TrainingJobArn": sagemaker.arn("training-job", name)}
        status = {"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: for a test"}
        own = {**names, **times_, **status, "SecondaryStatusTransitions": [], "FinalMetricDataList": []}
        sagemaker.add(JobKind.TRAINING, {**pattern, **own}, {} if each % 5 == 0 else {"trialbook:ignore": "true"})


def test_reconcile_stops_in_the_middle_of_several_pages_and_repairs_everything_once(world: World) -> None:
    """Three pages of Search with an empty one between any two, and time for one page a run."""
    add_children(world.sagemaker, 210, LATER - timedelta(hours=9))
    runs: list[Reconciled] = []
    while not runs or runs[-1].unfinished:
        runs.append(reconcile(LATER, HERE.id, HERE.region, world.services, times(1)))
        assert len(runs) < 9
    searches = [request for operation, request in world.sagemaker.requests if operation == "Search"]
    since = [search["SearchExpression"]["Filters"][0]["Value"] for search in searches if "NextToken" not in search]

    # Each run goes on two hours, 61 jobs, before the last that the one before has repaired.
    found = [(run.seen, run.recorded, run.attached) for run in runs]
    assert found == [(100, 20, 20), (100, 8, 8), (100, 8, 8), (93, 6, 6)]
    assert [text[5:16] for text in since] == ["11-22T22:00", "11-23T16:18", "11-23T17:36", "11-23T18:54"]
    assert len(searches) > len(since)  # the others asked for the empty page, and for what comes after it
    tracked = [record.job.name for record in world.ledger.jobs() if record.version == 1]
    assert sorted(tracked) == [f"late-{number:03}" for number in range(0, 210, 5)]
    assert world.sagemaker.calls["AssociateTrialComponent"] == 42


def add_one(sagemaker: SageMaker, kind: JobKind, ended: datetime = EARLY) -> None:
    """A job `other` that took five minutes; a tuning job is otherwise like the recorded one."""
    times_ = {"CreationTime": ended - timedelta(minutes=5), kind.facts.fields.ended: ended, "LastModifiedTime": ended}
    pattern = next(iter(sagemaker.jobs[JobKind.TUNING].values())) if kind is JobKind.TUNING else {}
    own = {kind.facts.fields.name: "other", kind.facts.fields.arn: sagemaker.arn(kind.facts.arn, "other")}
    sagemaker.add(kind, {**pattern, **own, **times_, kind.facts.fields.status: "Completed"})


@pytest.mark.parametrize(
    ("operation", "recorded", "left"),
    [
        ("ListHyperParameterTuningJobs", 7, 1),
        ("Search", 3, 5),
        ("ListProcessingJobs", 7, 1),
        ("ListTransformJobs", 7, 1),
    ],
)
def test_one_kind_that_is_throttled_keeps_reconcile_from_no_other(
    operation: str, recorded: int, left: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # botocore's own pauses between its attempts
    now = world.now = datetime(2026, 11, 20, 10, 45, tzinfo=UTC)
    for kind in (JobKind.TUNING, JobKind.PROCESSING, JobKind.TRANSFORM):
        add_one(world.sagemaker, kind)
    world.sagemaker.faults = failing(operation, "ThrottlingException")
    first = reconcile(now, HERE.id, HERE.region, world.services)
    world.sagemaker.faults = None
    second = reconcile(now, HERE.id, HERE.region, world.services)

    assert (first.recorded, first.unfinished) == (recorded, True)
    assert (second.recorded, second.unfinished) == (left, False)


def failing(operation: str, code: str) -> Callable[[str, dict[str, Any]], None]:
    """An error in answer to each call of an operation."""

    def faults(called: str, request: dict[str, Any]) -> None:
        if called == operation:
            raise ApiError(code, "for a test")

    return faults


@pytest.mark.parametrize("code", ["ThrottlingException", "ValidationException"])
def test_one_undescribed_sweep_keeps_no_other_open(code: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tuning job's sweep is due before the loop, of which all but the first events were lost."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # botocore's own pauses between its attempts
    record_job(
        next(e for e in recording(TUNING).events if e["detail"].get("HyperParameterTuningJobStatus") == "Completed"),
        world.services,
    )
    for event in starting(CHURN):
        world.now = datetime.fromisoformat(event["time"])
        record_job(event, world.services)
    world.now = LATER
    due = [sweep.id for sweep in world.ledger.due_sweeps.until(LATER)]
    world.sagemaker.faults = failing("ListTrainingJobsForHyperParameterTuningJob", code)
    first, second = (close_sweeps(LATER, world.services) for _ in range(2))
    world.sagemaker.faults = None
    third = close_sweeps(LATER, world.services)
    tuning, loop = due

    assert (tuning, loop.partition("@")[0]) == ("churn-xgb-261121-0900", "churn-xgb")
    assert (first.closed, first.waiting) == ((), (tuning, loop))  # the loop's jobs are described first
    assert (second.closed, second.waiting) == ((loop,), (tuning,))
    assert third.closed == (tuning,)


def test_reconcile_records_what_it_may_see_where_it_may_not_search(world: World) -> None:
    now = world.now = datetime(2026, 11, 21, 9, 45, tzinfo=UTC)

    def denied(operation: str, request: dict[str, object]) -> None:
        if operation == "Search":
            raise ApiError("AccessDeniedException", "not authorized")

    world.sagemaker.faults = denied
    done = reconcile(now, HERE.id, HERE.region, world.services)

    assert done.recorded == 1  # the tuning job, from its list
    assert len(world.sweeps()) == 1


@pytest.mark.parametrize(("name", "left"), [("bank-tuning-job-1-4a7d0c99", 0), ("bank-search-1-4a7d0c99", 1)])
def test_an_autopilot_job_is_left_out_even_if_only_its_children_name_it(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, left: int
) -> None:
    parsed = json.loads(json.dumps(recording(TUNING).answers).replace("churn-xgb-261121-0900", name))
    answers = [each for each in parsed if each["operation"] == "DescribeHyperParameterTuningJob"]
    answers += [each for each in parsed if each["operation"] == "DescribeTrainingJob"][:2]
    maker = HERE.arn("sagemaker", "automl-job/bank")
    for answer in answers[1:]:
        answer["response"]["AutoMLJobArn"] = maker
    with serve(from_recording(answers, HERE, lambda: world.now)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        client = Client(Session(), HERE.region)
        services = replace(world.services, sagemaker=lambda *_: client)
        reconcile(datetime(2026, 11, 21, 20, tzinfo=UTC), HERE.id, HERE.region, services)

    assert len(list(world.ledger.jobs())) == left


def test_a_jobs_tags_are_requested_if_no_event_had_them(world: World) -> None:
    arn = HERE.arn("sagemaker", "hyper-parameter-tuning-job/churn-xgb-261121-0900")
    world.sagemaker.call("AddTags", {"ResourceArn": arn, "Tags": [{"Key": "trialbook:experiment", "Value": "tagged"}]})
    now = world.now = datetime(2026, 11, 21, 9, 45, tzinfo=UTC)
    reconcile(now, HERE.id, HERE.region, world.services)

    assert {record.experiment for record in world.ledger.jobs() if record.key.kind == "HyperParameterTuningJob"} == {
        "tagged"
    }


def test_warm_start_parents_are_linked(world: World) -> None:
    answer = next(
        a["response"] for a in recording(TUNING).answers if a["operation"] == "DescribeHyperParameterTuningJob"
    )
    parents = [{"HyperParameterTuningJobName": "churn-xgb-261114-0900"}]
    warm = {
        **answer,
        "WarmStartConfig": {"WarmStartType": "TransferLearning", "ParentHyperParameterTuningJobs": parents},
    }
    world.sagemaker.jobs[next(kind for kind in world.sagemaker.jobs if kind.name == "TUNING")][
        answer["HyperParameterTuningJobName"]
    ]["WarmStartConfig"] = warm["WarmStartConfig"]
    record(tuning_job_from_describe(answer, HERE.id, HERE.region).job, world.services)
    record(replace(tuning_job_from_describe(answer, HERE.id, HERE.region).job, described=False), world.services)

    assert [sweep.parents for sweep in world.sweeps()] == [("churn-xgb-261114-0900",)]
