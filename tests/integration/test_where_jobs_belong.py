"""Jobs are reported where they belong from their first event on, through the deployed wiring."""

from collections import Counter
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.test_replay import failing
from tests.launching import launched, training, trial
from trialbook_cli import replaying
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import ReplayOutcome

replay = partial(replaying.replay, without=("BuildReport", "PostEmail"))
ENDS = {"18": 5, "34": 6, "50": 26, "101": 41}
VALUES = {"18": 0.80, "34": 0.83, "50": 0.85, "101": 0.86}


def loop(config: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """A loop of four jobs whose creator put each into a trial of the experiment `backbones`."""
    return [
        training(
            f"resnet-2026-11-20-09-00-0{number}-000",
            number / 60,
            ENDS[depth],
            {"depth": depth},
            value=VALUES[depth],
            ExperimentConfig=config or {"ExperimentName": "backbones", "TrialName": f"depth-{depth}"},
        )
        for number, depth in enumerate(ENDS)
    ]


@cache
def outcome() -> ReplayOutcome:
    return replay(launched(loop()))


def reported(found: ReplayOutcome) -> list[tuple[str, str, dict[str, int]]]:
    """What was announced of sweeps, in order: what, of which experiment, with which counts."""
    details = [(event["detail-type"], event["detail"]) for event in found.announced if "sweep" in event["detail"]]
    return [(kind, shown["sweep"]["experiment"], shown["sweep"]["counts"]) for kind, shown in details]


def test_a_loop_with_an_experiment_config_is_reported_in_its_experiment_from_the_first_event_to_its_only_end() -> None:
    found = reported(outcome())

    assert {experiment for _, experiment, _ in found} == {"backbones"}
    assert [kind for kind, _, _ in found].count("Sweep Started") == 1
    assert [counts["completed"] for kind, _, counts in found if kind == "Sweep Finished"] == [4]
    assert next(message["text"] for message in messages(outcome())).startswith("⏳ backbones")


def messages(found: ReplayOutcome) -> list[dict[str, Any]]:
    return [request for method, request in found.slack.calls if method in ("chat.postMessage", "chat.update")]


def test_its_experiment_and_trials_are_its_creators_and_no_other_is_made() -> None:
    (sweep,) = outcome().sweeps

    assert (sweep.experiment, sweep.counts.completed) == ("backbones", 4)
    assert sweep.best is not None
    assert (round(sweep.best.value, 4), dict(sweep.best.hyper_parameters)) == (0.86, {"depth": "101"})
    assert set(outcome().experiments) == {"backbones"}
    assert set(outcome().experiments["backbones"]) == {"depth-18", "depth-34", "depth-50", "depth-101"}


def calls_of(found: ReplayOutcome) -> Counter[str]:
    """The calls of SageMaker of both queues."""
    return Counter(
        {
            operation: number
            for (by, of, operation), number in found.calls.items()
            if of == "sagemaker" and by in ("AttachJob", "RecordJob")
        }
    )


def test_one_describe_at_a_jobs_start_serves_attaching_and_recording() -> None:
    found = calls_of(replay(launched([training("churn-1", 0, 5, {"eta": "0.1"})])))

    assert found == {
        "DescribeTrainingJob": 2,
        "DescribeTrialComponent": 1,
        "CreateExperiment": 1,
        "CreateTrial": 1,
        "AssociateTrialComponent": 1,
    }


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_no_order_repetition_or_loss_of_events_reports_a_job_elsewhere(data: st.DataObject) -> None:
    whole = launched(loop())
    kept = [event for event in whole.events if data.draw(st.booleans())] or [whole.events[0]]
    events = data.draw(st.permutations(kept + data.draw(st.lists(st.sampled_from(kept), max_size=4))))
    found = replay(Recording("shuffled", events, whole.answers))

    assert {experiment for _, experiment, _ in reported(found)} <= {"backbones"}
    assert {record.experiment for record in found.records} == {"backbones"}
    assert set(found.experiments) == {"backbones"}


def test_a_describe_that_is_throttled_delays_the_record_and_reports_nothing_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # botocore's own pauses between its attempts
    found = replay(launched(loop()), prepare=failing("DescribeTrainingJob", "ThrottlingException", 9))

    assert {experiment for _, experiment, _ in reported(found)} == {"backbones"}
    assert {record.experiment for record in found.records} == {"backbones"}
    assert not any(found.dead_letters.values())


def test_a_late_answer_of_describe_corrects_every_message() -> None:
    found = replay(launched(loop()), prepare=failing("DescribeTrainingJob", "AccessDeniedException", 8))
    sweeps = [sweep for sweep in found.sweeps if sweep.counts.jobs]

    assert [(sweep.experiment, sweep.counts.completed) for sweep in sweeps] == [("backbones", 4)]
    assert all("resnet" not in posted.text for posted in found.slack.messages)


def test_a_trial_named_without_its_experiment_leads_to_that_trials_experiment_looked_up_once() -> None:
    names = ["two", "two", "five"]
    answers = [
        training(f"cnn-17955{number}0000", 6 * number, 6 * number + 5, {"hidden": str(number)}, value=0.9)
        for number in range(3)
    ]
    for answer, name in zip(answers, names, strict=True):
        answer["response"]["ExperimentConfig"] = {"TrialName": f"{name}-channels"}
    found = replay(launched([trial("two-channels", "digits"), trial("five-channels", "digits"), *answers]))

    assert {record.experiment for record in found.records} == {"digits"}
    assert [record.trial for record in found.records] == ["two-channels", "two-channels", "five-channels"]
    assert set(found.experiments) == {"digits"}
    assert {experiment for _, experiment, _ in reported(found)} == {"digits"}
    assert calls_of(found)["DescribeTrial"] == 2
    assert "CreateExperiment" not in calls_of(found)


def test_a_trial_that_sagemaker_does_not_describe_is_still_left_to_it() -> None:
    answer = training("cnn-1", 0, 5, {"hidden": "2"}, ExperimentConfig={"TrialName": "gone"})
    found = replay(launched([answer]))

    assert [(record.experiment, record.trial) for record in found.records] == [("cnn-1", "gone")]
    assert found.experiments == {}
