"""A job that was deleted and created again under the same name is another job."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import ClassVar

import boto3
import pytest
from botocore.session import Session
from moto import mock_aws

from tests.integration.test_close_and_reconcile import World, starting
from tests.integration.test_close_and_reconcile import world as world
from tests.integration.test_replay import CHURN, TUNING
from tests.relocated import recording
from tests.unit.samples import ACCOUNT, REGION, at, job
from trialbook.adapters.s3 import Bucket, BusyObject
from trialbook.attach_job import AttachOutcome, attach
from trialbook.close_sweeps import close_sweeps
from trialbook.core.attachments import Attachment
from trialbook.core.jobs import Job, JobKey, JobKind, TuningDefinition, TuningJob
from trialbook.core.places import Place, name_there, next_life
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import SweepState
from trialbook.ledger.bookkeeper import Bookkeeper
from trialbook.ledger.ledger import Ledger
from trialbook.reconcile import repair
from trialbook.record_job import record_job
from trialbook_cli.http_serving import Handler, serving


def test_a_job_recreated_is_attached_anew(world: World) -> None:
    ended = [e for e in recording(CHURN).events if e["detail"].get("SecondaryStatus") == "Completed"]
    name = ended[0]["detail"]["TrainingJobName"]
    seen = world.services.sagemaker(ACCOUNT, REGION).describe(JobKey(ACCOUNT, REGION, JobKind.TRAINING, name))
    first, again = (attach(seen, world.services) for _ in range(2))
    assert seen.created_at is not None
    recreated = replace(seen, created_at=seen.created_at + timedelta(days=1), experiment_config=None)
    world.ledger.attachments.put(Attachment(seen.key, "elsewhere", "old", settled=True, created_at=seen.created_at))
    outcome = attach(recreated, world.services)
    late = attach(seen, world.services)
    kept = world.ledger.attachments.get(seen.key)

    assert (first, again, outcome, late) == (
        AttachOutcome.ATTACHED,
        AttachOutcome.ALREADY,
        AttachOutcome.ATTACHED,
        AttachOutcome.ALREADY,
    )
    assert kept is not None
    assert (kept.experiment, kept.created_at) != ("elsewhere", seen.created_at)


def test_reconcile_finds_a_job_recreated(world: World) -> None:
    ended = [e for e in recording(CHURN).events if e["detail"].get("SecondaryStatus") == "Completed"]
    name = ended[0]["detail"]["TrainingJobName"]
    seen = world.services.sagemaker(ACCOUNT, REGION).describe(JobKey(ACCOUNT, REGION, JobKind.TRAINING, name))
    first = repair([seen], world.services)
    assert seen.created_at is not None
    assert seen.ended_at is not None
    day = timedelta(days=1)
    recreated = replace(seen, created_at=seen.created_at + day, ended_at=seen.ended_at + day)
    second, third = (repair([recreated], world.services) for _ in range(2))

    assert (first.recorded, first.attached) == (1, 1)
    assert (second.recorded, second.attached) == (1, 1)
    assert (third.recorded, third.attached) == (0, 0)


def tuning(start: float, end: float | None, metric: str) -> TuningJob:
    key = JobKey(ACCOUNT, REGION, JobKind.TUNING, "tune")
    status = "InProgress" if end is None else "Completed"
    moment = at(start if end is None else end)
    made = Job(key, status, created_at=at(start), ended_at=None if end is None else moment, last_modified_at=moment)
    return TuningJob(made, definitions=(TuningDefinition(None, metric, "Minimize"),))


@pytest.mark.parametrize("child_first", [True, False])
def test_a_tuning_job_recreated_under_a_deleted_ones_name_has_a_sweep_of_its_own(
    child_first: bool, ledger: Ledger
) -> None:
    book = Bookkeeper(ledger, Rules(), lambda key, name: tuning(100, None, "f1"))
    book.enter_tuning_job(tuning(0, None, "validation:error"))
    book.enter(job("tune-001", 1, 5, tuning_job="tune"), None)
    book.enter_tuning_job(tuning(0, 30, "validation:error"))
    child = job("tune-001-b", 101, 105, tuning_job="tune", metrics={"f1": 0.9})
    if child_first:
        book.enter(child, None)
    book.enter_tuning_job(tuning(100, None, "f1"))
    if not child_first:
        book.enter(child, None)
    late = job("tune-002", 2, 29, tuning_job="tune")
    book.enter(late, None)
    book.enter_tuning_job(tuning(100, 130, "f1"))
    book.enter_tuning_job(tuning(200, None, "f1"))
    sweeps = {each.id: each for each in ledger.all_sweeps()}

    assert {each.id: each.counts.jobs for each in sweeps.values()} == {"tune": 2, "tune.2": 1, "tune.3": 0}
    assert sweeps["tune"].tuning_ended_at == at(30)
    assert sweeps["tune.2"].tuning_job.name == sweeps["tune.3"].tuning_job.name == "tune"
    assert sweeps["tune.2"].objective is not None
    assert (sweeps["tune.2"].objective.metric, sweeps["tune.2"].tuning_created_at) == ("f1", at(100))


@pytest.mark.parametrize("end_comes", [True, False])
def test_a_tuning_job_whose_end_comes_late_or_never_takes_nothing_from_the_one_recreated(
    end_comes: bool, ledger: Ledger
) -> None:
    book = Bookkeeper(ledger, Rules(), lambda key, name: tuning(100, None, "f1"))
    book.enter_tuning_job(tuning(0, None, "validation:error"))
    book.enter(job("tune-001", 1, 5, tuning_job="tune"), None)
    book.enter_tuning_job(tuning(100, None, "f1"))
    book.enter(job("tune-001-b", 101, 105, tuning_job="tune", metrics={"f1": 0.9}), None)
    if end_comes:
        book.enter_tuning_job(tuning(0, 30, "validation:error"))
        book.enter_tuning_job(tuning(0, None, "validation:error"))
    book.enter_tuning_job(tuning(100, 130, "f1"))
    sweeps = {each.id: each for each in ledger.all_sweeps()}
    record = ledger.record(JobKey(ACCOUNT, REGION, JobKind.TUNING, "tune"))

    assert {each.id: each.counts.jobs for each in sweeps.values()} == {"tune": 1, "tune.2": 1}
    first, second = sweeps["tune"], sweeps["tune.2"]
    assert (first.tuning_status, first.tuning_ended_at) == (
        ("Completed", at(30)) if end_comes else ("Stopped", at(100))
    )
    assert (first.tuning_created_at, second.tuning_created_at) == (at(0), at(100))
    assert (second.tuning_status, second.tuning_ended_at) == ("Completed", at(130))
    assert record is not None
    assert (record.job.created_at, record.job.ended_at) == (at(100), at(130))


def test_a_sweep_whose_tuning_job_was_recreated_unseen_is_closed_and_keeps_its_own_facts(world: World) -> None:
    (final,) = world.sagemaker.jobs[JobKind.TUNING].values()
    name = final["HyperParameterTuningJobName"]
    begun = next(e for e in recording(TUNING).events if "HyperParameterTuningJobName" in e["detail"])
    world.now = final["CreationTime"] + timedelta(minutes=1)
    for event in (dict(begun), *islice(starting(TUNING), 3)):
        record_job(event, world.services)
    before = world.ledger.sweep(name)
    day = timedelta(days=1)
    world.sagemaker.remove(JobKind.TUNING, name)
    times = {"CreationTime": final["CreationTime"] + day, "LastModifiedTime": final["CreationTime"] + day}
    recreated = {**final, **times, "HyperParameterTuningJobStatus": "InProgress"}
    del recreated["HyperParameterTuningEndTime"]
    world.sagemaker.add(JobKind.TUNING, recreated)
    world.now += 3 * day
    for _ in range(3):
        close_sweeps(world.now, world.services)
    after = world.ledger.sweep(name)

    assert before is not None
    assert after is not None
    assert (after.state, after.tuning_status) == (SweepState.CLOSED, "Stopped")
    assert after.tuning_created_at == before.tuning_created_at


def test_the_names_of_lives_never_meet_those_of_places() -> None:
    place = Place("210987654321", "eu-west-1")
    names = ["tune", "tune.210987654321", "tune.210987654321.eu-west-1"]

    assert next_life(next_life("tune")) == "tune.3"
    assert {name_there(next_life(name), place) for name in names} == {"tune"}
    assert len({*names, *map(next_life, names)}) == 6


@mock_aws
def test_of_two_builders_at_once_the_one_with_the_older_state_writes_again() -> None:
    boto3.client("s3", region_name=REGION).create_bucket(Bucket="reports")
    slow, fast = Bucket(Session(), "reports"), Bucket(Session(), "reports")
    experiments = ["churn"]
    made: list[bytes] = []

    def page() -> bytes:
        content = ",".join(experiments).encode()
        if not made:  # while it is made, another experiment comes, and the other builder is faster
            experiments.append("fraud")
            fast.replace("index.html", lambda: ",".join(experiments).encode())
        made.append(content)
        return content

    slow.replace("index.html", page)

    assert made == [b"churn", b"churn,fraud"]
    assert slow.get("index.html") == b"churn,fraud"


class Deleted(Handler):
    """S3 with an object that is deleted after it was looked at: it has no such key then, instead of a failed condition."""

    conditions: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:  # noqa: N802 the base class's name
        self._answer(404 if self.conditions else 200)

    def do_PUT(self) -> None:  # noqa: N802 the base class's name
        self.rfile.read(int(self.headers["Content-Length"]))
        self.conditions.append(self.headers["If-Match"] or f"not {self.headers['If-None-Match']}")
        is_first = len(self.conditions) == 1
        self._answer(404 if is_first else 200, b"<Error><Code>NoSuchKey</Code></Error>" if is_first else b"")

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_page_that_is_deleted_while_it_is_made_is_written_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Deleted, "127.0.0.1", 0) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        Bucket(Session(), "reports").replace("index.html", lambda: b"a page")

    assert Deleted.conditions == ['"one"', "not *"]


@mock_aws
def test_a_page_that_others_write_all_the_time_is_tried_again_later() -> None:
    boto3.client("s3", region_name=REGION).create_bucket(Bucket="reports")
    slow, fast = Bucket(Session(), "reports"), Bucket(Session(), "reports")
    moments = iter(range(100))

    def page() -> bytes:
        fast.put("index.html", f"{next(moments)} {datetime.now(UTC)}".encode())
        return b"old"

    with pytest.raises(BusyObject):
        slow.replace("index.html", page)
