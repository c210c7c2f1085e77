"""The sample events, and the recordings."""

import json
from datetime import datetime
from pathlib import Path
from struct import pack, unpack
from typing import Any

import pytest

from tests.conftest import RECORDINGS, ROOT
from trialbook.core.events import DETAIL_TYPES, parse_event
from trialbook.core.jobs import Job

SAMPLES = sorted((ROOT / "events").glob("*-*.json"))
STATES = {
    "training": ("starting", "completed", "failed", "stopped", "child-completed"),
    "processing": ("in-progress", "completed", "failed", "stopped"),
    "transform": ("in-progress", "completed", "failed", "stopped"),
    "tuning": ("in-progress", "completed", "failed", "stopped"),
    "pipeline-execution": ("executing", "succeeded", "failed", "stopped"),
    "pipeline-step": ("executing", "succeeded", "failed", "stopped"),
    "model-customization": ("in-progress", "completed", "failed", "stopped"),
    "service-job": ("starting", "succeeded", "failed"),
}


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def test_there_is_a_sample_for_each_type_and_state() -> None:
    assert {path.stem for path in SAMPLES} == {f"{kind}-{state}" for kind, states in STATES.items() for state in states}
    assert {load(path)["detail-type"] for path in SAMPLES} == set(DETAIL_TYPES)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.stem))
def test_a_sample_is_parsed_to_the_state_in_its_name(path: Path) -> None:
    seen = parse_event(load(path))
    state = path.stem.rpartition("-")[2]
    expected = {"progress": "InProgress", "executing": "InProgress", "starting": "InProgress", "succeeded": "Completed"}

    assert seen.status == expected.get(state, state.title())
    if isinstance(seen, Job):
        assert seen.is_terminal == (seen.ended_at is not None)


@pytest.mark.parametrize("name", ["churn-min-child-weight", "tuning-random-60"])
def test_a_recording_fits_together(name: str) -> None:
    """Each job's last event says what Describe says; times are in order; metrics are float32."""
    events = [json.loads(line) for line in (RECORDINGS / name / "events.jsonl").read_text().splitlines()]
    answers = [json.loads(line) for line in (RECORDINGS / name / "sagemaker.jsonl").read_text().splitlines()]
    described = {
        a["request"]["TrainingJobName"]: a["response"] for a in answers if a["operation"] == "DescribeTrainingJob"
    }
    last = {
        event["detail"]["TrainingJobName"]: event["detail"]
        for event in events
        if event["detail"].get("TrainingEndTime")
    }

    assert last.keys() == described.keys()
    assert all(last[job]["TrainingJobStatus"] == answer["TrainingJobStatus"] for job, answer in described.items())
    for answer in described.values():
        moments = [
            datetime.fromisoformat(answer[key]) for key in ("CreationTime", "TrainingStartTime", "TrainingEndTime")
        ]
        assert moments == sorted(moments)
        values = [metric["Value"] for metric in answer.get("FinalMetricDataList", [])]
        assert values == [unpack("<f", pack("<f", value))[0] for value in values]
        assert bool(values) == (answer["TrainingJobStatus"] != "Failed")
