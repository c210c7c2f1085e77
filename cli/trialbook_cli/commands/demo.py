"""`trialbook demo`: the recordings that come with Trialbook."""

from pathlib import Path

from trialbook_cli.commands.replay import with_progress
from trialbook_cli.laptop_cloud import UnreadableRecording, read_recording
from trialbook_cli.plain import OK
from trialbook_cli.project import RECORDINGS
from trialbook_cli.replay_shown import show
from trialbook_cli.replaying import write_outcome
from trialbook_cli.terminal import console, fail

SHOWN = ("churn-min-child-weight", "tuning-random-60")


def run(out: Path) -> int:
    """Replays each recording into a folder of its own."""
    for name in SHOWN:
        try:
            recording = read_recording(RECORDINGS / name)
        except UnreadableRecording as error:
            return fail(str(error))
        outcome = with_progress(recording)
        write_outcome(outcome, out / name)
        show(name, outcome, out / name)
        console.print()
    return OK
