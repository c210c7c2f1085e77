"""A pipeline's execution as one message in each destination that asks for it, through the deployed wiring."""

import json
import re
from collections import Counter
from email import message_from_bytes, policy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.conftest import ROOT
from tests.launching import execution_event, launched, step_event, training
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.main import app
from trialbook_cli.replaying import ReplayOutcome, replay
from trialbook_cli.slack_stand_in import Posted

PIPELINE, EXECUTION = "ChurnPipeline", "p4jn9xou8a8s"
JOBS = {name: f"pipelines-{EXECUTION}-{name}-kPXa4yBq{n}h" for n, name in enumerate(("Prepare", "Train", "Score"))}
REASON = "AlgorithmError: ValueError: <b>no column</b> `age` & token=hf_abcdefghijklmnopqrstuvwx"
ROUTES = "routes: [{match: {kind: pipeline}, to: [{slack: '#training'}, {email: team@example.com}]}]"
FAILED = "❌ churnpipeline: execution p4jn9xou8a8s failed at step Train after 34 min"


def of_four_steps() -> Recording:
    """Two steps finish, one fails, and one that runs beside it is stopped. The last one runs no job."""
    jobs = [
        training(JOBS["Prepare"], 1, 5),
        training(JOBS["Train"], 6, 30, status="Failed", FailureReason=REASON),
        training(JOBS["Score"], 6, 20),
    ]
    found = [
        execution_event(PIPELINE, EXECUTION, 0),
        step_event(PIPELINE, EXECUTION, 1, JOBS["Prepare"], name="Prepare"),
        step_event(PIPELINE, EXECUTION, 5, JOBS["Prepare"], "Succeeded", name="Prepare", started=1),
        step_event(PIPELINE, EXECUTION, 6, JOBS["Train"]),
        step_event(PIPELINE, EXECUTION, 6, JOBS["Score"], name="Score"),
        step_event(PIPELINE, EXECUTION, 20, JOBS["Score"], "Succeeded", name="Score", started=6),
        step_event(PIPELINE, EXECUTION, 21, None, name="Register"),
        step_event(PIPELINE, EXECUTION, 31, JOBS["Train"], "Failed", started=6, reason="ClientError: ClientError"),
        step_event(PIPELINE, EXECUTION, 32, None, "Stopped", name="Register", started=21),
        execution_event(PIPELINE, EXECUTION, 34, "Failed", started=0),
    ]
    return launched(jobs, found)


@cache
def outcome(rules: str) -> ReplayOutcome:
    return replay(of_four_steps(), rules=rules, without=("BuildReport",))


def about_pipelines(found: ReplayOutcome) -> list[Posted]:
    return [each for each in found.slack.top_level() if f"execution {EXECUTION}" in each.text]


def mails_of(found: ReplayOutcome, kind: str) -> list[str]:
    return [str(mail) for mail in found.mails if f"X-Trialbook-Kind: {kind}".encode() in mail]


def html_of(found: ReplayOutcome, kind: str) -> str:
    (mail,) = [mail for mail in found.mails if f"X-Trialbook-Kind: {kind}".encode() in mail]
    part = message_from_bytes(mail, policy=policy.default).get_body(("html",))
    assert part is not None
    return str(part.get_content())


def test_an_execution_is_one_message_that_names_the_failed_step_its_job_and_the_reason() -> None:
    found = outcome(ROUTES)
    (posted,) = found.slack.top_level()
    text = json.dumps(posted.blocks, ensure_ascii=False)
    (mail,) = mails_of(found, "pipeline")
    page = html_of(found, "pipeline")

    assert posted.text == FAILED
    assert f"Step Train (job {JOBS['Train']}) failed: AlgorithmError: ValueError: <b>no column</b> `age`" in text
    assert "hf_abcdefghijklmnopqrstuvwx" not in text + mail
    assert [name for name in ("Prepare", "Train", "Score", "Register") if f'"{name}"' in text] == [
        "Prepare", "Train", "Score", "Register",
    ]  # fmt: skip
    assert "pipelines/churnpipeline%2Fp4jn9xou8a8s" in text
    assert f"logStreamNameFilter$3D{JOBS['Train']}" in text
    assert "&lt;b&gt;no column&lt;/b&gt;" in page
    assert not any(found.dead_letters.values())


def test_it_is_edited_while_steps_run_and_says_how_far_they_are() -> None:
    found = outcome(ROUTES)
    shown = [str(request["text"]) for method, request in found.slack.calls if method.startswith("chat.")]

    assert Counter(method for method, _ in found.slack.calls if method.startswith("chat.post")) == {
        "chat.postMessage": 1
    }
    assert shown[0] == "⏳ churnpipeline: execution p4jn9xou8a8s running"
    assert "⏳ churnpipeline: execution p4jn9xou8a8s running: Score and Train (1 step finished)" in shown
    assert "⏳ churnpipeline: execution p4jn9xou8a8s running: Train (2 steps finished)" in shown
    assert shown[-1] == FAILED


def test_without_a_route_for_it_its_jobs_are_reported_alone_as_ever() -> None:
    found = outcome("")
    texts = [each.text for each in found.slack.top_level()]

    assert about_pipelines(found) == []
    assert mails_of(found, "pipeline") == []
    assert [each for each in texts if "training job failed" in each]
    assert len(mails_of(found, "job")) == 2  # the training job, and the execution itself


def test_a_destination_that_reports_no_execution_keeps_the_messages_of_its_jobs() -> None:
    found = outcome("routes: [{match: {kind: pipeline}, to: [{slack: '#training'}]}]")

    assert [each.text for each in found.slack.top_level()] == [FAILED]
    assert mails_of(found, "pipeline") == []
    assert len(mails_of(found, "job")) == 2


@pytest.mark.parametrize("lost", ["execution", "steps' beginnings", "the failed step's end"])
def test_lost_events_do_not_show_at_the_end(lost: str) -> None:
    whole = of_four_steps()
    field, status = {
        "execution": ("currentPipelineExecutionStatus", "Executing"),
        "steps' beginnings": ("currentStepStatus", "Executing"),
        "the failed step's end": ("currentStepStatus", "Failed"),
    }[lost]
    events = [each for each in whole.events if each["detail"].get(field) != status]
    found = replay(Recording("lost", events, whole.answers), rules=ROUTES, without=("BuildReport",))

    assert [each.text for each in found.slack.top_level()] == [FAILED]


def without_marks(posted: Posted) -> str:
    """The message without the marks of masked secrets, whose key each book draws for itself."""
    return re.sub(r"masked:\w+", "masked", json.dumps(posted.blocks))


@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_neither_order_nor_repetition_of_events_shows_at_the_end(data: st.DataObject) -> None:
    whole = of_four_steps()
    events: list[Any] = data.draw(st.permutations([*whole.events, *whole.events[::3]]))
    found = replay(Recording("shuffled", events, whole.answers), rules=ROUTES, without=("BuildReport", "PostEmail"))
    (posted,) = about_pipelines(found)
    (expected,) = about_pipelines(outcome(ROUTES))

    assert without_marks(posted) == without_marks(expected)


def test_a_retry_of_a_failed_execution_continues_in_the_same_message() -> None:
    whole = of_four_steps()
    again = JOBS["Train"].replace("kPX", "zzz")
    shown = [
        step_event(PIPELINE, EXECUTION, 60, again, started=60),
        step_event(PIPELINE, EXECUTION, 80, again, "Succeeded", started=60),
        execution_event(PIPELINE, EXECUTION, 81, "Succeeded", started=0),
    ]
    events = [*whole.events, *launched([training(again, 60, 79)], shown).events]
    found = replay(Recording("retried", events, whole.answers), rules=ROUTES, without=("BuildReport", "PostEmail"))
    edited_texts = [str(request["text"]) for method, request in found.slack.calls if method == "chat.update"]

    assert [each.text for each in about_pipelines(found)] == [
        "✅ churnpipeline: execution p4jn9xou8a8s finished in 1 h 21 min"
    ]
    assert "⏳ churnpipeline: execution p4jn9xou8a8s running: Train (3 steps finished)" in edited_texts


def shown_in_docs() -> str:
    """The rules document that configuration.md shows of pipelines."""
    section = (ROOT / "docs" / "configuration.md").read_text().partition("### Pipelines\n")[2]
    return section.partition("```yaml\n")[2].partition("```")[0]


def test_rules_test_shows_the_executions_message_with_its_edits(tmp_path: Path) -> None:
    recording, rules = tmp_path / "recording", tmp_path / "rules.yaml"
    recording.mkdir()
    whole = of_four_steps()
    (recording / "events.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in whole.events))
    (recording / "sagemaker.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in whole.answers))
    rules.write_text(shown_in_docs())
    done = CliRunner().invoke(app, ["rules", "test", str(recording), "--rules", str(rules), "--json"])
    answer = json.loads(done.stdout)
    found = [(each["kind"], each["channel"], each["title"]) for each in answer["messages"]]

    title = "churnpipeline · execution p4jn9xou8a8s · failed at step Train after 34 min"
    assert found == [("pipeline", "slack", title), ("pipeline", "email", title)]
    assert answer["announced"]["Pipeline Started"] == answer["announced"]["Pipeline Finished"] == 1


def test_an_execution_causes_an_event_for_each_change_of_a_step_and_each_end_of_a_job() -> None:
    found = outcome(ROUTES)
    announced = Counter(event["detail-type"] for event in found.announced)

    assert announced["Pipeline Progressed"] == 8 + 3  # each change of a step, and each end of a job
    assert (
        Counter(method for method, _ in found.slack.calls)["chat.update"] < 8 + 3 + 1
    )  # seconds apart, they share an edit


def test_where_no_route_asks_for_pipelines_a_failed_execution_names_its_failed_step() -> None:
    (posted,) = (each for each in outcome("{}").slack.top_level() if "pipeline execution failed" in each.text)

    assert "step Train: AlgorithmError: ValueError" in posted.text
    assert "gave no reason" not in posted.text
