"""Recordings in folders."""

from pathlib import Path

from trialbook_cli.laptop_cloud import Recording, UnreadableRecording, read_recording
from trialbook_cli.usage_error import UsageError


def recording_in(folder: Path) -> Recording:
    """The recording in a folder. Raises UsageError with file, line and problem."""
    try:
        return read_recording(folder)
    except UnreadableRecording as error:
        raise UsageError(str(error)) from None
