"""What leaves the ledger, when, and with what; and what must not."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.integration.conftest import opened
from tests.unit.samples import ACCOUNT, REGION, at, job
from trialbook.close_sweeps import close_sweeps
from trialbook.core.attachments import Attachment
from trialbook.core.executions import PipelineStep
from trialbook.core.jobs import Job, JobKey, JobKind, TuningJob
from trialbook.core.messages.delivery import Delivery
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Sweep, SweepState
from trialbook.ledger.bookkeeper import Bookkeeper
from trialbook.ledger.deliveries import Deliveries
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.removal import remove_job, remove_sweep
from trialbook.ledger.table import Conflict
from trialbook.services import Services

DAY = 24 * 60  # minutes


@pytest.fixture
def table(moto_url: str) -> Iterator[Ledger]:
    with opened(moto_url) as made:
        yield made


def expiring(table: Ledger, days: int) -> Ledger:
    return Ledger(table.table.name, region="us-east-1", host=table.table.host, expire_days=days)


def book(ledger: Ledger) -> Bookkeeper:
    return Bookkeeper(ledger, Rules(), lambda key, name: None)


def enter(ledger: Ledger, seen: Job) -> None:
    book(ledger).enter(seen, ledger.record(seen.key))


def services(ledger: Ledger) -> Services:
    def no_sagemaker(account: str, region: str) -> Any:
        pytest.fail("SageMaker is not needed")

    return Services(ledger, no_sagemaker)


def as_dynamodb_does(ledger: Ledger, now: datetime) -> None:
    """Deletes what DynamoDB deletes by itself."""
    old = [each for each in ledger.table.item.scan() if each.expires_at and each.expires_at < now.timestamp()]
    ledger.table.delete([(each.pk, each.sk) for each in old])


def days_pass(ledger: Ledger, first: float, last: float) -> None:
    """Each quarter of a day, what is scheduled runs and DynamoDB deletes."""
    moment = first
    while moment <= last:
        as_dynamodb_does(ledger, at(moment * DAY))
        close_sweeps(at(moment * DAY), services(ledger))
        moment += 0.25


def standing(ledger: Ledger) -> list[Sweep]:
    return [each for each in ledger.all_sweeps() if each.superseded_by is None]


def tagged(name: str, day: float) -> Job:
    tags = {"trialbook:experiment": "churn", "trialbook:sweep": "grid"}
    return job(name, day * DAY, day * DAY + 30, tags=tags)


def test_a_tag_sweep_with_trials_on_days_0_20_and_40_keeps_its_item_and_its_revision(table: Ledger) -> None:
    ledger = expiring(table, 30)
    revisions = []
    for number, day in enumerate((0, 20, 40)):
        enter(ledger, tagged(f"trial-{number}", day))
        days_pass(ledger, day + 0.25, day + 19)
        (sweep,) = standing(ledger)
        revisions.append((sweep.counts.jobs, sweep.revision, sweep.state))
        assert len(ledger.records_of(sweep)) == sweep.counts.jobs
    days_pass(ledger, 60, 69)
    before = [each.counts.jobs for each in standing(ledger)]
    days_pass(ledger, 70, 72)

    assert revisions == [(1, 1, SweepState.CLOSED), (2, 2, SweepState.CLOSED), (3, 3, SweepState.CLOSED)]
    assert before == [3]
    assert standing(ledger) == []
    assert list(ledger.jobs()) == []


def test_a_nine_day_tuning_job_closes_though_records_expire_after_seven(table: Ledger) -> None:
    ledger = expiring(table, 7)
    key = JobKey(ACCOUNT, REGION, JobKind.TUNING, "tune")
    running = Job(key, "InProgress", created_at=at(0), last_modified_at=at(0))
    book(ledger).enter_tuning_job(TuningJob(running))
    for day in range(9):
        enter(ledger, job(f"tune-{day}", day * DAY + 1, day * DAY + 60, tuning_job="tune"))
        as_dynamodb_does(ledger, at(day * DAY + 100))
    ended = Job(key, "Completed", created_at=at(0), ended_at=at(9 * DAY), last_modified_at=at(9 * DAY), described=True)
    book(ledger).enter_tuning_job(TuningJob(ended))
    as_dynamodb_does(ledger, at(9 * DAY + 1))
    (sweep,) = standing(ledger)

    assert sweep.counts.completed == 9
    assert len(ledger.records_of(sweep)) == 9
    assert sweep.tuning_status == "Completed"


def test_a_sweep_is_removed_with_its_own_items_and_no_others(table: Ledger) -> None:
    ledger = expiring(table, 7)
    for number in range(3):
        made = job(f"churn-{number}", number, 20, tags={"trialbook:experiment": "churn"})
        enter(ledger, made)
        ledger.attachments.put(Attachment(made.key, "churn", made.name, settled=True))
    close_sweeps(at(60), services(ledger))
    (sweep,) = standing(ledger)
    sent = Deliveries(ledger.table)
    for about in (f"sweep/{sweep.id}", f"job/{ACCOUNT}/{REGION}/TrainingJob/churn-1", "sweep/other"):
        sent.put(Delivery(about, "slack", "#a", version=1), at(60))
    enter(ledger, job("late", 5 * DAY, 5 * DAY + 10, tags={"trialbook:experiment": "churn"}))
    days_pass(ledger, 6, 8)
    left = sorted((each.pk, each.sk) for each in ledger.table.item.scan() if each.item not in ("note", "experiment"))

    assert [(each.id.partition("@")[0], each.counts.jobs) for each in standing(ledger)] == [("churn", 1)]
    assert [pk for pk, _ in left if pk.startswith("DELIVERY")] == ["DELIVERY#sweep/other"]
    assert [pk for pk, _ in left if pk.startswith("JOB")] == [f"JOB#{ACCOUNT}#{REGION}#TrainingJob#late"]
    days_pass(ledger, 12, 14)
    assert [
        pk for pk, _ in ((each.pk, each.sk) for each in ledger.table.item.scan()) if pk.startswith(("JOB", "LOOPS"))
    ] == []


def test_a_job_of_no_sweep_leaves_after_its_end_and_its_steps_are_not_before_it(table: Ledger) -> None:
    ledger = expiring(table, 7)
    execution = JobKey(ACCOUNT, REGION, JobKind.PIPELINE_EXECUTION, "pipe/1")
    step = PipelineStep(execution, "Train", None, "Completed", None, at(0), at(30), None)
    running = Job(execution, "InProgress", created_at=at(0), last_modified_at=at(0), pipeline="pipe")
    enter(ledger, running)
    ledger.pipelines.put_step(step, ledger.masker)
    as_dynamodb_does(ledger, at(9 * DAY))
    while_running = len(list(ledger.jobs()))
    ended = Job(execution, "Completed", created_at=at(0), ended_at=at(9 * DAY), last_modified_at=at(9 * DAY))
    enter(ledger, ended)
    expiries = {each.item: each.expires_at for each in ledger.table.item.scan() if each.pk.startswith("JOB#")}

    assert while_running == 1
    assert expiries["job"] == at(16 * DAY).timestamp()
    assert expiries["step"] >= expiries["job"]


def test_nothing_joins_a_sweep_that_is_leaving_and_whoever_is_interrupted_goes_on(table: Ledger) -> None:
    ledger = expiring(table, 7)
    enter(ledger, tagged("trial-0", 0))
    close_sweeps(at(DAY), services(ledger))
    (sweep,) = standing(ledger)
    marked = ledger.begin_to_remove(sweep)
    with pytest.raises(Conflict):
        ledger.write(sweeps=[(marked, None)])
    ledger.table.delete([("JOB#123456789012#us-east-1#TrainingJob#trial-0", "JOB")])
    close_sweeps(at(8 * DAY), services(ledger))

    assert standing(ledger) == []
    enter(ledger, tagged("trial-1", 20))
    assert [each.counts.jobs for each in standing(ledger)] == [1]


def test_a_record_changed_since_it_was_listed_is_not_removed(table: Ledger) -> None:
    enter(table, tagged("trial-0", 0))
    close_sweeps(at(DAY), services(table))
    (listed,) = standing(table)
    alone = job("clean", 0, 5, kind=JobKind.PROCESSING)
    enter(table, alone)
    record = table.record(alone.key)
    assert record is not None
    enter(table, tagged("trial-1", 1))
    enter(table, job("clean", DAY, DAY + 5, kind=JobKind.PROCESSING))

    assert remove_sweep(table, listed) is False
    assert remove_job(table, record) is False
    assert {each.job.name for each in table.jobs()} == {"trial-0", "trial-1", "clean"}
    (sweep,) = standing(table)
    assert len(table.records_of(sweep)) == 2
