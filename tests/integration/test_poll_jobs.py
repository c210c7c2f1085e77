"""Jobs of SageMaker's Jobs API, of which no events tell: found by their lists, then recorded as others are."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from tests.launching import at, launched, of_category, training
from tests.mlflow.stand_in import StandIn, serving
from tests.relocated import HERE
from trialbook.adapters.sagemaker import SageMaker as SageMakerApi
from trialbook.core.jobs import JobKind
from trialbook.core.kinds import POLLED
from trialbook.services import Services
from trialbook_book.folder import open_folder
from trialbook_cli import replaying
from trialbook_cli.account_recording import answers_of, events_of
from trialbook_cli.backfilling import Span, backfilled
from trialbook_cli.laptop_cloud import LaptopCloud, Recording
from trialbook_cli.replaying import ReplayOutcome, outcome_of
from trialbook_cli.rules_trial import try_rules
from trialbook_cli.sagemaker_stand_in import ApiError, SageMaker, from_recording, serve
from trialbook_cli.sagemaker_stand_in.request_validation import answer_problems

QUICK = ("BuildReport", "PostSlack", "PostEmail")
RATES = ("1e-5", "3e-5", "1e-4")


class Listed:
    """The times at which lists were asked for, and what the answers have that botocore's shapes do not. With `a_page`,
    lists have at most so many entries on a page."""

    def __init__(self, cloud: LaptopCloud, sagemaker: SageMaker, a_page: int = 100) -> None:
        self.at: list[datetime] = []
        self.problems: list[str] = []
        call = sagemaker.call

        def checked(operation: str, request: dict[str, Any]) -> dict[str, Any]:
            if operation == "ListJobs":
                self.at.append(cloud.now)
                request = {**request, "MaxResults": min(request["MaxResults"], a_page)}
            answer = call(operation, request)
            self.problems.extend(answer_problems(operation, answer))
            return answer

        sagemaker.call = checked  # type: ignore[method-assign]

    @property
    def most_in_a_minute(self) -> int:
        """The most calls within any minute."""
        return max(sum(0 <= (late - early).total_seconds() < 60 for late in self.at) for early in self.at)


def replay(recorded: Recording, *, without: Sequence[str] = QUICK, **parameters: str) -> ReplayOutcome:
    with replaying.running(recorded, parameters=parameters, without=without) as (cloud, sagemaker):
        listed = Listed(cloud, sagemaker)
        passed_by = sum(not cloud.deliver(event) for event in recorded.events)
        cloud.finish()
        assert listed.problems == []
        assert listed.at == [] or listed.most_in_a_minute <= 5
        return outcome_of(cloud, sagemaker, passed_by)


@cache
def loop() -> Recording:
    """Three fine-tunings of an agent that differ in one rate, and a job of each other category."""
    loops = [
        of_category("AgentRFT", f"support-agent-26112009{n}0", n, n + 60, {"training": {"learning_rate": rate}})
        for n, rate in enumerate(RATES)
    ]
    others = [of_category(kind.value, f"one-{kind.value}", 5, 30, tags={"owner": "ada"}) for kind in POLLED[1:]]
    return launched([*loops, *others])


@cache
def found() -> ReplayOutcome:
    return replay(loop())


def test_jobs_of_each_category_are_recorded_with_their_tags() -> None:
    records = {record.job.name: record.job for record in found().records}

    assert Counter(job.key.kind for job in records.values()) == {
        JobKind.AGENT_RFT: 3,
        **dict.fromkeys(POLLED[1:], 1),
    }
    assert {job.status for job in records.values()} == {"Completed"}
    assert records["one-DataTransformation"].tags == {"owner": "ada"}
    assert records["one-DataTransformation"].started_at == at(6)
    assert not any(found().dead_letters.values())


def test_a_loop_of_fine_tunings_is_one_sweep_over_what_its_document_varies() -> None:
    (sweep,) = [each for each in found().sweeps if each.counts.jobs]
    of_sweep = [record.job for record in found().records if record.sweep == sweep.id]

    assert sweep.counts.completed == len(RATES)
    assert sorted(job.hyper_parameters["training.learning_rate"] for job in of_sweep) == sorted(RATES)
    assert {job.hyper_parameters["BaseModel"] for job in of_sweep} == {"openai-reasoning-gpt-oss-20b"}


def test_slack_gets_one_message_of_the_sweep_and_one_of_a_job_that_failed() -> None:
    failed = of_category("DataQualityEvaluation", "quality", 5, 30, status="Failed", FailureReason="No rows")
    recorded = launched([*loop().answers[:3], failed])
    posted = [
        r
        for method, r in replay(recorded, without=("BuildReport", "PostEmail")).slack.calls
        if method == "chat.postMessage"
    ]
    mains = [json.dumps(request) for request in posted if "thread_ts" not in request]

    assert len(mains) == 2
    assert any("No rows" in each and "ata quality job" in each for each in mains)


def test_each_job_is_described_at_its_start_and_its_end_and_never_asked_for_tags() -> None:
    calls = {operation: number for (name, _, operation), number in found().calls.items() if name == "PollJobs"}

    assert calls["DescribeJob"] == 2 * len(loop().answers)
    assert "ListTags" not in calls


@pytest.mark.parametrize("second", [0, 1, 30, 59])
def test_a_job_is_seen_within_70_seconds_of_its_creation_with_at_most_5_lists_a_minute(second: int) -> None:
    recorded = launched([of_category("AgentRFT", "agent", second / 60, 90)])
    with replaying.running(recorded, without=QUICK) as (cloud, sagemaker):
        listed = Listed(cloud, sagemaker)
        cloud.advance(at(second / 60) + timedelta(seconds=70))
        (record,) = cloud.ledger.jobs()
        assert record.job.status == "InProgress"
        cloud.advance(at(90) + timedelta(seconds=70))
        (record,) = cloud.ledger.jobs()
    assert record.job.status == "Completed"
    assert listed.most_in_a_minute <= 5


def test_a_list_of_several_pages_is_read_one_a_minute() -> None:
    """While one is read, jobs on the others end: none is passed over."""
    recorded = launched([of_category("DataTransformation", f"clean-{n}", n / 60, 3 + n / 60) for n in range(7)])
    with replaying.running(recorded, without=QUICK) as (cloud, sagemaker):
        listed = Listed(cloud, sagemaker, a_page=2)
        cloud.advance(at(20))
        records = list(cloud.ledger.jobs())

    assert [record.job.status for record in records] == ["Completed"] * 7
    assert listed.most_in_a_minute <= 5


def test_a_page_that_is_refused_later_is_asked_for_from_the_first_page_again() -> None:
    recorded = launched([of_category("DataTransformation", f"clean-{n}", 0, 5) for n in range(4)])
    refused = iter([True])

    def faults(operation: str, request: dict[str, Any]) -> None:
        if operation == "ListJobs" and "NextToken" in request and next(refused, False):
            raise ApiError("ValidationException", "The token has expired.")

    with replaying.running(recorded, without=QUICK) as (cloud, sagemaker):
        Listed(cloud, sagemaker, a_page=2)
        sagemaker.faults = faults
        cloud.advance(at(20))
        records = list(cloud.ledger.jobs())
    assert [record.job.status for record in records] == ["Completed"] * 4


def tick(cloud: LaptopCloud, moment: datetime) -> Any:
    cloud.advance(moment)
    event = {"id": "tick", "time": moment.isoformat(), "account": cloud.account.id, "region": cloud.account.region}
    return cloud.invoke("PollJobs", event)


def test_a_schedules_event_that_comes_twice_asks_once() -> None:
    recorded = launched([of_category("AgentRFT", "agent", 0, 90)])
    with replaying.running(recorded, without=QUICK) as (cloud, sagemaker):
        tick(cloud, at(1))
        before = sagemaker.calls["ListJobs"]
        tick(cloud, at(1))
        assert sagemaker.calls["ListJobs"] == before > 0


def test_a_throttled_list_is_asked_for_again_only_a_minute_later() -> None:
    recorded = launched([of_category("AgentRFT", "agent", 0, 90)])
    with replaying.running(recorded, without=QUICK) as (cloud, sagemaker):
        listed = Listed(cloud, sagemaker)
        sagemaker.faults = lambda operation, request: throttle(operation)
        cloud.advance(at(2.5))
        assert Counter(listed.at) == dict.fromkeys([at(0), at(1), at(2)], len(POLLED))
        sagemaker.faults = None
        cloud.advance(at(3))
        assert [record.job.name for record in cloud.ledger.jobs()] == ["agent"]


def throttle(operation: str) -> None:
    if operation == "ListJobs":
        raise ApiError("ThrottlingException", "Rate exceeded")


def test_nothing_fails_where_a_region_has_no_jobs_api() -> None:
    def faults(operation: str, request: dict[str, Any]) -> None:
        if operation == "ListJobs":
            raise ApiError("UnknownOperationException", "")

    recorded = launched([training("churn", 0, 5)])
    with replaying.running(recorded, without=QUICK, parameters={"JobsApi": "on"}) as (cloud, sagemaker):
        sagemaker.faults = faults
        done = tick(cloud, at(1))
    assert done["failed"] == ()


def test_without_the_parameter_nobody_asks() -> None:
    outcome = replay(loop(), JobsApi="off")

    assert outcome.records == ()
    assert not any(operation in ("ListJobs", "DescribeJob") for _, _, operation in outcome.calls)


def test_a_job_with_the_tag_to_ignore_it_is_left_out() -> None:
    recorded = launched(
        [of_category("AgentRFT", "mine", 0, 9), of_category("AgentRFT", "no", 0, 9, tags={"trialbook:ignore": ""})]
    )

    assert [record.job.name for record in replay(recorded).records] == ["mine"]


def test_a_job_that_is_being_deleted_has_ended_as_its_transitions_say() -> None:
    deleted = of_category("AgentRFT", "deleted", 0, 9, status="Deleting")
    changes = deleted["response"]["SecondaryStatusTransitions"]
    changes.insert(2, {**changes[2], "Status": "Failed"})
    (record,) = replay(launched([deleted])).records

    assert (record.job.status, record.job.described, record.job.ended_at) == ("Failed", True, at(9))


def test_jobs_of_several_categories_may_have_the_same_name() -> None:
    recorded = launched([of_category(kind.value, "same", 0, 9) for kind in POLLED])

    assert {record.key.kind for record in replay(recorded).records} == set(POLLED)


def test_fine_tunings_are_ranked_by_the_mean_reward_in_their_runs_of_mlflow() -> None:
    mlflow, rewards = StandIn(), (0.2, 0.7, 0.4)
    for number, reward in enumerate(rewards):
        spread = {"rollout/reward/max": 1.0, "rollout/reward/mean": reward, "rollout/turns/mean": 4.0}
        metrics = [{"key": name, "value": value} for name, value in spread.items()]
        info = {"run_id": f"run{number}", "experiment_id": "7"}
        mlflow.runs[f"run{number}"] = {"info": info, "data": {"metrics": metrics}}
    jobs = [
        of_category(
            "AgentRFT",
            f"support-agent-26112009{n}0",
            n,
            n + 9,
            {"rate": rate},
            outcome={"MlflowDetails": {"RunId": f"run{n}"}},
        )
        for n, rate in enumerate(RATES)
    ]
    with serving(mlflow), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ENDPOINT", mlflow.url)
        by_rank = sorted(replay(launched(jobs), MlflowMetrics="on").records, key=lambda record: record.sweep_rank)

    assert [record.value for record in by_rank] == sorted(rewards, reverse=True)
    assert len({record.sweep for record in by_rank}) == 1


def test_record_backfill_and_rules_test_know_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = launched(
        [*loop().answers[:1], of_category("DataTransformation", "clean", 3, 9, tags={"trialbook:ignore": "1"})]
    )
    sagemaker = from_recording(recorded.answers, HERE, lambda: at(60 * 24))
    with serve(sagemaker) as url:
        for service in ("SAGEMAKER", "BEDROCK"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
        session = Session()
        answers = answers_of(session, HERE, at(-60), at(60 * 24), "")
        span = Span(HERE.id, HERE.region, at(-60), at(60 * 24), kinds=POLLED)
        ledger = open_folder(tmp_path, create=True)
        list(backfilled(span, Services(ledger, lambda account, region: SageMakerApi(session, region))))
    rules = tmp_path / "rules.yaml"
    rules.write_text("experiments: {support-agent: {objective: maximize reward}}\n", encoding="utf-8")
    trial = try_rules(Recording("recorded", list(events_of(answers, HERE, at(60 * 24))), answers), rules)

    assert [record.job.name for record in ledger.jobs()] == ["support-agent-2611200900"]
    assert {answer["operation"] for answer in answers} == {"DescribeJob"}
    assert [record.job.name for record in trial.outcome.records] == ["support-agent-2611200900"]
    assert trial.outcome.records[0].key.account == HERE.id
    assert list(trial.left_out) == ["clean"]
