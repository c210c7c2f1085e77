"""What Trialbook tells on its own bus."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count, pairwise
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from tests.benchmarks.many_sweeps import make_sweeps
from tests.conftest import ROOT
from tests.integration.test_build_report import outcome
from tests.integration.test_replay import CHURN, TUNING, few
from tests.unit.samples import job, record
from trialbook.adapters.eventbridge import EventBus, NotPublished
from trialbook.adapters.rules_document import read_rules
from trialbook.announce_changes import announce_changes
from trialbook.core.announcements import TYPES, Announcement, of_job, of_sweep, thinned
from trialbook.core.expiry import Expiry
from trialbook.core.numbers import meant
from trialbook.core.sweeps import Sweep, SweepKind, SweepState, recount
from trialbook.ledger.items import sweep_item
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.moves import superseded
from trialbook_cli.laptop_cloud import LaptopCloud, ProcessDied, Recording
from trialbook_cli.replaying import ReplayOutcome, outcome_of, replay, running
from trialbook_cli.sagemaker_stand_in import SageMaker

SCHEMA = json.loads((ROOT / "events/schemas/announcements.json").read_text())


def problems(detail_type: str, detail: Mapping[str, Any]) -> list[str]:
    schema = {"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{detail_type}"}
    return [error.message for error in Draft202012Validator(schema).iter_errors(detail)]


def announced(name: str) -> list[Mapping[str, Any]]:
    return list(outcome(name).announced)


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_every_event_fits_its_schema_and_comes_once(name: str) -> None:
    announcements = announced(name)
    ids = Counter(event["detail"]["id"] for event in announcements)

    assert [problems(event["detail-type"], event["detail"]) for event in announcements] == [[] for _ in announcements]
    assert set(ids.values()) == {1}
    assert {event["source"] for event in announcements} == {"trialbook"}


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_a_sweeps_events_start_finish_and_report_in_order_with_final_counts(name: str) -> None:
    types = [event["detail-type"] for event in announced(name)]
    last = announced(name)[-1]["detail"]["sweep"]

    assert (types[0], *types[-2:]) == ("Sweep Started", "Sweep Finished", "Report Ready")
    assert types.count("Sweep Started") == types.count("Sweep Finished") == types.count("Report Ready") == 1
    assert last["counts"]["in_progress"] == 0
    assert last["state"] == "closed"


def test_progress_is_announced_at_most_once_in_15_seconds_and_the_last_is_never_dropped() -> None:
    progress = [event for event in announced(TUNING) if event["detail-type"] == "Sweep Progressed"]
    moments = [event["time"] for event in progress]

    assert moments == sorted(moments)
    assert all(_seconds(later) - _seconds(earlier) >= 15 for earlier, later in pairwise(moments))
    assert progress[-1]["detail"]["sweep"]["counts"] == announced(TUNING)[-1]["detail"]["sweep"]["counts"]


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_each_new_best_beats_the_one_before_by_its_margin() -> None:
    changes = [event["detail"] for event in announced(TUNING) if event["detail-type"] == "Best Trial Changed"]

    assert changes[0]["old"] is None
    assert [each["old"] for each in changes[1:]] == [each["new"] for each in changes[:-1]]
    values = [(meant(each["old"]["value"]), meant(each["new"]["value"])) for each in changes[1:]]
    assert [each["margin"] for each in changes[1:]] == [float(old - new) for old, new in values]
    assert changes[-1]["new"]["job_name"] == announced(TUNING)[-1]["detail"]["sweep"]["best"]["job_name"]


def test_a_death_after_any_call_loses_no_announcement_and_finishes_each_revision_once() -> None:
    undisturbed = replay(few(2))
    total = sum(number for (by, _, _), number in undisturbed.calls.items() if by in ("AnnounceChanges", "CloseSweeps"))
    expected = {event["detail"]["id"] for event in undisturbed.announced}
    for dies_at in range(1, total + 1):
        made = count(1)

        def dies(cloud: LaptopCloud, sagemaker: SageMaker, made: Any = made, dies_at: int = dies_at) -> None:
            def after_call(by: str, service: str, operation: str) -> None:
                if by in ("AnnounceChanges", "CloseSweeps") and next(made) == dies_at:
                    raise ProcessDied

            cloud.after_call = after_call

        found = replay(few(2), prepare=dies)

        finished = {e["detail"]["id"] for e in found.announced if e["detail-type"] == "Sweep Finished"}
        assert {event["detail"]["id"] for event in found.announced} >= expected, dies_at
        assert finished == {each for each in expected if each.startswith("sweep-finished")}, dies_at


def test_a_late_job_makes_a_second_revision() -> None:
    events = list(few(3).events)
    late = events[-1]["detail"]["TrainingJobName"]
    early = [event for event in events if event["detail"]["TrainingJobName"] != late]
    tick = {**early[-1], "detail-type": "SageMaker Endpoint State Change", "detail": {}, "time": "2026-11-20T10:40:00Z"}
    after = [event for event in events if event["detail"]["TrainingJobName"] == late]
    found = replay(Recording("late", [*early, tick, *after], few(3).answers))

    assert _finished(found) == [1, 2]


def _finished(found: ReplayOutcome) -> list[int]:
    return [e["detail"]["sweep"]["revision"] for e in found.announced if e["detail-type"] == "Sweep Finished"]


def sweep_of(*jobs: Any, **more: Any) -> Sweep:
    records = [record(each) for each in jobs]
    facts = {"kind": SweepKind.LOOP, "account": "123456789012", "region": "us-east-1", **more}
    return replace(
        recount(Sweep("churn@20261120T100000.000Z", experiment="churn", **facts), records), version=len(jobs)
    )


def test_a_single_job_is_no_sweep_and_history_is_not_announced() -> None:
    single, pair = sweep_of(job()), sweep_of(job(), job("churn-2", 1))

    assert of_sweep(None, single) == []
    assert [each.type for each in of_sweep(single, pair)] == ["Sweep Started", "Best Trial Changed"]
    assert of_sweep(single, replace(pair, is_history=True)) == []


def test_a_sweep_that_took_anothers_place_is_not_started_anew() -> None:
    merged = replace(sweep_of(job(), job("churn-2", 1)), id="churn@20261120T103000.000Z")
    gone, stays = superseded(merged, sweep_of(job(), job("churn-2", 1), job("churn-3", 2)))

    assert of_sweep(None, gone) == []
    assert "Sweep Started" not in {each.type for each in of_sweep(None, stays)}


def test_a_failed_tuning_job_is_reported_once() -> None:
    running = sweep_of(job(tuning_job="tune"), kind=SweepKind.TUNING)
    failed = replace(running, tuning_status="Failed", tuning_failure="No objective metrics found")
    (announcements,) = of_sweep(running, failed)

    assert problems(announcements.type, {"id": announcements.id, **announcements.detail}) == []
    assert announcements.detail["failure_reason"] == "No objective metrics found"
    assert of_sweep(failed, replace(failed, version=9)) == []


def test_a_failed_job_is_reported_unless_its_sweep_reports_it() -> None:
    failed = record(job(status="Failed", failure_reason="<b>AlgorithmError</b>"))
    (announcements,) = of_job(record(job(end=None)), failed, lambda each: True)

    assert problems(announcements.type, {"id": announcements.id, **announcements.detail}) == []
    assert of_job(None, failed, lambda each: False) == []
    assert of_job(failed, failed, lambda each: True) == []
    assert of_job(None, record(job()), lambda each: True) == []


def test_thinning_keeps_the_last_progress_of_each_sweep_and_everything_else() -> None:
    one, two, three = (sweep_of(*[job(f"c-{n}", n) for n in range(size)]) for size in (2, 3, 4))
    announcements = [*of_sweep(None, one), *of_sweep(one, two), *of_sweep(two, three)]
    closed = of_sweep(three, replace(three, state=SweepState.CLOSED, revision=1))

    kept = [each.type for each in thinned([*announcements, *closed])]

    assert kept == ["Sweep Started", "Best Trial Changed", "Sweep Progressed", "Sweep Finished"]


def test_a_single_failed_job_of_a_recording_is_reported() -> None:
    failed = json.loads((ROOT / "events/training-failed.json").read_text())
    alone = {**failed, "detail": {**failed["detail"], "TuningJobArn": None}}
    (event,) = replay(Recording("alone", [alone], ())).announced

    assert event["detail-type"] == "Job Failed"
    assert "exact tree method doesn't support unlimited depth" in event["detail"]["failure_reason"]


def test_a_single_job_is_announced_when_its_window_closes() -> None:
    (event,) = replay(few(1)).announced

    assert event["detail-type"] == "Job Finished"
    assert problems("Job Finished", event["detail"]) == []
    assert event["detail"]["value"] == pytest.approx(0.04019196)


def test_docs_have_an_example_of_every_type_that_fits_the_schema() -> None:
    text = (ROOT / "docs/events.md").read_text()
    examples = dict(re.findall(r"### (.+?)\n.*?```json\n(.*?)```", text, re.DOTALL))

    assert tuple(examples) == TYPES
    assert {name: problems(name, json.loads(example)) for name, example in examples.items()} == {
        name: [] for name in TYPES
    }


def test_the_rank_rule_reaches_the_messages() -> None:
    rules = read_rules("experiments: {churn: {rank_stopped: true}}")
    stopped = [
        record(job(f"c-{n}", n, status="Stopped", metrics={"validation:error": 0.1}), rules=rules) for n in range(2)
    ]
    sweep = recount(Sweep("x", SweepKind.TAG, "churn", account="123456789012", region="r", version=1), stopped)

    assert [each.type for each in of_sweep(None, sweep)] == ["Sweep Started", "Best Trial Changed"]


class Bus:
    """Takes what is published, up to a number of events."""

    def __init__(self, most: int = 10**9) -> None:
        self.taken: list[str] = []
        self.most = most

    def publish(self, announcements: Sequence[Announcement]) -> None:
        free = self.most - len(self.taken)
        self.taken += [each.id for each in announcements[:free]]
        if len(announcements) > free:
            raise NotPublished(free, "for a test")


def change_of(sweep: Sweep, ledger: Ledger) -> tuple[None, Mapping[str, Any]]:
    return None, ledger.table.item(**sweep_item(sweep, None, Expiry(), None)).to_dynamodb_dict()


def test_a_change_that_can_never_be_read_is_left_out_and_one_that_cannot_yet_holds_the_stream(ledger: Ledger) -> None:
    pairs = [sweep_of(job(), job("churn-2", number)) for number in (1, 2)]
    first, last = (change_of(replace(each, id=f"churn@{number}"), ledger) for number, each in enumerate(pairs))
    broken = (None, {"item": {"S": "sweep"}, "facts": {"S": "{"}})
    newer = (None, {**last[1], "format": {"N": "99"}})
    bus, waiting = Bus(), Bus()

    found = announce_changes([first, broken, last], ledger, cast("Any", bus))
    held = announce_changes([first, newer, last], ledger, cast("Any", waiting))

    assert found == 3
    assert {each.split("/")[1] for each in bus.taken} == {"churn@0", "churn@1"}
    assert held == 1
    assert {each.split("/")[1] for each in waiting.taken} == {"churn@0"}


def test_unpublished_announcements_are_retried_and_published_ones_are_not(ledger: Ledger) -> None:
    changes = [change_of(replace(sweep_of(job(), job("churn-2", 1)), id=f"churn@{n}"), ledger) for n in range(3)]
    everything, some, rest = Bus(), Bus(most=3), Bus()
    announce_changes(changes, ledger, cast("Any", everything))

    done = announce_changes(changes, ledger, cast("Any", some))
    announce_changes(changes[done:], ledger, cast("Any", rest))

    assert 0 < done < 3
    assert {*some.taken, *rest.taken} == set(everything.taken)


def test_changes_without_news_create_no_client_of_the_bus() -> None:
    class NoClients:
        def create_client(self, name: str) -> Any:
            pytest.fail(f"{name} is not needed yet")

    bus = EventBus(cast("Any", NoClients()), "trialbook")

    assert announce_changes([(None, None)], cast("Any", None), bus) == 1


def test_jobs_whose_facts_are_compressed_are_announced_from_dynamodbs_own_stream(dynamodb_local: str) -> None:
    """Its binary attributes are bytes to botocore, and base64 to Lambda."""
    made = list(make_sweeps(2, 2, tracks=1, are_odd=True))
    events = sorted((event for sweep in made for event in sweep.events), key=lambda event: str(event["time"]))
    recorded = Recording("long", events, [answer for sweep in made for answer in sweep.answers])
    with running(recorded, dynamodb_url=dynamodb_local) as (cloud, sagemaker):
        for event in events:
            cloud.deliver(event)
        cloud.finish()
        found = outcome_of(cloud, sagemaker)
    packed = [each for each in found.records if len(json.dumps(dict(each.job.hyper_parameters))) > 16_000]

    assert packed != []
    finished = {each["detail"]["sweep"]["sweep"] for each in found.announced if each["detail-type"] == "Sweep Finished"}
    assert finished == {sweep.id for sweep in found.sweeps}
