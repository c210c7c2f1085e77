"""`trialbook replay`: a recording through the deployed wiring."""

import json
from pathlib import Path

from trialbook_cli.laptop_cloud import Recording, UnreadableRecording, read_recording
from trialbook_cli.replaying import Outcome, replay, write_outcome
from trialbook_cli.sagemaker_stand_in.recording import UnreadableAnswer
from trialbook_cli.terminal import OK, console, fail, progress
from trialbook_cli.trials_table import show


def run(folder: Path, out: Path, dynamodb_url: str | None, *, as_json: bool) -> int:
    """Replays a folder into another one."""
    try:
        recording = read_recording(folder)
        outcome = with_progress(recording, dynamodb_url)
    except UnreadableRecording as error:
        return fail(str(error))
    except UnreadableAnswer as error:
        return fail(f"{folder / 'sagemaker.jsonl'}:{error.line}: {error.problem}")
    write_outcome(outcome, out)
    if as_json:
        jobs, sweeps = outcome.job_lines(), outcome.sweep_lines()
        console.print(json.dumps({"jobs": jobs, "sweeps": sweeps, "out": str(out)}), soft_wrap=True, markup=False)
    else:
        show(recording.name, outcome, out)
    return OK


def with_progress(recording: Recording, dynamodb_url: str | None = None) -> Outcome:
    """The outcome of a replay, with a bar while it runs."""
    with progress() as bar:
        task = bar.add_task(recording.name, total=len(recording.events))
        return replay(recording, dynamodb_url=dynamodb_url, progress=lambda done: bar.update(task, completed=done))
