"""When a sweep has finished, and when to check it next."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trialbook.core.jobs import TERMINAL
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Sweep, SweepKind, SweepState

# SageMaker's default of MaxRuntimeInSeconds, for jobs whose own is unknown.
_DEFAULT_RUNTIME = timedelta(days=1)
# SageMaker's limit does not include starting and uploading.
_GRACE = timedelta(minutes=30)
# Sweeps with running jobs are checked each half hour, so that few of their events move them in the index of due ones.
_STEP = timedelta(minutes=30)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The next step of close_sweeps for a sweep: check it again at `due_at`, or close it once that has passed."""

    due_at: datetime
    is_quiet: bool


def outlook(sweep: Sweep, quiet: timedelta) -> Outlook | None:
    """When an open sweep is due: finished by then, or hanging. None if it is closed or empty."""
    if sweep.state is SweepState.CLOSED or sweep.superseded_by is not None:
        return None
    if sweep.kind is SweepKind.TUNING:
        return _tuning_outlook(sweep)
    if sweep.last_at is None:
        return None
    if sweep.counts.in_progress:
        return Outlook(_hangs_from(sweep, sweep.last_at), is_quiet=False)
    if sweep.expected_size is not None and sweep.counts.ended >= sweep.expected_size:
        return Outlook(sweep.last_at, is_quiet=True)
    return Outlook(sweep.last_at + quiet, is_quiet=True)


def _tuning_outlook(sweep: Sweep) -> Outlook | None:
    times = (sweep.last_at, sweep.tuning_created_at, sweep.tuning_ended_at)
    last_at = max((moment for moment in times if moment is not None), default=None)
    if last_at is None:
        return None
    if sweep.tuning_status in TERMINAL:
        return Outlook(last_at, is_quiet=True)
    return Outlook(_hangs_from(sweep, last_at), is_quiet=False)


def due(sweep: Sweep, rules: Rules) -> tuple[Sweep, datetime | None]:
    """The sweep, and when close_sweeps checks it."""
    ahead = outlook(sweep, rules.quiet_period(sweep.experiment))
    return sweep, ahead.due_at if ahead else None


def looked_at_again(now: datetime) -> datetime:
    """When to check a hanging sweep again: SageMaker says that it runs, so not soon."""
    return now + _GRACE


def _hangs_from(sweep: Sweep, last_at: datetime) -> datetime:
    """When all jobs of a sweep should have ended. Those that still run are then described."""
    longest = timedelta(seconds=sweep.longest_runtime_seconds) if sweep.longest_runtime_seconds else _DEFAULT_RUNTIME
    ended_by = last_at + longest + _GRACE
    return ended_by + (_EPOCH - ended_by) % _STEP
