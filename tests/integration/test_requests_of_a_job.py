"""A job's life costs few requests of the ledger, and what is left out is not missed."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.many_children import many_children
from tests.integration.test_ledger import assert_consistent
from tests.integration.test_replay import CHURN, TUNING
from tests.launching import launched, training
from tests.relocated import HERE, recording
from trialbook.adapters.sagemaker import SageMaker as Client
from trialbook.attach_job import attach_job
from trialbook.core.sweeps import Record, Sweep
from trialbook.record_job import RecordOutcome, record_job
from trialbook.services import Services
from trialbook_book.folder import FolderLedger, Table
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import replay
from trialbook_cli.sagemaker_stand_in import SageMaker, from_recording, serve

LATER = datetime(2026, 12, 31, tzinfo=UTC)


def loop(jobs: int) -> Recording:
    """A loop whose jobs run one after the other, so that each event comes alone."""
    return launched(
        [
            training(f"resnet-2026-11-20-09-00-{number:02}-000", 6 * number, 6 * number + 5, {"depth": f"{number}"})
            for number in range(jobs)
        ]
    )


def children(jobs: int) -> Recording:
    """A tuning job's children, six a minute."""
    return many_children(jobs)


@pytest.mark.parametrize(("jobs", "most"), [(loop, 6), (children, 5)])
def test_one_more_job_costs_few_requests_of_the_ledger_to_attach_and_record(jobs: Any, most: int) -> None:
    few, many = (
        replay(jobs(number), without=("BuildReport", "PostEmail", "PostSlack", "CaptureJob")) for number in (3, 9)
    )
    asked = Counter(many.calls) - Counter(few.calls)
    per_job = {
        (function, operation): number / 6
        for (function, service, operation), number in asked.items()
        if service == "dynamodb" and function in ("AttachJob", "RecordJob")
    }

    assert len(many.records) - len(few.records) == 6
    assert sum(per_job.values()) <= most, per_job


@pytest.fixture(scope="module")
def sagemaker() -> Iterator[tuple[SageMaker, Client]]:
    stand_in = from_recording([*recording(CHURN).answers, *recording(TUNING).answers], HERE, lambda: LATER)
    with pytest.MonkeyPatch.context() as patch, serve(stand_in) as url:
        patch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        yield stand_in, Client(Session(), HERE.region)


def events_of(name: str) -> list[dict[str, Any]]:
    """The first and last events of five jobs of a recording."""
    found = [dict(e) for e in recording(name).events if "TrainingJobName" in e["detail"]]
    names = sorted({event["detail"]["TrainingJobName"] for event in found})[:5]
    wanted = ("Starting", "Completed", "Failed", "Stopped")
    return [e for e in found if e["detail"]["TrainingJobName"] in names and e["detail"]["SecondaryStatus"] in wanted]


def facts(ledger: FolderLedger) -> tuple[list[Record], list[Sweep]]:
    """The jobs and sweeps, whatever number of writes they took."""
    jobs = sorted(ledger.jobs(), key=lambda each: each.key)
    sweeps = sorted((each for each in ledger.all_sweeps() if each.superseded_by is None), key=lambda each: each.id)
    return (
        [replace(each, version=0, arranges=()) for each in jobs],
        [replace(each, version=0, changes=0, supersedes=(), was_sweep=True) for each in sweeps],
    )


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_processes_that_know_different_parts_record_what_one_that_reads_all_records(
    name: str, sagemaker: tuple[SageMaker, Client]
) -> None:
    """Each event goes to any of three processes, once or twice, in any order."""
    client, events = sagemaker[1], events_of(name)

    @settings(max_examples=5)
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        table, alone = Table(), FolderLedger(Table())
        processes = [Services(FolderLedger(table), lambda account, region: client) for _ in range(3)]
        order = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=4))]))
        for event in order:
            record_job(event, processes[data.draw(st.integers(0, 2))])
            record_job(event, Services(alone, lambda account, region: client), delivery=2)

        assert facts(processes[0].ledger) == facts(alone)  # type: ignore[arg-type]
        assert_consistent(processes[1].ledger)

    compare()


def test_an_event_that_comes_twice_costs_the_process_that_knows_it_no_call_of_sagemaker(
    sagemaker: tuple[SageMaker, Client],
) -> None:
    stand_in, client = sagemaker
    services = Services(FolderLedger(Table()), lambda account, region: client)
    events = events_of(CHURN)
    for event in events:
        record_job(event, services)
    before = Counter(stand_in.calls)
    again = {record_job(json.loads(json.dumps(event)), services) for event in events}

    assert again == {RecordOutcome.UNCHANGED}
    assert Counter(stand_in.calls) == before


def test_a_start_that_another_process_attached_to_an_earlier_shard_is_attached_once() -> None:
    """A trial takes fifty components, so sixty children need two shards. Each start comes to both processes: while the
    first shard fills, and when the other process knows the second one alone."""
    made = children(60)
    stand_in = from_recording(made.answers, HERE, lambda: LATER)
    stand_in.experiments.count_job_components = True
    with pytest.MonkeyPatch.context() as patch, serve(stand_in) as url:
        patch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        client, table = Client(Session(), HERE.region), Table()
        processes = [Services(FolderLedger(table), lambda account, region: client) for _ in range(2)]
        starts = [e for e in made.events if e["detail"].get("TrainingJobStatus") == "InProgress"]
        for each in starts:
            attach_job(each, processes[0])
        for each in (starts[-1], *starts, *starts):
            attach_job(each, processes[1])
    held = Counter(
        component
        for experiment, trials in stand_in.standing().items()
        if not experiment.endswith("-aws-tuning-job")
        for components in trials.values()
        for component in components
    )

    assert len(held) == 60
    assert set(held.values()) == {1}
