"""A pipeline's execution as one message: it depends on what is known, not on the order in which it became known."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.samples import ACCOUNT, REGION, at, job, record
from trialbook.core.announcements import PIPELINE_FINISHED, Announcement, of_execution, of_step
from trialbook.core.executions import Execution, PipelineStep
from trialbook.core.jobs import Job, JobKey, JobKind
from trialbook.core.merging import merge
from trialbook.core.message import Message, Mood
from trialbook.core.messages.pipeline import pipeline_message
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record

KEY = JobKey(ACCOUNT, REGION, JobKind.PIPELINE_EXECUTION, "churn/p4jn9xou8a8s")
NAMED: dict[str, Any] = {"pipeline": "churn", "pipeline_execution": "p4jn9xou8a8s"}


def execution(status: str = "InProgress", end: float | None = None) -> Job:
    ended = None if end is None else at(end)
    return Job(
        KEY, status, created_at=at(0), started_at=at(0), ended_at=ended, last_modified_at=ended or at(0), **NAMED
    )


def step(name: str, start: float, end: float | None = None, status: str = "Completed", **more: Any) -> PipelineStep:
    ended: datetime | None = None if end is None else at(end)
    found = "InProgress" if end is None else status
    given: dict[str, Any] = {"job_arn": f"arn:aws:sagemaker:r:1:training-job/{name.lower()}-1", "failure_reason": None}
    return PipelineStep(KEY, name, "Training", found, started_at=at(start), ended_at=ended, **{**given, **more})


FAILED_JOB = job("Train-1", 5, 20, status="Failed", failure_reason="AlgorithmError: KeyError: 'age'", **NAMED)
OBSERVED: tuple[Job | PipelineStep, ...] = (
    execution(),
    step("Prepare", 1),
    step("Prepare", 1, 5),
    step("Train", 5),
    FAILED_JOB,
    step("Train", 5, 20, "Failed", failure_reason="ClientError: ClientError"),
    execution("Failed", 21),
    step("Train", 30),
    job("Train-2", 30, 40, **NAMED),
    step("Train", 30, 41, job_arn="arn:aws:sagemaker:r:1:training-job/train-2"),
    execution("Completed", 42),
)


def known(observed: list[Job | PipelineStep]) -> Execution:
    """What the ledger holds after these observations, as its conditions keep it."""
    own: Job | None = None
    steps: dict[str, PipelineStep] = {}
    jobs: dict[str, Record] = {}
    for each in observed:
        if isinstance(each, PipelineStep):
            before = steps.get(each.name)
            steps[each.name] = each if before is None or before.mark < each.mark else before
        elif each.key == KEY:
            own = merge(own, each)
        else:
            jobs[each.name] = record(each)
    of_jobs = tuple(sorted(jobs.values(), key=lambda each: each.job.name))
    return Execution(KEY, record(own) if own else None, tuple(steps.values()), of_jobs)


def said(found: Execution) -> Message:
    return pipeline_message(Announcement("x", PIPELINE_FINISHED, {}), found, Rules())


@given(st.integers(1, len(OBSERVED)), st.data())
def test_any_order_and_repetition_of_events_gives_the_same_last_message(count: int, data: st.DataObject) -> None:
    first = list(OBSERVED[:count])
    repeated = data.draw(st.lists(st.sampled_from(first), max_size=6))
    shuffled = data.draw(st.permutations([*first, *repeated]))

    assert said(known(shuffled)) == said(known(first))


def test_each_change_gives_a_greater_version() -> None:
    versions = [said(known(list(OBSERVED[:count]))).version for count in range(1, len(OBSERVED) + 1)]

    assert versions == sorted(set(versions))


@pytest.mark.parametrize(
    ("count", "mood", "standing"),
    [
        (1, Mood.BUSY, "running"),
        (2, Mood.BUSY, "running: Prepare"),
        (4, Mood.BUSY, "running: Train (1 step finished)"),
        (6, Mood.BUSY, "running (2 steps finished)"),
        (7, Mood.BAD, "failed at step Train after 21 min"),
        (8, Mood.BUSY, "running: Train (1 step finished)"),
        (11, Mood.GOOD, "finished in 42 min"),
    ],
)
def test_the_title_says_the_state(count: int, mood: Mood, standing: str) -> None:
    found = said(known(list(OBSERVED[:count])))

    assert (found.title, found.mood) == (f"churn · execution p4jn9xou8a8s · {standing}", mood)
    assert found.is_final == (mood is not Mood.BUSY)


def test_a_failure_names_the_job_as_it_is_spelled_and_its_own_reason() -> None:
    found = said(known(list(OBSERVED[:7])))

    assert found.verdict == "Step Train (job Train-1) failed: AlgorithmError: KeyError: 'age'"
    assert [each.text for each in found.links] == ["Execution in the console", "Failed job in the console", "Its logs"]


def test_a_failed_step_whose_job_is_not_recorded_has_what_its_event_says() -> None:
    found = said(known([execution("Failed", 21), step("Train", 5, 20, "Failed", failure_reason="ClientError: no")]))

    assert found.verdict == "Step Train (job train-1) failed: ClientError: no"


def test_an_execution_that_failed_without_a_step_says_so() -> None:
    assert said(known([execution("Failed", 21)])).verdict == "No failed step was reported."
    assert said(known([execution("Stopped", 21)])).mood is Mood.MIXED


def test_a_long_name_and_a_long_reason_are_cut() -> None:
    long = step("S" * 300, 5, 20, "Failed", failure_reason="AlgorithmError: " + "x" * 9_000)
    found = said(known([execution("Failed", 21), long]))

    assert len(found.title) < 200
    assert len(found.verdict) < 500
    assert max(map(len, found.failures)) < 1_500


def test_announcements_do_not_repeat_and_have_distinct_ids() -> None:
    began, ended = record(execution()), record(execution("Failed", 21))
    found = [
        *of_execution(None, began),
        *of_execution(began, began),
        *of_execution(began, ended),
        *of_execution(ended, ended),
        *of_step(None, step("Train", 5)),
        *of_step(step("Train", 5), step("Train", 5, 20)),
        *of_step(step("Train", 5, 20), step("Train", 5, 20)),
        *of_execution(None, record(FAILED_JOB)),
        *of_execution(record(FAILED_JOB), record(FAILED_JOB)),
    ]

    assert [each.type for each in found] == [
        "Pipeline Started", "Pipeline Finished", *["Pipeline Progressed"] * 3,
    ]  # fmt: skip
    assert len({each.id for each in found}) == len(found)
