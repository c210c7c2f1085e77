"""Jobs of pipelines stand in the pipeline's experiment and the execution's trial, however their events come."""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.launching import execution_event, launched, step_event, training
from trialbook_cli import replaying
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import ReplayOutcome

replay = partial(replaying.replay, without=("BuildReport", "PostSlack", "PostEmail"))
EXECUTIONS = ("ctd6lgoe9v0a", "k2vn0c7dw1xx")
NAMES = {"own": "pipelines-{}-Train-ssFiEMAL{}h", "custom prefix": "ChurnTrain-{}-kPXa4yBq9{}-0"}


def retrained(naming: str, *, steps: bool = True, executions: bool = True) -> Recording:
    """Two executions of a pipeline without an experiment, each with one training step."""
    names = [NAMES[naming].format(execution, number) for number, execution in enumerate(EXECUTIONS)]
    jobs = [training(name, 60 * n + 2, 60 * n + 18, {"eta": f"0.{n + 1}"}) for n, name in enumerate(names)]
    found = []
    for n, (execution, name) in enumerate(zip(EXECUTIONS, names, strict=True)):
        if executions:
            found += [execution_event("ChurnPipeline", execution, 60 * n)]
            found += [execution_event("ChurnPipeline", execution, 60 * n + 25, "Succeeded")]
        if steps:
            found += [step_event("ChurnPipeline", execution, 60 * n + 2, name)]
    return launched(jobs, found)


@cache
def outcome(naming: str) -> ReplayOutcome:
    return replay(retrained(naming))


def trials(found: ReplayOutcome) -> list[tuple[str, str]]:
    return [(each.experiment, each.trial) for each in found.records if each.key.kind == "TrainingJob"]


EXPECTED = [("churnpipeline", execution) for execution in EXECUTIONS]


@pytest.mark.parametrize("naming", NAMES)
def test_the_pipelines_name_is_the_experiment_and_the_execution_the_trial(naming: str) -> None:
    assert sorted(trials(outcome(naming))) == EXPECTED
    assert set(outcome(naming).experiments) == {"churnpipeline"}
    assert set(outcome(naming).experiments["churnpipeline"]) == set(EXECUTIONS)


@pytest.mark.parametrize(("steps", "executions"), [(True, False), (False, True)])
def test_events_of_the_execution_or_of_its_steps_suffice(steps: bool, executions: bool) -> None:
    assert sorted(trials(replay(retrained("own", steps=steps, executions=executions)))) == EXPECTED


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_the_order_of_a_pipelines_and_its_jobs_events_does_not_show(data: st.DataObject) -> None:
    naming = data.draw(st.sampled_from(list(NAMES)))
    events: Sequence[Any] = data.draw(st.permutations(retrained(naming).events))
    found = replay(Recording("shuffled", events, retrained(naming).answers))

    assert sorted(trials(found)) == EXPECTED
    assert {experiment for _, experiment in announced(found, with_pipeline_before_end(events))} <= {"churnpipeline"}


def announced(found: ReplayOutcome, names: set[str]) -> set[tuple[str, str]]:
    """The jobs of these names that were announced, and in which experiment."""
    jobs = [event["detail"]["job"] for event in found.announced if "job" in event["detail"]]
    return {(each["job_name"], each["experiment"]) for each in jobs if each["job_name"] in names}


def with_pipeline_before_end(events: Sequence[Any]) -> set[str]:
    """The jobs whose pipeline an event names before their end can be known. It can be once an event of the job has come
    and the clock, which follows the events, is past its end: SageMaker answers then that the job has ended."""
    ends = {name: event["time"] for event in events if (name := _ended(event))}
    executions: set[str] = set()
    seen: set[str] = set()
    found: set[str] = set()
    clock = ""
    for event in events:
        clock, detail = max(clock, event["time"]), event["detail"]
        seen.add(detail.get("TrainingJobName"))
        for name in [name for name in seen if name in ends and ends[name] <= clock]:
            del ends[name]
            if any(execution in name for execution in executions):
                found.add(name)
        if "pipelineExecutionArn" in detail:
            executions.add(detail["pipelineExecutionArn"].rpartition("/")[2])
    return found


def _ended(event: Any) -> str | None:
    detail = event["detail"]
    return str(detail["TrainingJobName"]) if detail.get("TrainingJobStatus") == "Completed" else None


def test_a_pipelines_events_that_come_after_its_jobs_has_ended_move_the_job_before_it_is_reported() -> None:
    shown = [step_event("ChurnPipeline", EXECUTIONS[0], 20, "pipelines-ctd6lgoe9v0a-Train-ssFiEMAL0h", "Succeeded")]
    found = replay(launched([training("pipelines-ctd6lgoe9v0a-Train-ssFiEMAL0h", 2, 18)], shown))
    reported = [event["detail"]["job"] for event in found.announced if "job" in event["detail"]]

    assert trials(found) == EXPECTED[:1]
    assert [(job["experiment"], job["trial"]) for job in reported] == EXPECTED[:1]


def test_a_job_is_attached_even_if_no_event_names_its_pipeline() -> None:
    found = replay(launched([training("pipelines-ctd6lgoe9v0a-Train-ssFiEMAL0h", 2, 18)]))

    assert trials(found) == [("Train", EXECUTIONS[0])]
    assert all(each.is_attached for each in found.attachments)
