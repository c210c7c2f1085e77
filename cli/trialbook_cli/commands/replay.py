"""`trialbook replay`: a recording through the deployed wiring."""

import json
from pathlib import Path

from trialbook.adapters.rules_document import read_rules
from trialbook.core.errors import InvalidInput, InvalidRules
from trialbook_cli.laptop_cloud import Recording, UnreadableRecording, read_recording
from trialbook_cli.plain import FAILED, OK
from trialbook_cli.replay_shown import show
from trialbook_cli.replaying import Outcome, replay, write_outcome
from trialbook_cli.sagemaker_stand_in.recording import UnreadableAnswer
from trialbook_cli.smtp import send_on
from trialbook_cli.terminal import console, fail, progress


def run(
    folder: Path, out: Path, dynamodb_url: str | None, rules: Path | None, smtp: str | None = None, *, as_json: bool
) -> int:
    """Replays a folder into another one."""
    try:
        document = None if rules is None else rules.read_text(encoding="utf-8")
        if document is not None:
            read_rules(document)  # an invalid one is told of here: a deployed function would go on without it
        recording = read_recording(folder)
        outcome = with_progress(recording, dynamodb_url, document)
    except OSError as error:
        return fail(f"--rules {rules}: {error.strerror}")
    except InvalidRules as error:
        return fail("\n".join(f"{rules}: {problem}" for problem in error.problems))
    except UnreadableRecording as error:
        return fail(str(error))
    except UnreadableAnswer as error:
        return fail(f"{folder / 'sagemaker.jsonl'}:{error.line}: {error.problem}")
    write_outcome(outcome, out)
    if smtp is not None:
        try:
            send_on(smtp, outcome.mails)
        except InvalidInput as error:
            return fail(str(error), FAILED)
    if as_json:
        jobs, sweeps = outcome.job_lines(), outcome.sweep_lines()
        console.print(json.dumps({"jobs": jobs, "sweeps": sweeps, "out": str(out)}), soft_wrap=True, markup=False)
    else:
        show(recording.name, outcome, out)
    return OK


def with_progress(recording: Recording, dynamodb_url: str | None = None, rules: str | None = None) -> Outcome:
    """The outcome of a replay, with a bar while it runs."""
    with progress() as bar:
        task = bar.add_task(recording.name, total=len(recording.events))

        def told(done: int) -> None:
            bar.update(task, completed=done)

        return replay(recording, dynamodb_url=dynamodb_url, progress=told, rules=rules)
