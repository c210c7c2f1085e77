"""write_mlflow through the deployed wiring, against a small MLflow that sees and disturbs each request: one run for each
job and one for each sweep, whatever repeats, dies, fails or is deleted."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.test_replay import CHURN, few
from tests.launching import at, launched, training
from tests.mlflow.stand_in import Refusal, StandIn, serving
from tests.relocated import recording
from trialbook.core.mlflow_runs import KEY_TAG, PARENT_TAG
from trialbook.core.times import iso
from trialbook_cli.laptop_cloud import LaptopCloud, ProcessDied, Recording
from trialbook_cli.replaying import running

OTHERS = ("AttachJob", "CaptureJob", "Reconcile", "PostSlack", "PostEmail", "PostBestTrials")
NAME = "WriteMlflow"
QUEUE = "MlflowQueue"
TYPES = ("Job Changed", "Sweep Started", "Sweep Progressed", "Sweep Finished", "Report Ready")


@contextmanager
def written(recorded: Recording, rules: str | None = None, **parameters: str) -> Iterator[tuple[LaptopCloud, StandIn]]:
    """A recording that was replayed to its end, and what MLflow holds."""
    with (
        serving(StandIn()) as mlflow,
        running(recorded, without=OTHERS, rules=rules, parameters={"MlflowUrl": mlflow.url, **parameters}) as (
            cloud,
            _,
        ),
    ):
        play(cloud, recorded)
        yield cloud, mlflow


def play(cloud: LaptopCloud, recorded: Recording) -> None:
    for event in recorded.events:
        cloud.deliver(event)
    cloud.finish()


@contextmanager
def to_write(recorded: Recording) -> Iterator[tuple[LaptopCloud, Sequence[Mapping[str, Any]]]]:
    """A cloud in which all is recorded, and the events for MLflow that follow from it."""
    with written(recorded) as (cloud, _):
        yield cloud, [each for each in cloud.announced() if each["detail-type"] in TYPES]


@contextmanager
def anew(cloud: LaptopCloud) -> Iterator[StandIn]:
    """An empty MLflow, to which the cloud writes for the block."""
    with serving(StandIn()) as mlflow:
        cloud.functions[NAME].environment["MLFLOW_SERVER"] = mlflow.url
        cloud.functions[NAME].forget()
        yield mlflow


def parents(mlflow: StandIn) -> list[dict[str, Any]]:
    return [run for run in mlflow.active() if PARENT_TAG not in mlflow.tags(run)]


def children(mlflow: StandIn) -> list[dict[str, Any]]:
    return [run for run in mlflow.active() if PARENT_TAG in mlflow.tags(run)]


def standing(mlflow: StandIn, cloud: LaptopCloud) -> None:
    """Exactly one run for each job and for each sweep, each under its parent, none of them running."""
    jobs, sweeps = list(cloud.ledger.jobs()), [each for each in cloud.ledger.sweeps() if each.superseded_by is None]
    keys = Counter(mlflow.tags(run)[KEY_TAG] for run in mlflow.active())
    by_sweep = {
        mlflow.tags(run)["trialbook.sweep"]: run["info"]["run_id"]
        for run in parents(mlflow)
        if "trialbook.kind" in mlflow.tags(run)
    }

    assert set(keys.values()) == {1}
    assert {run["info"]["run_name"] for run in mlflow.active()} == {each.job.name for each in jobs} | {
        s.id for s in sweeps
    }
    assert by_sweep.keys() == {each.id for each in sweeps}
    in_sweep = {each.job.name: by_sweep.get(each.sweep or "") for each in jobs}
    assert {run["info"]["run_name"]: mlflow.tags(run)[PARENT_TAG] for run in children(mlflow)} == {
        name: parent for name, parent in in_sweep.items() if parent
    }
    assert {run["info"]["status"] for run in mlflow.active()} <= {"FINISHED", "FAILED", "KILLED"}
    assert cloud.dead_letters()["MlflowDeadLetters"] == []


@pytest.mark.parametrize(("name", "jobs"), [(CHURN, 5)])
def test_a_recording_becomes_a_parent_with_a_run_for_each_job(name: str, jobs: int) -> None:
    with written(recording(name)) as (cloud, mlflow):
        standing(mlflow, cloud)
        (parent,) = parents(mlflow)
        (sweep,) = cloud.ledger.sweeps()
        best = next(run for run in children(mlflow) if sweep.best and run["info"]["run_name"] == sweep.best.job_name)
        per_run = Counter(path for _, path, _ in mlflow.requests)

    assert len(children(mlflow)) == jobs
    assert mlflow.tags(parent)["trialbook.best_run"] == best["info"]["run_id"]
    assert [each["info"]["source_run_id"] for each in mlflow.models.values()] == [best["info"]["run_id"]]
    assert [each["info"]["status"] for each in mlflow.models.values()] == ["LOGGED_MODEL_READY"]
    assert sorted(path.rpartition("/")[2] for path in mlflow.files) == ["chart.png", "report.html"]
    curve = [each["value"] for each in parent["data"]["metrics"]]
    assert curve[-1] == sweep.best.value  # type: ignore[union-attr]
    assert per_run["experiments/get-by-name"] == per_run["experiments/create"] == 1
    assert per_run["runs/create"] == jobs + 1
    assert per_run["runs/log-inputs"] == jobs
    assert per_run["runs/update"] == jobs + 1
    assert per_run["runs/log-batch"] <= jobs + 3  # the first job's parent, the sweep's curve and its end
    assert per_run["logged-models/search"] == per_run["runs/search"] == per_run["runs/get"] == 0
    assert cloud.calls[NAME, "dynamodb", "GetItem"] <= 10 * jobs


def test_a_running_job_has_a_run_that_says_what_it_tries() -> None:
    whole = few(2)
    with (
        serving(StandIn()) as mlflow,
        running(whole, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        cloud.deliver(whole.events[0])
        cloud.advance(cloud.now + timedelta(seconds=40))

        (run,) = mlflow.active()
        assert (run["info"]["status"], run["data"]["params"]) == ("RUNNING", [])
        assert "min\\_child\\_weight = " in mlflow.tags(run)["mlflow.note.content"]
        assert mlflow.models == {}  # though SageMaker names the place where one will be


def test_a_death_after_a_run_was_noted_costs_no_request() -> None:
    whole = few(1)
    with (
        serving(StandIn()) as mlflow,
        running(whole, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        writes = count(1)

        def dies_after_the_second(by: str, service: str, operation: str) -> None:
            if (by, operation) == (NAME, "PutItem") and next(writes) == 2:
                raise ProcessDied

        cloud.after_call = dies_after_the_second
        cloud.deliver(whole.events[0])
        cloud.advance(cloud.now + timedelta(minutes=2))

        assert cloud.died == 1
        assert [path for _, path, _ in mlflow.requests if path.startswith("runs/")] == ["runs/create"]


def test_a_single_job_has_a_run_without_a_parent() -> None:
    with written(few(1)) as (cloud, mlflow):
        (run,) = mlflow.active()
        (record,) = cloud.ledger.jobs()

    assert PARENT_TAG not in mlflow.tags(run)
    assert len(mlflow.models) == 1
    assert run["info"]["end_time"] == round(record.job.ended_at.timestamp() * 1000)  # type: ignore[union-attr]


def requests_of(mlflow: StandIn) -> int:
    return len(mlflow.requests)


def test_events_that_come_again_change_nothing_and_ask_mlflow_nothing() -> None:
    with written(few(3)) as (cloud, mlflow):
        before = json.dumps(mlflow.runs), requests_of(mlflow)
        for event in [each for each in cloud.announced() if each["detail-type"] in TYPES] * 2:
            cloud.put_message(QUEUE, event)
        cloud.finish()

        assert (json.dumps(mlflow.runs), requests_of(mlflow)) == before


@settings(max_examples=3)
@given(st.data())
def test_any_order_and_any_repeats_give_the_same_runs(data: st.DataObject) -> None:
    with to_write(few(3)) as (cloud, events), anew(cloud) as mlflow:
        repeated = [*events, *data.draw(st.lists(st.sampled_from(events), max_size=5))]
        for event in data.draw(st.permutations(repeated)):
            cloud.put_message(QUEUE, event)
        cloud.finish()
        # Whichever came last: the sweep's end goes through all of its jobs.
        standing(mlflow, cloud)


class Death:
    """Kills the function before or after one of its steps: a call of AWS or a request to MLflow."""

    def __init__(self, cloud: LaptopCloud, mlflow: StandIn, dies_at: int) -> None:
        self.steps, self.dies_at, self.died = count(1), dies_at, False
        cloud.before_call = lambda by, *_: self.step(by, ProcessDied)
        cloud.after_call = lambda by, *_: self.step(by, ProcessDied)
        mlflow.before = mlflow.after = lambda *_: self.step(NAME, TimeoutError)

    def step(self, by: str, error: type[BaseException]) -> None:
        if by == NAME and next(self.steps) == self.dies_at:
            self.died = True
            raise error


def test_after_a_death_no_run_is_left_running_for_a_minute() -> None:
    """The queue would hide the messages of the batch for six minutes, and a claim of the usual length the run for one."""
    with to_write(few(2)) as (cloud, events):
        of_jobs = [each for each in events if each["detail-type"] == "Job Changed"]  # those of sweeps repair jobs too
        for dies_at in (3, 11, 19, 30):
            with anew(cloud) as mlflow:
                death = Death(cloud, mlflow, dies_at)
                for event in of_jobs:
                    cloud.put_message(QUEUE, event)
                cloud.advance(cloud.now + timedelta(minutes=1))

                assert death.died
                standing(mlflow, cloud)
                cloud.finish()


def test_an_experiment_that_was_recreated_under_its_name_gets_the_runs_that_follow() -> None:
    whole = few(2)
    with (
        serving(StandIn()) as mlflow,
        running(whole, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        cloud.deliver(whole.events[0])
        cloud.advance(cloud.now + timedelta(seconds=40))
        mlflow.experiments.clear()
        mlflow.runs.clear()
        mlflow.experiments["7"] = {"experiment_id": "7", "name": "churn-xgb", "lifecycle_stage": "active"}
        cloud.functions[NAME].forget()
        for event in whole.events[1:]:
            cloud.deliver(event)
        cloud.finish()

        assert {run["info"]["experiment_id"] for run in mlflow.active()} == {"7"}
        assert len(mlflow.active()) == 2  # the second job and the sweep: what somebody deleted stays deleted
        assert cloud.dead_letters()["MlflowDeadLetters"] == []


@pytest.mark.long
def test_a_death_before_or_after_any_call_leaves_one_run_each() -> None:
    with to_write(few(2)) as (cloud, events):
        for dies_at in count(1, 9):
            with anew(cloud) as mlflow:
                death = Death(cloud, mlflow, dies_at)
                for event in events:
                    cloud.put_message(QUEUE, event)
                cloud.finish()
                cloud.before_call = cloud.after_call = None
                mlflow.before = mlflow.after = lambda *_: None
                standing(mlflow, cloud)
            if not death.died:
                break

    assert dies_at > 60


def test_a_slow_server_that_makes_a_run_after_all_leaves_one() -> None:
    with to_write(few(2)) as (cloud, events), anew(cloud) as mlflow:
        late: list[dict[str, Any]] = []

        def no_answer(path: str, body: Any) -> None:
            """The run is made only after the next one, which is made since this one can't be found."""
            if path == "runs/create" and len(late) < 1:
                _, run = mlflow.runs.popitem()
                late.append(run)
                raise TimeoutError
            if path == "runs/create" and len(late) == 1:
                run = late[0]
                mlflow.runs[run["info"]["run_id"]] = run
                late.append(run)

        mlflow.after = no_answer
        for event in events:
            cloud.put_message(QUEUE, event)
        cloud.finish()

        standing(mlflow, cloud)
        assert len(mlflow.runs) == 4  # two jobs, their parent, and the one that was deleted


def down(path: str, body: Any) -> None:
    raise TimeoutError


def throttling(path: str, body: Any) -> None:
    raise Refusal(429, "REQUEST_LIMIT_EXCEEDED")


def refusing(path: str, body: Any) -> None:
    raise Refusal(403, "PERMISSION_DENIED")


@pytest.mark.parametrize("trouble", [down, throttling, refusing])
def test_a_day_of_trouble_loses_nothing_and_nothing_else_is_late(trouble: Any) -> None:
    whole = few(3)
    with (
        serving(StandIn()) as mlflow,
        running(whole, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        mlflow.before = trouble
        for event in whole.events:
            cloud.deliver(event)
        cloud.advance(cloud.now + timedelta(hours=24))
        (sweep,) = cloud.ledger.sweeps()
        assert sweep.counts.completed == 3
        assert any(key.endswith("report.html") for key, _ in cloud.stored())
        assert mlflow.active() == []

        mlflow.before = lambda *_: None
        cloud.finish()
        standing(mlflow, cloud)


def test_nonsense_is_no_answer() -> None:
    with to_write(few(2)) as (cloud, events), anew(cloud) as mlflow:
        own, left = mlflow.answer, count(8, -1)

        def answer(*given: Any) -> Any:
            return (200, b"<html>log in</html>") if next(left) > 0 else own(*given)

        mlflow.answer = answer  # type: ignore[method-assign, assignment]
        for event in events:
            cloud.put_message(QUEUE, event)
        cloud.finish()

        standing(mlflow, cloud)


@pytest.mark.parametrize("deleted", ["run", "experiment"])
def test_deleted_runs_stay_deleted_and_are_not_retried_for_ever(deleted: str) -> None:
    whole = few(2)
    with (
        serving(StandIn()) as mlflow,
        running(whole, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        cloud.deliver(whole.events[0])
        cloud.advance(cloud.now + timedelta(seconds=40))
        (run,) = mlflow.active()
        what = run["info"] if deleted == "run" else mlflow.experiments[run["info"]["experiment_id"]]
        what["lifecycle_stage"] = "deleted"
        if deleted == "experiment":
            run["info"]["lifecycle_stage"] = "deleted"
        for event in whole.events[1:]:
            cloud.deliver(event)
        cloud.finish()

        names = {each["info"]["run_name"] for each in mlflow.active()}
        assert run["info"]["run_name"] not in names
        assert len(names) == (2 if deleted == "run" else 0)  # the other job and the sweep
        assert cloud.dead_letters()["MlflowDeadLetters"] == []
        asked = len(mlflow.requests)
        cloud.advance(cloud.now + timedelta(days=1))
        assert len(mlflow.requests) == asked


ONE, OTHER = "net-2026-11-20-09-00-00-001", "net-2026-11-20-09-01-00-001"


def of_two(**fields: Any) -> Recording:
    return launched([training(name, n, n + 5, {"lr": f"0.{n + 1}"}, **fields) for n, name in enumerate((ONE, OTHER))])


def own_run(mlflow: StandIn, tag: str = "mine", value: str = "1") -> str:
    """A run that training code made by itself; its job died before it ended."""
    experiment = mlflow._create_experiment({"name": "net"})["experiment_id"]
    tags = [{"key": tag, "value": value}]
    made = mlflow._create({"experiment_id": experiment, "run_name": "by hand", "start_time": 1, "tags": tags})
    return str(made["run"]["info"]["run_id"])


@pytest.mark.parametrize("by", ["MlflowDetails", "tag"])
def test_a_run_that_the_job_made_itself_is_adopted_and_ended(by: str) -> None:
    rules = "mlflow: {job_tag: job}"
    with serving(StandIn()) as mlflow:
        run_id = own_run(mlflow, "job", OTHER)
        details: dict[str, Any] = (
            {"MlflowDetails": {"MlflowRunId": run_id, "MlflowExperimentId": "1"}} if by == "MlflowDetails" else {}
        )
        recorded = launched([training(ONE, 0, 5, {"lr": "0.1"}), training(OTHER, 1, 6, {"lr": "0.2"}, **details)])
        parameters = {"MlflowUrl": mlflow.url}
        with running(recorded, without=OTHERS, rules=None if details else rules, parameters=parameters) as (cloud, _):
            play(cloud, recorded)
        own, tags = mlflow.runs[run_id], mlflow.tags(mlflow.runs[run_id])

    assert len(mlflow.active()) == 3  # two jobs and their parent
    assert (own["info"]["run_name"], own["info"]["status"], own["data"]["params"]) == ("by hand", "FINISHED", [])
    assert tags["sagemaker.job_name"] == OTHER
    assert tags[PARENT_TAG] == parents(mlflow)[0]["info"]["run_id"]
    assert "mlflow.note.content" not in tags


def test_rules_choose_which_experiments_go_and_what_they_are_called() -> None:
    with written(of_two(), "mlflow: {experiments: ['n*'], prefix: 'sm/'}") as (_, mlflow):
        assert [each["name"] for each in mlflow.experiments.values()] == ["sm/net"]
    with written(of_two(), "mlflow: {except: ['n*']}") as (_, mlflow):
        assert (mlflow.requests, mlflow.runs) == ([], {})


def test_a_name_that_mlflow_refuses_and_numbers_that_it_spoils_cost_nothing_else() -> None:
    final = [{"MetricName": "auc@5", "Value": 0.5, "Timestamp": iso(at(5))}, {"MetricName": "loss", "Value": "NaN"}]
    given = {f"p,{n}": str(n) for n in range(130)}
    recorded = launched([training(ONE, 0, 5, given, FinalMetricDataList=final)])
    with written(recorded) as (_, mlflow):
        (run,) = mlflow.active()
        tags = mlflow.tags(run)

    assert {each["key"] for each in run["data"]["metrics"]} <= {"auc_at_5", "auc_at_5.min", "auc_at_5.max"}
    assert len(run["data"]["params"]) == 130
    assert json.loads(tags["trialbook.renamed_params"])["p_7"] == "p,7"
    assert json.loads(tags["trialbook.not_finite"]) == {"loss": "NaN"}


def test_a_parameter_that_is_there_with_another_value_costs_no_other() -> None:
    def others_first(path: str, body: Any) -> None:
        if path == "runs/create":
            run = list(mlflow.runs.values())[-1]
            run["data"]["params"] = [{"key": "lr", "value": "9"}]

    recorded = launched([training(ONE, 0, 5, {"lr": "0.1", "depth": "3"})])
    with (
        serving(StandIn()) as mlflow,
        running(recorded, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        mlflow.after = others_first
        play(cloud, recorded)
        (run,) = mlflow.active()

    assert {each["key"]: each["value"] for each in run["data"]["params"]} == {"lr": "9", "depth": "3"}
    assert mlflow.tags(run)["trialbook.refused_params"] == "lr"
    assert run["info"]["status"] == "FINISHED"


def test_a_parameter_that_is_too_long_for_an_old_server_is_cut() -> None:
    recorded = launched([training(ONE, 0, 5, {"columns": "x," * 400, "depth": "3"})])
    with (
        serving(StandIn()) as mlflow,
        running(recorded, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        mlflow.longest_param = 500
        play(cloud, recorded)
        (run,) = mlflow.active()

    assert {each["key"]: each["value"] for each in run["data"]["params"]} == {"columns": "x," * 125, "depth": "3"}
    assert mlflow.tags(run)["trialbook.cut_params"] == "columns"
    assert "trialbook.refused_params" not in mlflow.tags(run)


def test_a_report_that_is_too_large_for_the_proxy_costs_nothing_else() -> None:
    whole = few(2)
    with (
        serving(StandIn()) as mlflow,
        running(whole, without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        mlflow.largest_file = 200_000
        play(cloud, whole)
        standing(mlflow, cloud)
        asked = len(mlflow.requests)
        cloud.advance(cloud.now + timedelta(days=1))

        assert [path.rpartition("/")[2] for path in mlflow.files] == ["chart.png"]
        assert len(mlflow.requests) == asked


def test_a_store_that_refuses_reports_costs_no_run() -> None:
    """The bucket of an MLflow App, whose policy the function's role is not in."""
    whole = few(2)
    with (
        serving(StandIn("s3://nobodys-bucket/artifacts")) as mlflow,
        running(
            whole,
            without=OTHERS,
            parameters={"MlflowUrl": mlflow.url, "MlflowArtifactStore": "nobodys-bucket/artifacts"},
        ) as (cloud, _),
    ):
        for event in whole.events:
            cloud.deliver(event)
        cloud.advance(cloud.now + timedelta(hours=2))

        standing(mlflow, cloud)


def test_windows_that_merge_leave_one_parent() -> None:
    from tests.integration.test_privileges import of_two_loops, that_bridges_two_windows

    for recorded, wanted in ((that_bridges_two_windows(with_events=3), 1), (of_two_loops(), 2)):
        with written(recorded) as (cloud, mlflow):
            standing(mlflow, cloud)
            assert len(parents(mlflow)) == wanted


def test_a_job_that_comes_late_opens_its_sweep_and_closes_it_again() -> None:
    whole = few(3)
    late = [
        each
        for each in whole.events
        if each["detail"]["TrainingJobName"] == whole.events[-1]["detail"]["TrainingJobName"]
    ]
    first = [each for each in whole.events if each not in late]
    with written(dataclasses.replace(whole, events=first)) as (cloud, mlflow):
        for event in late:
            cloud.deliver(event)
        cloud.finish()
        standing(mlflow, cloud)
        (parent,) = parents(mlflow)

        assert len(children(mlflow)) == 3
        assert mlflow.tags(parent)["trialbook.revision"] == "2"


def test_messages_link_to_the_run_and_the_run_to_the_report() -> None:
    parameters = {"MlflowPages": "https://mlflow.example.com/ui", "ReportLinks": "on", "EmailTo": "team@example.com"}
    others = tuple(each for each in OTHERS if each not in ("PostSlack", "PostEmail"))
    with serving(StandIn()) as mlflow:
        parameters["MlflowUrl"] = mlflow.url
        with running(few(2), without=others, parameters=parameters) as (cloud, _):
            play(cloud, few(2))
            said = json.dumps([request for _, request in cloud.slack.calls])
            (parent,) = parents(mlflow)
            page = f"https://mlflow.example.com/ui/#/experiments/1/runs/{parent['info']['run_id']}"

            assert page in said
            assert "/reports/" in mlflow.tags(parent)["mlflow.note.content"]
            (report,) = {
                content for key, content in cloud.stored() if key.endswith("report.html") and "experiments" not in key
            }
            assert page in report.decode()
            assert any(page in mail.decode(errors="replace").replace("=\r\n", "") for mail in cloud.mails())


def test_a_malformed_event_goes_to_the_dead_letter_queue_and_harms_no_other() -> None:
    with to_write(few(2)) as (cloud, events), anew(cloud) as mlflow:
        for event in ({"detail-type": "Job Changed", "detail": {"id": "x", "job": {"kind": 3}}}, *events):
            cloud.put_message(QUEUE, event)
        cloud.finish()

        assert len(cloud.dead_letters()["MlflowDeadLetters"]) == 1
        assert len(mlflow.active()) == 3
