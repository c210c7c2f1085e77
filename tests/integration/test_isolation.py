"""One job, sweep, kind or account that fails keeps reconcile and close_sweeps from no other."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.test_close_and_reconcile import EARLY, LATER, World, add_one, starting
from tests.integration.test_close_and_reconcile import world as world
from tests.integration.test_replay import CHURN, TUNING
from tests.relocated import recording
from tests.unit.samples import training_event
from trialbook.attach_job import AttachOutcome, attach_job
from trialbook.close_sweeps import close_sweeps
from trialbook.core.expiry import Expiry
from trialbook.core.jobs import JobKind, NotDescribed
from trialbook.core.objectives import why_without_value
from trialbook.core.sweeps import SweepState
from trialbook.core.times import iso, parse_time
from trialbook.ledger.items import sweep_item
from trialbook.reconcile import reconcile, waiting
from trialbook.record_job import RecordOutcome, record_job
from trialbook.services import Services
from trialbook_cli.sagemaker_stand_in import ApiError

HERE = ("123456789012", "us-east-1")
MARK = "reconcile/123456789012/us-east-1/ProcessingJob"


def refusing(names: set[str], code: str = "ValidationException") -> Callable[[str, dict[str, Any]], None]:
    """An error of another kind than those that are expected, in answer to each Describe of these jobs."""

    def faults(operation: str, request: dict[str, Any]) -> None:
        if operation.startswith("Describe") and names & {str(each) for each in request.values()}:
            raise ApiError(code, "1 validation error detected")

    return faults


def add_processing_jobs(world: World, number: int) -> list[str]:
    """Jobs without any event, a minute apart."""
    names = [f"clean-{each:02}" for each in range(number)]
    for each, name in enumerate(names):
        ended = EARLY + timedelta(minutes=each)
        times = {"CreationTime": ended - timedelta(minutes=1), "ProcessingEndTime": ended, "LastModifiedTime": ended}
        arn = world.sagemaker.arn(JobKind.PROCESSING.facts.arn, name)
        own = {"ProcessingJobName": name, "ProcessingJobArn": arn, "ProcessingJobStatus": "Completed"}
        world.sagemaker.add(JobKind.PROCESSING, {**own, **times})
    return names


def recorded(world: World, kind: str = "ProcessingJob") -> set[str]:
    return {record.job.name for record in world.ledger.jobs() if record.key.kind == kind}


@pytest.mark.parametrize("code", ["ValidationException", "InternalFailure", "ThrottlingException"])
def test_a_job_that_fails_keeps_no_other_job_or_kind_and_the_watermark_never_passes_it(
    code: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # botocore's own pauses between its attempts
    names = add_processing_jobs(world, 30)
    add_one(world.sagemaker, JobKind.TRANSFORM)
    world.now = EARLY + timedelta(hours=1)
    world.sagemaker.faults = refusing({"clean-07"}, code)
    runs = [reconcile(world.now + timedelta(hours=each), *HERE, world.services) for each in range(3)]
    watermark = parse_time(world.ledger.notes.get(MARK), "a note")
    while_failing, others = recorded(world), recorded(world, "TransformJob")
    world.sagemaker.faults = None
    last = reconcile(world.now + timedelta(hours=3), *HERE, world.services)

    assert while_failing == {*names} - {"clean-07"}
    assert others == {"other"}
    assert [run.failed for run in runs] == [("123456789012/us-east-1/ProcessingJob/clean-07",)] * 3
    assert watermark == EARLY + timedelta(minutes=7)
    assert recorded(world) == {*names}
    assert last.failed == ()
    assert world.ledger.notes.get(MARK) == iso(world.now + timedelta(hours=3) - timedelta(minutes=5))


def test_a_job_that_fails_for_months_makes_no_run_longer(world: World) -> None:
    add_processing_jobs(world, 30)
    world.sagemaker.faults = refusing({"clean-07"})
    world.now = EARLY + timedelta(hours=1)
    reconcile(world.now, *HERE, world.services)
    reconcile(world.now + timedelta(days=60), *HERE, world.services)
    world.sagemaker.requests.clear()
    done = reconcile(world.now + timedelta(days=61), *HERE, world.services)
    listed = [request for operation, request in world.sagemaker.requests if operation == "ListProcessingJobs"]

    assert len(done.failed) == 1
    assert done.seen == 1
    assert len(listed) == 1


def test_jobs_that_always_take_too_long_are_gone_past_three_a_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    names = add_processing_jobs(world, 30)
    slow = {f"clean-{each:02}" for each in range(5, 12)}
    world.sagemaker.faults = refusing(slow, "ThrottlingException")
    world.now = EARLY + timedelta(hours=1)
    runs = [reconcile(world.now, *HERE, world.services) for _ in range(4)]

    assert [run.unfinished for run in runs][:2] == [True, True]
    assert recorded(world) == {*names} - slow


def test_an_error_while_jobs_are_listed_keeps_no_other_kind(world: World) -> None:
    add_one(world.sagemaker, JobKind.TRANSFORM)

    def faults(operation: str, request: dict[str, Any]) -> None:
        if operation == "ListProcessingJobs":
            raise ApiError("ValidationException", "for a test")

    world.sagemaker.faults = faults
    world.now = EARLY + timedelta(hours=1)
    done = reconcile(world.now, *HERE, world.services)

    assert done.failed == ("123456789012/us-east-1/ProcessingJob",)
    assert recorded(world, "TransformJob") == {"other"}


def test_an_account_whose_role_cannot_be_taken_keeps_no_other_account(world: World) -> None:
    add_one(world.sagemaker, JobKind.TRANSFORM)
    world.now = EARLY + timedelta(hours=1)

    def sagemaker(account: str, region: str) -> Any:
        if account != HERE[0]:
            raise ValueError("the role can't be assumed")
        return world.services.sagemaker(account, region)

    services = Services(world.ledger, sagemaker)
    other = reconcile(world.now, "210987654321", "us-east-1", services)
    own = reconcile(world.now, *HERE, services)

    assert len(other.failed) == 4
    assert recorded(world, "TransformJob") == {"other"}
    assert own.failed == ()


def test_one_hanging_job_that_cannot_be_described_keeps_no_other_of_its_sweep(world: World) -> None:
    events = list(starting(CHURN))
    world.now = EARLY - timedelta(minutes=20)  # while they ran
    for event in events:
        record_job(event, world.services)
    world.now = LATER
    failing = events[1]["detail"]["TrainingJobName"]
    world.sagemaker.faults = refusing({failing})
    done = close_sweeps(LATER, world.services)
    running = {each.job.name for each in world.ledger.jobs() if not each.job.is_terminal}
    world.sagemaker.faults = None
    close_sweeps(LATER, world.services)
    last = close_sweeps(LATER, world.services)

    assert running == {failing}
    assert failing in done.failed
    assert last.closed != ()
    assert [sweep.state for sweep in world.sweeps()] == [SweepState.CLOSED]


def test_one_child_that_cannot_be_described_keeps_no_other_child(world: World) -> None:
    ended = [e for e in recording(TUNING).events if e["detail"].get("HyperParameterTuningJobStatus") == "Completed"]
    record_job(ended[0], world.services)
    names = [name for name in world.sagemaker.jobs[JobKind.TRAINING] if name.startswith("churn-xgb-261121")]
    world.sagemaker.faults = refusing({names[3]})
    done = close_sweeps(LATER, world.services)
    (open_sweep,) = world.sweeps()
    world.sagemaker.faults = None
    last = close_sweeps(LATER, world.services)

    assert names[3] in done.failed
    assert open_sweep.counts.jobs == len(names) - 1
    assert last.closed == (open_sweep.id,)


def test_a_sweep_that_cannot_be_read_keeps_no_other_open(world: World) -> None:
    for event in recording(CHURN).events:
        if event["detail"].get("TrainingJobName"):
            record_job(event, world.services)
    (sweep,) = world.sweeps()
    broken = world.ledger.table.item(**sweep_item(sweep, EARLY, Expiry(), None))
    broken.pk, broken.sk, broken.facts, broken.packed_facts = "SWEEP#broken", "SWEEP", "{", None
    broken.experiment_id = broken.time_shard = None
    broken.save()
    done = close_sweeps(LATER, world.services)

    assert done.closed == (sweep.id,)
    assert done.failed == ("SWEEP#broken/SWEEP",)


def garble(
    world: World, names: set[str], operation: str = "", field: str = "Status", value: Any = ""
) -> Callable[[], None]:
    """From now on SageMaker answers an empty status of these jobs: no SageMaker does, but who stands in its way may.
    Returns what ends it."""
    whole = world.sagemaker.call

    def call(called: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = deepcopy(whole(called, request))
        lists = [each for each in answer.values() if isinstance(each, list)]
        entries = [answer, *(each for found in lists for each in found if isinstance(each, dict))]
        for each in entries if operation in ("", called) else ():
            if names & {str(each.get("TrainingJobName")), str(each.get("ProcessingJobName"))}:
                each.update({name: value for name in each if name.endswith(field)})
        return answer

    def restore() -> None:
        world.sagemaker.call = whole  # type: ignore[method-assign]

    world.sagemaker.call = call  # type: ignore[assignment, method-assign]
    return restore


def add_training_job(world: World, name: str) -> None:
    ended = EARLY + timedelta(minutes=5)
    arn = world.sagemaker.arn(JobKind.TRAINING.facts.arn, name)
    own = {"TrainingJobName": name, "TrainingJobArn": arn, "TrainingJobStatus": "Completed"}
    world.sagemaker.add(JobKind.TRAINING, {**own, "CreationTime": EARLY, "LastModifiedTime": ended})


def test_a_job_of_which_the_answer_can_not_be_read_is_known_from_its_event(world: World) -> None:
    add_training_job(world, "churn-1")
    garble(world, {"churn-1"})

    outcome = record_job(training_event(), world.services)
    (found,) = [each for each in world.ledger.jobs() if each.job.name == "churn-1"]

    assert outcome is RecordOutcome.RECORDED
    assert (found.job.status, found.job.not_described) == ("Completed", NotDescribed.UNREADABLE)
    assert not found.job.described
    assert "could not be read" in why_without_value(found.job, None)
    assert attach_job(training_event(), world.services) is AttachOutcome.ATTACHED


def test_a_job_of_a_list_that_can_not_be_read_is_described_and_keeps_no_other(world: World) -> None:
    names = add_processing_jobs(world, 5)
    garble(world, {"clean-02"}, "ListProcessingJobs")
    world.now = EARLY + timedelta(hours=1)
    done = reconcile(world.now, *HERE, world.services)

    assert recorded(world) == {*names}
    assert done.failed == ()
    assert world.ledger.notes.get(MARK) == iso(world.now - timedelta(minutes=5))


def test_an_unreadable_job_is_named_and_retried_and_the_watermark_never_passes_it(
    world: World,
) -> None:
    names = add_processing_jobs(world, 5)
    restore = garble(world, {"clean-02"})
    world.now = EARLY + timedelta(hours=1)
    runs = [reconcile(world.now + timedelta(hours=each), *HERE, world.services) for each in range(3)]
    watermark = parse_time(world.ledger.notes.get(MARK), "a note")
    while_failing, named = recorded(world), waiting(world.ledger)
    restore()
    last = reconcile(world.now + timedelta(hours=3), *HERE, world.services)

    assert while_failing == {*names} - {"clean-02"}
    assert named == ["123456789012/us-east-1/ProcessingJob/clean-02"]
    assert waiting(world.ledger) == []
    assert [run.failed for run in runs] == [("123456789012/us-east-1/ProcessingJob/clean-02",)] * 3
    assert watermark == EARLY + timedelta(minutes=2)
    assert recorded(world) == {*names}
    assert last.failed == ()
    assert world.ledger.notes.get(MARK) == iso(world.now + timedelta(hours=3) - timedelta(minutes=5))


def test_an_entry_of_a_list_without_a_name_keeps_no_other_and_is_never_passed(world: World) -> None:
    names = add_processing_jobs(world, 5)
    restore = garble(world, {"clean-02"}, "ListProcessingJobs", "ProcessingJobName")
    world.now = EARLY + timedelta(hours=1)
    before = world.now - timedelta(days=1)
    done = reconcile(world.now, *HERE, world.services)
    watermark = parse_time(world.ledger.notes.get(MARK), "a note")
    while_failing = recorded(world)
    restore()
    reconcile(world.now + timedelta(days=3), *HERE, world.services)

    assert while_failing == {*names} - {"clean-02"}
    assert done.failed == ("123456789012/us-east-1/ProcessingJob/an entry without a name",)
    assert watermark == before
    assert recorded(world) == {*names}


def test_an_entry_that_was_deleted_since_is_dropped(world: World) -> None:
    add_processing_jobs(world, 3)
    garble(world, {"clean-01"})
    world.now = EARLY + timedelta(hours=1)
    reconcile(world.now, *HERE, world.services)
    world.sagemaker.remove(JobKind.PROCESSING, "clean-01")
    done = reconcile(world.now + timedelta(hours=1), *HERE, world.services)

    assert done.failed == ()
    assert recorded(world) == {"clean-00", "clean-02"}


def test_a_child_listed_without_details_is_described_before_its_sweep_closes(world: World) -> None:
    ended = [e for e in recording(TUNING).events if e["detail"].get("HyperParameterTuningJobStatus") == "Completed"]
    record_job(ended[0], world.services)
    names = [name for name in world.sagemaker.jobs[JobKind.TRAINING] if name.startswith("churn-xgb-261121")]
    garble(world, {names[3]}, "ListTrainingJobsForHyperParameterTuningJob")
    done = close_sweeps(LATER, world.services)
    (sweep,) = world.sweeps()

    assert done.failed == ()
    assert done.closed == (sweep.id,)
    assert sweep.counts.jobs == len(names)
