"""The deployed wiring in one process: template.yaml's rules, queues, schedules and functions, on a turned clock."""

from trialbook_cli.laptop_cloud.cloud import LaptopCloud, ProcessDied
from trialbook_cli.laptop_cloud.recording import Recording, UnreadableRecording, read_recording

__all__ = ["LaptopCloud", "ProcessDied", "Recording", "UnreadableRecording", "read_recording"]
