"""`trialbook demo`: the recordings that come with Trialbook."""

from pathlib import Path

from trialbook_cli.commands.replay import with_progress
from trialbook_cli.laptop_cloud import UnreadableRecording, read_recording
from trialbook_cli.laptop_cloud.cloud import ROOT
from trialbook_cli.replaying import write_outcome
from trialbook_cli.terminal import OK, console, fail
from trialbook_cli.trials_table import show

RECORDINGS = ("churn-min-child-weight", "tuning-random-60")


def run(out: Path) -> int:
    """Replays each recording into a folder of its own."""
    for name in RECORDINGS:
        try:
            recording = read_recording(ROOT / "events" / "recordings" / name)
        except UnreadableRecording as error:
            return fail(str(error))
        outcome = with_progress(recording)
        write_outcome(outcome, out / name)
        show(name, outcome, out / name)
        console.print()
    return OK
