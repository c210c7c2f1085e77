"""Recordings through the deployed wiring: what stands in the ledger and in SageMaker afterwards."""

import gc
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any
from weakref import ReferenceType, ref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import FOLLOWS_THE_LEDGER
from tests.relocated import recording
from trialbook_cli import replaying
from trialbook_cli.laptop_cloud import LaptopCloud, ProcessDied, Recording
from trialbook_cli.replaying import ReplayOutcome, write_outcome
from trialbook_cli.sagemaker_stand_in import ApiError, SageMaker

CHURN, TUNING = "churn-min-child-weight", "tuning-random-60"
Event = dict[str, Any]
replay = partial(replaying.replay, without=FOLLOWS_THE_LEDGER)
running = partial(replaying.running, without=FOLLOWS_THE_LEDGER)


@cache
def outcome(name: str) -> ReplayOutcome:
    return replay(recording(name))


def few(jobs: int) -> Recording:
    """The first jobs of the churn loop."""
    whole = recording(CHURN)
    answers = [each for each in whole.answers if each["operation"] == "DescribeTrainingJob"][:jobs]
    names = {each["request"]["TrainingJobName"] for each in answers}
    events = [event for event in whole.events if event["detail"].get("TrainingJobName") in names]
    return Recording("few", events, [each for each in whole.answers if any(name in json.dumps(each) for name in names)])


def described(name: str) -> dict[str, dict[str, Any]]:
    answers = recording(name).answers
    return {a["request"]["TrainingJobName"]: a["response"] for a in answers if a["operation"] == "DescribeTrainingJob"}


def test_a_cloud_that_has_ended_is_forgotten() -> None:
    """No thread of its stand-ins waits on: a test run makes hundreds of clouds."""

    def ended() -> ReferenceType[LaptopCloud]:
        with running(few(1)) as (cloud, _):
            for event in few(1).events:
                cloud.deliver(event)
            return ref(cloud)

    cloud, until = ended(), time.monotonic() + 10
    while cloud() is not None and time.monotonic() < until:
        time.sleep(0.05)
        gc.collect()

    assert cloud() is None


def test_every_job_of_the_loop_is_recorded_as_sagemaker_describes_it() -> None:
    lines = {line["job_name"]: line for line in outcome(CHURN).job_lines()}

    assert lines.keys() == described(CHURN).keys()
    for name, answer in described(CHURN).items():
        line = lines[name]
        assert line["final_metrics"] == {each["MetricName"]: each["Value"] for each in answer["FinalMetricDataList"]}
        assert line["hyper_parameters"] == answer["HyperParameters"]
        assert (line["status"], line["billable_seconds"]) == (
            answer["TrainingJobStatus"],
            answer["BillableTimeInSeconds"],
        )
        assert (line["experiment"], line["trial"]) == ("churn-xgb", name)
        assert line["ended_at"] == answer["TrainingEndTime"]


def test_the_loop_is_one_sweep_and_its_best_is_the_true_best() -> None:
    (sweep,) = outcome(CHURN).sweep_lines()
    errors = {
        name: {each["MetricName"]: each["Value"] for each in answer["FinalMetricDataList"]}["validation:error"]
        for name, answer in described(CHURN).items()
    }
    best = min(errors, key=lambda name: errors[name])

    assert sweep["status"] == "closed"
    assert sweep["counts"] == {"completed": 5, "failed": 0, "stopped": 0, "in_progress": 0, "without_objective": 0}
    assert (sweep["best"]["job_name"], sweep["best"]["value"]) == (best, errors[best])


def test_every_component_is_in_its_trial() -> None:
    expected = {name: [f"{name}-aws-training-job"] for name in described(CHURN)}

    assert outcome(CHURN).experiments == {"churn-xgb": expected}


def test_the_tuning_job_and_its_children_share_experiment_trial_and_sweep() -> None:
    lines = outcome(TUNING).job_lines()
    kinds = Counter(line["kind"] for line in lines)
    children = [line for line in lines if line["kind"] == "TrainingJob"]

    assert kinds == {"TrainingJob": 60, "HyperParameterTuningJob": 1}
    assert {(line["experiment"], line["trial"]) for line in lines} == {("churn-xgb", "churn-xgb-261121-0900")}
    assert {line["sweep"] for line in children} == {"churn-xgb-261121-0900"}
    assert len(outcome(TUNING).experiments["churn-xgb"]["churn-xgb-261121-0900"]) == 60


def test_the_tuning_sweep_counts_and_ranks_as_sagemaker_does() -> None:
    (sweep,) = outcome(TUNING).sweep_lines()
    found = next(
        a["response"] for a in recording(TUNING).answers if a["operation"] == "DescribeHyperParameterTuningJob"
    )
    counters = found["TrainingJobStatusCounters"]

    assert sweep["counts"]["completed"] == counters["Completed"]
    assert sweep["counts"]["failed"] == counters["NonRetryableError"]
    assert sweep["counts"]["stopped"] == counters["Stopped"]
    assert sweep["best"]["job_name"] == found["BestTrainingJob"]["TrainingJobName"]
    assert sweep["objective"] == {"metric": "validation:logloss", "type": "Minimize"}


def test_nothing_is_lost_to_a_dead_letter_queue_and_what_no_rule_matches_passes_by() -> None:
    for name in (CHURN, TUNING):
        assert not any(outcome(name).dead_letters.values())
    types = Counter(event["detail-type"] for event in recording(CHURN).events)

    assert types["SageMaker Endpoint State Change"] == 1
    assert outcome(CHURN).passed_by >= 2


def calls(found: ReplayOutcome, function: str, service: str) -> int:
    return sum(number for (by, of, _), number in found.calls.items() if (by, of) == (function, service))


def test_a_persons_own_endpoints_and_profile_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = tmp_path / "config"
    settings.write_text("[profile work]\nendpoint_url = http://localhost:9\n")  # nothing answers there
    named = {
        "AWS_CONFIG_FILE": str(settings),
        "AWS_PROFILE": "work",
        "AWS_ENDPOINT_URL": "http://localhost:9",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://localhost:9",
    }
    for name, value in named.items():
        monkeypatch.setenv(name, value)

    assert len(replay(recording(CHURN)).job_lines()) == 5
    assert {name: os.environ[name] for name in named} == named


@pytest.mark.parametrize(("name", "jobs", "to_record"), [(CHURN, 5, 3), (TUNING, 61, 2)])
def test_a_jobs_whole_life_costs_three_calls_to_attach_and_three_to_record(
    name: str, jobs: int, to_record: int
) -> None:
    """The one Describe at a job's start serves both; a tuning job's child needs none."""
    assert calls(outcome(name), "AttachJob", "sagemaker") <= 3 * jobs
    assert calls(outcome(name), "RecordJob", "sagemaker") <= to_record * jobs


def test_a_second_event_of_a_job_costs_no_call_to_attach() -> None:
    """Twelve events of five jobs come to the attach queue."""
    found = {
        operation: number
        for (by, of, operation), number in outcome(CHURN).calls.items()
        if (by, of) == ("AttachJob", "sagemaker")
    }

    assert found == {"CreateExperiment": 1, "CreateTrial": 5, "AssociateTrialComponent": 5}


def test_final_metrics_carry_the_statistics_of_the_trial_component() -> None:
    recorded = {record.job.name: record.job for record in outcome(CHURN).records}
    answers = [a for a in recording(CHURN).answers if a["operation"] == "DescribeTrialComponent"]
    assert len(answers) == 5
    for answer in answers:
        job = recorded[answer["request"]["TrialComponentName"].removesuffix("-aws-training-job")]
        for summary in answer["response"]["Metrics"]:
            metric = job.metric(summary["MetricName"])
            assert metric is not None
            assert (metric.minimum, metric.maximum, metric.average, metric.count) == (
                summary["Min"],
                summary["Max"],
                summary["Avg"],
                summary["Count"],
            )
            assert metric.value == summary["Last"]


def test_children_of_a_tuning_job_cost_one_associate_call_each() -> None:
    found = {
        operation: number
        for (by, of, operation), number in outcome(TUNING).calls.items()
        if (by, of) == ("AttachJob", "sagemaker")
    }

    assert found == {"CreateExperiment": 1, "CreateTrial": 1, "AssociateTrialComponent": 60}


def bytes_left(found: ReplayOutcome) -> tuple[str, str, str]:
    """What the property is about: the bytes of jobs.jsonl, sweeps.jsonl and experiments.json."""
    return json.dumps(found.job_lines()), json.dumps(found.sweep_lines()), json.dumps(found.experiments)


def is_terminal(event: Event) -> bool:
    return event["detail"].get("TrainingJobStatus") in ("Completed", "Failed", "Stopped")


@settings(max_examples=12)
@given(data=st.data())
def test_order_repetition_and_loss_of_events_do_not_show(data: st.DataObject) -> None:
    """Each job's terminal event stays; the others may be lost, all may be repeated, in any order."""
    events = list(recording(CHURN).events)
    kept = [event for event in events if is_terminal(event) or data.draw(st.booleans())]
    repeated = kept + data.draw(st.lists(st.sampled_from(kept), max_size=6))
    shuffled = data.draw(st.permutations(repeated))

    found = replay(Recording(CHURN, shuffled, recording(CHURN).answers))

    assert bytes_left(found) == bytes_left(outcome(CHURN))
    assert_each_revision_is_announced_finished_once(found)


def assert_each_revision_is_announced_finished_once(found: ReplayOutcome) -> None:
    """And the last one of each sweep with the counts and the best that stand in the ledger."""
    finished = [event["detail"]["sweep"] for event in found.announced if event["detail-type"] == "Sweep Finished"]
    revisions = Counter((sweep["sweep"], sweep["revision"]) for sweep in finished)
    last = {sweep["sweep"]: sweep for sweep in finished}

    assert set(revisions.values()) == {1}
    for sweep in found.sweeps:
        if not sweep.is_single:
            assert last[sweep.id]["revision"] == sweep.revision
            assert last[sweep.id]["counts"]["completed"] == sweep.counts.completed
            assert last[sweep.id]["best"]["job_name"] == sweep.best.job_name  # type: ignore[union-attr]


@settings(max_examples=6)
@given(data=st.data())
def test_lost_events_even_all_of_a_job_are_found_again(data: st.DataObject) -> None:
    events = [event for event in recording(CHURN).events if data.draw(st.booleans())] or [recording(CHURN).events[0]]

    assert bytes_left(replay(Recording(CHURN, events, recording(CHURN).answers))) == bytes_left(outcome(CHURN))


@settings(max_examples=4)
@given(data=st.data())
def test_the_tuning_jobs_lost_events_are_found_again(data: st.DataObject) -> None:
    """Each job's events are lost at random, up to all of them; the tuning job's own too."""
    events = list(recording(TUNING).events)
    odds = data.draw(st.sampled_from([1, 4, 16]))
    kept = [event for event in events if data.draw(st.integers(0, odds)) == 0] or events[:1]
    found = replay(Recording(TUNING, kept, recording(TUNING).answers))

    assert bytes_left(found) == bytes_left(outcome(TUNING))
    assert_each_revision_is_announced_finished_once(found)


def starts_and_ends_of(name: str, jobs: int) -> Recording:
    """The first and last events of the first jobs of a recording that end, and the last of their tuning job."""
    tuning = [event for event in recording(name).events if event["detail"].get("HyperParameterTuningJobStatus")]
    ends = [event for event in recording(name).events if is_terminal(event)][:jobs] + tuning[-1:]
    names = [event["detail"].get("TrainingJobName") or event["detail"]["HyperParameterTuningJobName"] for event in ends]
    starts = [
        event
        for event in recording(name).events
        if event["detail"].get("TrainingJobName") in names and event["detail"].get("SecondaryStatus") == "Starting"
    ]
    events = [*starts, *ends]
    answers = recording(name).answers
    asked = [each for each in answers if any(json.dumps(name) in json.dumps(each["request"]) for name in names)]
    components = [f"{name}-aws-training-job" for name in names]
    statistics = [each for each in answers if each["request"].get("TrialComponentName") in components]
    return Recording("starts and ends", events, [*asked, *statistics])


def nothing(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
    """All is well."""


def late_and_full(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
    """The job's component appears only after the event of its start was delivered, and the trial where it belongs holds fifty."""
    (component,) = sagemaker.experiments.components.values()
    component.appears = cloud.now + timedelta(seconds=60)
    trial = component.name.removesuffix("-aws-training-job")
    sagemaker.experiments.count_job_components = True
    sagemaker.experiments.create_experiment({"ExperimentName": "churn-xgb"})
    sagemaker.experiments.create_trial({"TrialName": trial, "ExperimentName": "churn-xgb"})
    for number in range(50):
        made = {"TrialComponentName": f"by-hand-{number}"}
        sagemaker.experiments.create_trial_component(made)
        sagemaker.experiments.associate_trial_component({**made, "TrialName": trial})


# Few events of few jobs: each of their calls costs a replay.
LIVES: dict[str, tuple[Recording, Any, int]] = {
    "two jobs of a loop": (few(2), nothing, 10),
    "two children and their tuning job": (starts_and_ends_of(TUNING, 2), nothing, 8),
    "a late component and a full trial": (starts_and_ends_of(CHURN, 1), late_and_full, 5),
}


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("function", ["AttachJob", "RecordJob"])
def test_a_process_that_dies_after_any_of_its_calls_changes_nothing(function: str, life: str) -> None:
    """Dies once, after its first call, its second, and so on to the last; the message comes again each time."""
    lived, prepare, least = LIVES[life]
    undisturbed = replay(lived, prepare=prepare)
    total = sum(number for (by, _, _), number in undisturbed.calls.items() if by == function)
    assert total > least
    for dies_at in range(1, total + 1):
        made = count(1)

        def dies(cloud: LaptopCloud, sagemaker: SageMaker, made: Any = made, dies_at: int = dies_at) -> None:
            def after_call(by: str, service: str, operation: str) -> None:
                if by == function and next(made) == dies_at:
                    raise ProcessDied

            prepare(cloud, sagemaker)
            cloud.after_call = after_call

        found = replay(lived, prepare=dies)

        assert found.deaths == 1, dies_at
        assert bytes_left(found) == bytes_left(undisturbed), dies_at
        assert not any(found.dead_letters.values())


def test_the_lives_that_processes_die_in_are_what_their_names_say() -> None:
    children = replay(starts_and_ends_of(TUNING, 2))
    (sweep,) = children.sweep_lines()
    full = replay(starts_and_ends_of(CHURN, 1), prepare=late_and_full)
    (name,) = (line["job_name"] for line in full.job_lines())

    assert Counter(line["kind"] for line in children.job_lines()) == {"TrainingJob": 2, "HyperParameterTuningJob": 1}
    assert (sweep["status"], sweep["counts"]["completed"]) == ("closed", 2)
    assert full.experiments["churn-xgb"][f"{name}-2"] == [f"{name}-aws-training-job"]
    assert len(full.experiments["churn-xgb"][name]) == 50
    assert full.calls["AttachJob", "sqs", "ChangeMessageVisibility"] >= 1


def test_a_malformed_job_event_goes_to_the_dead_letter_queue_and_the_others_go_through() -> None:
    events = list(few(1).events)
    broken = {**events[0], "detail": {**events[0]["detail"], "CreationTime": "yesterday"}}
    with running(few(1)) as (cloud, _):
        for body in ("no JSON", "[]", json.dumps(broken), *map(json.dumps, events)):
            cloud.queues.send("RecordQueue", body)
        cloud.finish()
        dead = cloud.dead_letters()["RecordDeadLetters"]
        recorded = [record.job.status for record in cloud.ledger.jobs()]

    assert sorted(dead) == sorted(["no JSON", "[]", json.dumps(broken)])
    assert recorded == ["Completed"]


def failing(operation: str, code: str, times: int) -> Any:
    """A fault that answers the first calls of an operation with an error."""
    left = count(times, -1)

    def prepare(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
        def faults(called: str, request: dict[str, Any]) -> None:
            if called == operation and next(left) > 0:
                raise ApiError(code, "for a test")

        sagemaker.faults = faults

    return prepare


@pytest.mark.parametrize(
    "operation", ["DescribeTrainingJob", "CreateExperiment", "CreateTrial", "AssociateTrialComponent"]
)
def test_throttled_calls_are_made_again_until_they_go_through(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # botocore's own pauses between its attempts
    found = replay(few(2), prepare=failing(operation, "ThrottlingException", 9))

    assert bytes_left(found) == bytes_left(replay(few(2)))
    assert not any(found.dead_letters.values())


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnknownOperationException"])
def test_if_experiments_refuse_the_ledger_is_complete_and_says_why(code: str) -> None:
    with running(few(2)) as (cloud, sagemaker):
        failing("CreateExperiment", code, 10**9)(cloud, sagemaker)
        for event in few(2).events:
            cloud.deliver(event)
        cloud.finish()
        attachments = list(cloud.ledger.attachments.of(record.key for record in cloud.ledger.jobs()))
        statuses = [record.job.status for record in cloud.ledger.jobs()]

    assert statuses == ["Completed", "Completed"]
    assert all(not each.is_attached and code in str(each.problem) for each in attachments)
    assert len(attachments) == 2


def test_a_job_that_sagemaker_no_longer_knows_is_recorded_from_its_events() -> None:
    found = replay(Recording("events only", few(1).events, ()))
    (line,) = found.job_lines()

    assert (line["status"], line["final_metrics"]) == ("Completed", {})
    assert line["hyper_parameters"] == next(iter(described(CHURN).values()))["HyperParameters"]


def test_full_trials_and_experiments_continue_in_their_next_shard() -> None:
    events = list(few(1).events)
    with running(few(1)) as (cloud, sagemaker):
        sagemaker.experiments.create_experiment({"ExperimentName": "churn-xgb"})
        for number in range(300):
            sagemaker.experiments.create_trial({"TrialName": f"old-{number}", "ExperimentName": "churn-xgb"})
        for event in events:
            cloud.deliver(event)
        cloud.finish()
        standing = sagemaker.experiments.standing()

    name = events[0]["detail"]["TrainingJobName"]
    assert standing["churn-xgb-2"] == {name: [f"{name}-aws-training-job"]}


def test_a_full_trial_continues_in_its_next_shard_and_later_children_go_straight_there() -> None:
    with running(recording(TUNING)) as (cloud, sagemaker):
        sagemaker.experiments.count_job_components = True
        for event in recording(TUNING).events:
            cloud.deliver(event)
        cloud.finish()
        trials = sagemaker.experiments.standing()["churn-xgb"]
        refused = cloud.calls["AttachJob", "sagemaker", "AssociateTrialComponent"]

    assert {trial: len(components) for trial, components in trials.items()} == {
        "churn-xgb-261121-0900": 50,
        "churn-xgb-261121-0900-2": 10,
    }
    assert refused == 60  # the hook counts answered calls; the one that was refused is not among them


def test_a_trial_name_that_another_experiment_has_taken_gets_the_experiments_in_front() -> None:
    name = few(1).events[0]["detail"]["TrainingJobName"]
    with running(few(1)) as (cloud, sagemaker):
        sagemaker.experiments.create_experiment({"ExperimentName": "foreign"})
        sagemaker.experiments.create_trial({"TrialName": name, "ExperimentName": "foreign"})
        for event in few(1).events:
            cloud.deliver(event)
        cloud.finish()
        standing = sagemaker.experiments.standing()

    assert standing["churn-xgb"] == {f"churn-xgb-{name}": [f"{name}-aws-training-job"]}
    assert standing["foreign"] == {name: []}


@pytest.mark.parametrize(("lag", "most_calls"), [(timedelta(seconds=20), 1), (timedelta(minutes=5), 20)])
def test_a_component_that_is_late_is_waited_for_with_growing_delays(lag: timedelta, most_calls: int) -> None:
    """A job's three messages (one is a stale duplicate) wait for it, each by itself: 10 seconds, 20, 40 and so on."""
    with _late(lag) as (cloud, sagemaker):
        made = sagemaker.calls["AssociateTrialComponent"]
        standing = sagemaker.experiments.standing()
        dead = cloud.dead_letters()

    name = few(1).events[0]["detail"]["TrainingJobName"]
    assert standing["churn-xgb"] == {name: [f"{name}-aws-training-job"]}
    assert made <= most_calls
    assert not any(dead.values())


def test_a_component_that_comes_after_forty_minutes_is_found_by_reconcile() -> None:
    with _late(timedelta(hours=5)) as (cloud, _):
        (waiting,) = cloud.ledger.attachments.of(record.key for record in cloud.ledger.jobs())
        cloud.advance(cloud.now + timedelta(hours=6))
        cloud._run("Reconcile")
        (after,) = cloud.ledger.attachments.of(record.key for record in cloud.ledger.jobs())

    assert "did not appear" in str(waiting.problem)
    assert after.is_attached


@contextmanager
def _late(lag: timedelta) -> Iterator[tuple[LaptopCloud, SageMaker]]:
    """A cloud in which the first job's component appears only so long after its creation."""
    with running(few(1)) as (cloud, sagemaker):
        for component in sagemaker.experiments.components.values():
            component.appears += lag - timedelta(seconds=5)
        for event in few(1).events:
            cloud.deliver(event)
        cloud.finish()
        yield cloud, sagemaker


def test_experiments_spelled_in_two_cases_are_one_in_sagemaker_and_in_the_ledger() -> None:
    events = [dict(event) for event in few(2).events]
    first = events[0]["detail"]["TrainingJobName"]
    for event in events:
        spelled = "Churn" if event["detail"]["TrainingJobName"] == first else "churn"
        event["detail"] = {**event["detail"], "Tags": {"trialbook:experiment": spelled}}
    found = replay(Recording("spelled", events, few(2).answers))

    assert len(found.experiments) == 1
    assert [sweep["counts"]["completed"] for sweep in found.sweep_lines()] == [2]


def test_clouds_of_one_process_share_nothing_each_has_the_rules_it_was_started_with() -> None:
    def places(rules: str | None) -> set[str]:
        return {record.experiment for record in replay(few(1), rules=rules).records}

    rule = "rules: [{{name: all, match: {{job: '*'}}, experiment: {0}}}]"

    assert [places(rule.format("one")), places(rule.format("two")), places(None)] == [{"one"}, {"two"}, {"churn-xgb"}]


def test_replays_leave_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_outcome(replay(few(2)), tmp_path / folder)

    for file in ("jobs.jsonl", "sweeps.jsonl", "experiments.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
