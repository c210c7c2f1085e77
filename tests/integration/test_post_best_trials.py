"""The weekly report, through the deployed wiring: what the ledger and the reports say is announced on the bus, once."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.integration.test_announcements import problems
from tests.integration.test_replay import CHURN, few
from tests.relocated import recording
from trialbook.adapters.s3 import Bucket
from trialbook.adapters.sagemaker import SageMaker
from trialbook.core.errors import InvalidInput
from trialbook.core.messages.routing import Defaults
from trialbook.core.times import parse_time
from trialbook.delivery.events_to_messages import Addresses, messages_with_destinations
from trialbook.services import Services
from trialbook_cli.laptop_cloud import LaptopCloud, ProcessDied, Recording
from trialbook_cli.laptop_cloud.schedules import next_week
from trialbook_cli.replaying import running

PRICES = "prices: {ml.m5.xlarge: 0.23, ml.m5.large: 0.115}"
NAME = "PostBestTrials"
OTHERS = ("PostSlack", "PostEmail", "AttachJob", "Reconcile")


def a_week_later(best: float = 0.0381, days: int = 7) -> Recording:
    """The loop again, by other names, its best job with another value: better than all before, unless given otherwise."""
    text = json.dumps([list(recording(CHURN).events), list(recording(CHURN).answers)])
    text = text.replace("2026-11-20", f"2026-11-{20 + days}").replace("0.03959207981824875", f"{best}")
    events, answers = json.loads(text)
    for event in events:
        for name, value in event["detail"].items():
            if name.endswith("Time") and isinstance(value, int):
                event["detail"][name] = value + days * 86_400_000
        for change in event["detail"].get("SecondaryStatusTransitions") or ():
            change.update({key: each + days * 86_400_000 for key, each in change.items() if isinstance(each, int)})
    return Recording("a week later", events, answers)


@contextmanager
def after(*recordings: Recording, rules: str = PRICES) -> Iterator[LaptopCloud]:
    """A cloud in which the recordings have come to their end, and the weekly report when a test says so."""
    events = [event for each in recordings for event in each.events]
    answers = [answer for each in recordings for answer in each.answers]
    with running(Recording("all", events, answers), rules=rules, without=OTHERS) as (cloud, _):
        del cloud.schedules[NAME]
        for event in events:
            cloud.deliver(event)
        cloud.finish()
        yield cloud


def run(cloud: LaptopCloud, moment: str) -> str | None:
    event = {"id": f"schedule/{moment}", "time": moment, "account": "123456789012", "region": "us-east-1", "detail": {}}
    answer = cloud.invoke(NAME, event)
    announcements: str | None = answer["announced"] if answer is not None else "died"
    return announcements


def reports(cloud: LaptopCloud) -> list[Mapping[str, Any]]:
    return [each["detail"] for each in cloud.announced() if each["detail-type"] == "Best Trials"]


def test_each_week_reports_what_ended_and_which_best_is_new() -> None:
    with after(recording(CHURN), a_week_later()) as cloud:
        assert run(cloud, "2026-11-23T08:00:00Z") == "best-trials/2026-11-23"
        calls = Counter(f"{service}.{operation}" for by, service, operation in cloud.calls.elements() if by == NAME)
        assert run(cloud, "2026-11-30T08:00:00Z") == "best-trials/2026-11-30"
        first, second = reports(cloud)

    assert [problems("Best Trials", each) for each in (first, second)] == [[], []]
    assert (first["taken"]["sweeps"], first["taken"]["jobs"]) == (1, 5)
    assert first["since"] == "2026-11-16T08:00:00.000Z"
    assert second["taken"]["jobs"] == 5
    (churn,) = second["experiments"]
    assert (churn["experiment"], churn["is_new"], churn["best"]["value"]) == ("churn-xgb", True, 0.0381)
    assert churn["former"]["job_name"] == "churn-xgb-2026-11-20-10-15-04-760"
    assert churn["taken"]["cost_usd"] > 0
    # sweeps and experiments, and for the one of them: single windows of all its loops, windows of its own, sweeps, ranking
    assert calls["dynamodb.Query"] <= 2 + 4
    assert (calls["s3.GetObject"], calls["events.PutEvents"], calls["dynamodb.PutItem"]) == (1, 1, 2)


def test_a_replay_over_weeks_reports_each_week_without_waiting() -> None:
    """The second loop ends on a Friday: its report would come on the Monday after the recording."""
    weeks = (recording(CHURN), a_week_later())
    events = [event for each in weeks for event in each.events]
    answers = [answer for each in weeks for answer in each.answers]
    with running(Recording("two weeks", events, answers), without=OTHERS) as (cloud, _):
        for event in events:
            cloud.deliver(event)
        cloud.finish()

        (found,) = reports(cloud)

    assert (found["since"], found["until"]) == ("2026-11-16T08:00:00.000Z", "2026-11-23T08:00:00.000Z")


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("cron(0 8 ? * MON *)", "2026-11-20T10:00:00Z", "2026-11-23T08:00:00Z"),
        ("cron(0 8 ? * MON *)", "2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"),
        ("cron(0 8 ? * MON *)", "2026-11-23T08:00:00Z", "2026-11-30T08:00:00Z"),
        ("cron(30 17 ? * FRI *)", "2026-11-20T10:00:00Z", "2026-11-20T17:30:00Z"),
    ],
)
def test_the_schedule_says_when_the_next_week_ends(expression: str, after: str, expected: str) -> None:
    moment = parse_time(after, "after")
    assert moment is not None

    assert next_week(expression, moment) == parse_time(expected, "expected")


def test_a_schedule_that_is_not_weekly_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"Schedule is 'rate\(1 day\)', expected a weekly one"):
        next_week("rate(1 day)", datetime(2026, 11, 20, tzinfo=UTC))


def test_a_week_in_which_nothing_ended_is_silent() -> None:
    with after(recording(CHURN)) as cloud:
        run(cloud, "2026-11-23T08:00:00Z")

        assert run(cloud, "2026-11-30T08:00:00Z") is None
        assert len(reports(cloud)) == 1


def test_a_repeat_reports_the_same_again_and_nothing_for_the_past() -> None:
    with after(recording(CHURN)) as cloud:
        found = [
            run(cloud, moment) for moment in ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z", "2026-11-16T08:00:00Z")
        ]
        first, again = reports(cloud)

    assert found == ["best-trials/2026-11-23", "best-trials/2026-11-23", None]
    assert _but_cause(first) == _but_cause(again)


def test_a_death_after_any_call_changes_nothing_once_the_run_came_again() -> None:
    moment, dead = "2026-11-23T08:00:00Z", 0
    with after(recording(CHURN)) as cloud:
        run(cloud, moment)
        (expected,) = reports(cloud)
        before = cloud.ledger.notes.get("best-trials")
        while True:
            cloud.ledger.notes.put("best-trials", json.dumps({"since": "2026-11-09", "until": expected["since"]}))
            left = iter([*(False for _ in range(dead)), True])

            def after_call(by: str, service: str, operation: str, left: Iterator[bool] = left) -> None:
                if next(left, False):
                    raise ProcessDied

            cloud.after_call = after_call
            died = run(cloud, moment) == "died"
            cloud.after_call = None
            if not died:
                break
            dead += 1
            assert run(cloud, moment) == expected["id"], dead

        assert dead > 5
        assert cloud.ledger.notes.get("best-trials") == before
        assert [_but_cause(each) for each in reports(cloud)] == [_but_cause(expected)] * len(reports(cloud))


def _but_cause(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in detail.items() if key != "correlation_id"}


def test_a_single_job_counts_with_what_it_cost() -> None:
    with after(few(1)) as cloud:
        run(cloud, "2026-11-23T08:00:00Z")
        (found,) = reports(cloud)

    assert (found["taken"]["sweeps"], found["taken"]["jobs"], found["taken"]["unpriced_jobs"]) == (0, 1, 0)
    assert found["taken"]["cost_usd"] > 0
    assert found["experiments"][0]["best"]["job_name"] == few(1).events[0]["detail"]["TrainingJobName"]


def test_the_message_says_what_the_ledger_keeps_and_nothing_of_a_forged_event() -> None:
    with after(recording(CHURN)) as cloud:
        run(cloud, "2026-11-23T08:00:00Z")
        (whole,) = [each for each in cloud.announced() if each["detail-type"] == "Best Trials"]
        services, bucket = Services(cloud.ledger, lambda account, region: cast(SageMaker, None)), cast(Bucket, None)
        forged = json.loads(json.dumps(whole).replace("churn-xgb", "pay-me"))
        never = {**whole, "detail": {**whole["detail"], "id": "best-trials/2031-01-01"}}
        other = {**whole, "detail": {**whole["detail"], "id": "reconcile/123456789012/us-east-1/TrainingJob"}}
        made = [
            messages_with_destinations(each, services, bucket, Addresses(Defaults()))
            for each in (whole, forged, never, other)
        ]

    assert [[message for message, _ in each] for each in made[:1]] == [[message for message, _ in made[1]]]
    assert "churn-xgb" in made[0][0][0].subject
    assert made[2:] == [(), ()]
