"""What build_report leaves in the bucket and tells on the bus."""

import json
from collections import Counter
from collections.abc import Mapping
from functools import cache, partial
from itertools import count
from typing import Any

import pytest

from tests.integration.test_replay import CHURN, TUNING, few
from tests.relocated import recording
from trialbook_cli.laptop_cloud import LaptopCloud, ProcessDied, Recording
from trialbook_cli.replaying import ReplayOutcome, replay, running
from trialbook_cli.sagemaker_stand_in import SageMaker

SWEEP = "reports/churn-xgb@20261120T101500.123Z"


@cache
def outcome(name: str) -> ReplayOutcome:
    return replay(recording(name))


def figures(found: ReplayOutcome, folder: str = SWEEP) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(found.reports[f"{folder}/report.json"])
    return loaded


def ready(found: ReplayOutcome) -> list[Mapping[str, Any]]:
    return [event["detail"] for event in found.announced if event["detail-type"] == "Report Ready"]


def pages() -> list[tuple[str, str, ReplayOutcome]]:
    """Each recording's name, the folder of its sweep's report, and what came of it."""
    return [(CHURN, SWEEP, outcome(CHURN)), (TUNING, "reports/churn-xgb-261121-0900", outcome(TUNING))]


def test_a_sweep_gets_its_picture_and_figures_under_stable_keys() -> None:
    found = outcome(CHURN)

    assert found.reports[f"{SWEEP}/chart.png"].startswith(b"\x89PNG")
    assert figures(found)["groups"][0]["best"]["varied"] == {"min_child_weight": 4.0}
    assert not any(found.dead_letters.values())


def test_the_page_says_how_the_objective_was_found() -> None:
    ways = {name: found.reports[f"{folder}/report.html"].decode() for name, folder, found in pages()}

    assert "found among the known metrics" in ways[CHURN]
    assert "set by the tuning job" in ways[TUNING]


def test_report_ready_names_the_files_in_the_bucket() -> None:
    with running(recording(CHURN)) as (cloud, _):
        for event in recording(CHURN).events:
            cloud.deliver(event)
        cloud.finish()
        stored = dict(cloud.stored())
        (announcements,) = [
            each["detail"]["report"] for each in cloud.announced() if each["detail-type"] == "Report Ready"
        ]

    assert {announcements["page"], announcements["picture"], announcements["data"]} <= stored.keys()
    assert json.loads(stored[announcements["data"]])["headline"] == announcements["headline"]
    assert stored[announcements["data"]] == stored[announcements["data"].replace("~revision-1", "")]


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_the_same_recording_gives_the_same_bytes(name: str) -> None:
    again, before = replay(recording(name)), outcome(name)

    assert again.reports == before.reports
    assert again.slack.calls == before.slack.calls


def test_the_best_is_compared_with_the_experiments_former_sweep() -> None:
    """The tuning job ran a day after the loop, in the same experiment, by another metric: nothing to compare. The loop
    run again is compared with the first one."""
    both = Recording(
        "both",
        [*recording(CHURN).events, *recording(TUNING).events],
        [*recording(CHURN).answers, *recording(TUNING).answers],
    )
    found = replay(both)

    against = {each["against"] for each in figures(found, "reports/churn-xgb-261121-0900")["groups"][0]["differences"]}
    assert against == {"runner-up"}
    assert figures(found) == figures(outcome(CHURN))


def test_a_late_job_gives_a_second_revision_also_where_the_first_ones_link_leads() -> None:
    events = list(few(3).events)
    late = events[-1]["detail"]["TrainingJobName"]
    early = [event for event in events if event["detail"]["TrainingJobName"] != late]
    tick = {"source": "test", "time": "2026-11-20T10:40:00Z", "detail": {}}
    after = [event for event in events if event["detail"]["TrainingJobName"] == late]
    with running(Recording("late", [*early, tick, *after], few(3).answers)) as (cloud, _):
        for event in [*early, tick, *after]:
            cloud.deliver(event)
        cloud.finish()
        stored = {
            key: content for key, content in cloud.stored() if key.endswith("report.json") and "experiments" not in key
        }

    jobs = {key.removeprefix(SWEEP): json.loads(content)["counts"]["jobs"] for key, content in stored.items()}
    former = "reports/churn-xgb@20261120T101502.441Z"  # began later, and merged into the one that the late job began
    assert jobs == {
        f"{former}~revision-1/report.json": 2,
        f"{former}/report.json": 3,
        "~revision-2/report.json": 3,
        "/report.json": 3,
    }


def test_the_experiment_and_the_index_are_rebuilt_when_a_sweep_ends() -> None:
    found = outcome(CHURN)
    experiment = json.loads(found.reports["reports/experiments/churn-xgb/report.json"])

    assert experiment["champion"]["job_name"] == figures(found)["groups"][0]["best"]["job_name"]
    assert b'href="experiments/churn-xgb/report.html"' in found.reports["reports/index.html"]
    assert (
        b'href="../../churn-xgb%4020261120T101500.123Z/report.html"'
        in (found.reports["reports/experiments/churn-xgb/report.html"])
    )


def test_a_process_that_dies_after_any_of_its_calls_changes_nothing() -> None:
    quick = partial(replay, few(2), without=("PostSlack", "PostEmail", "PostBestTrials"))
    undisturbed = quick()
    total = sum(number for (by, _, _), number in undisturbed.calls.items() if by == "BuildReport")
    for dies_at in range(1, total + 1):
        made = count(1)

        def dies(cloud: LaptopCloud, sagemaker: SageMaker, made: Any = made, dies_at: int = dies_at) -> None:
            def after_call(by: str, service: str, operation: str) -> None:
                if by == "BuildReport" and next(made) == dies_at:
                    raise ProcessDied

            cloud.after_call = after_call

        found = quick(prepare=dies)

        assert found.deaths == 1, dies_at
        assert found.reports == undisturbed.reports, dies_at
        assert {each["id"] for each in ready(found)} == {each["id"] for each in ready(undisturbed)}, dies_at


def test_a_report_costs_few_requests() -> None:
    calls = Counter(
        {
            f"{service}.{operation}": n
            for (by, service, operation), n in outcome(TUNING).calls.items()
            if by == "BuildReport"
        }
    )

    assert calls["dynamodb.GetItem"] == 1
    assert calls["dynamodb.Query"] <= 6
    assert calls["dynamodb.PutItem"] == 1
    assert calls["events.PutEvents"] == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"detail-type": "Sweep Started", "detail": {}}, "detail-type is 'Sweep Started', expected Sweep Finished"),
        ({"detail-type": "Sweep Finished", "detail": {}}, "detail.sweep.sweep is None, expected the id of a sweep"),
    ],
)
def test_an_event_of_no_finished_sweep_goes_to_the_dead_letter_queue(body: dict[str, Any], expected: str) -> None:
    with running(few(1)) as (cloud, _):
        cloud.put_message("ReportQueue", body)
        invoked = cloud.functions["BuildReport"].invocations
        cloud.finish()

        (waiting,) = cloud.dead_letters()["ReportDeadLetters"]
        assert cloud.functions["BuildReport"].invocations - invoked <= 1, "it went there at once"
    assert json.loads(waiting) == body


def test_the_rules_prices_are_what_reports_and_lines_cost_by() -> None:
    found = replay(recording(CHURN), rules="prices: {ml.m5.xlarge: 0.23}")
    jobs, (sweep,) = found.job_lines(), found.sweep_lines()
    expected = sum(job["billable_seconds"] for job in jobs) / 3600 * 0.23

    assert sweep["cost_usd"] == pytest.approx(expected)
    assert sum(job["cost_usd"] for job in jobs) == pytest.approx(expected)
    assert figures(found)["cost"]["all"]["cost_usd"] == pytest.approx(expected)
