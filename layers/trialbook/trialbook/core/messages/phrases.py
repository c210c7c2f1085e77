"""The words of messages for a sweep and its progress."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trialbook.core.analysis.wording import cut, plural
from trialbook.core.jobs import FAILED, STOPPED
from trialbook.core.message import Mood
from trialbook.core.numbers import shown
from trialbook.core.sweeps import Sweep, SweepKind, SweepState

if TYPE_CHECKING:
    from trialbook.core.analysis.model import Value

SEPARATOR = " · "
_NAMED = 2  # hyperparameters whose names fit into a title
_LONGEST_NAME = 60
_IN_SUBJECT = 3  # hyperparameters


def search(sweep: Sweep, varied: Sequence[str]) -> str:
    """The search, in words: `min_child_weight sweep`, `random search over 6 hyperparameters`."""
    names = " × ".join(cut(name, _LONGEST_NAME) for name in varied)
    if sweep.kind is SweepKind.TUNING:
        how = f"{_strategy(sweep.strategy)} search" if sweep.strategy else "tuning job"
        over = names if len(varied) <= _NAMED else plural(len(varied), "hyperparameter")
        return f"{how} over {over}" if varied else how
    if len(varied) > _NAMED:
        return f"sweep over {plural(len(varied), 'hyperparameter')}"
    return f"{names} sweep" if varied else "sweep"


def _strategy(name: str) -> str:
    """In the middle of a sentence; Bayes and Hyperband are names."""
    return name.lower() if name in ("Random", "Grid") else name


def total(sweep: Sweep) -> int | None:
    """How many jobs there will be; None if nobody said. A sweep that is over has those it has, unless more had been
    announced."""
    announced = sweep.max_jobs or sweep.expected_size
    if announced is not None:
        return max(announced, sweep.counts.jobs)
    return sweep.counts.jobs if sweep.state is SweepState.CLOSED else None


def standing(sweep: Sweep) -> str:
    """How it stands: `5 of 5 finished`, `57 of 60 finished, 3 failed`, `3 finished, 2 running`."""
    counts, of = sweep.counts, total(sweep)
    if sweep.state is SweepState.CLOSED and counts.jobs and counts.failed == counts.jobs:
        return "its only job failed" if counts.jobs == 1 else f"all {counts.jobs:,} jobs failed"
    parts = [f"{counts.ended:,} of {of:,} finished" if of is not None else f"{counts.ended:,} finished"]
    if counts.failed:
        parts.append(f"{counts.failed:,} failed")
    if of is None and counts.in_progress:
        parts.append(f"{counts.in_progress:,} running")
    if sweep.tuning_status == FAILED:
        parts.append("tuning job failed")
    if sweep.tuning_status == STOPPED:
        parts.append("tuning job stopped")
    return ", ".join(parts)


def mood(sweep: Sweep) -> Mood:
    """How it stands, in one word."""
    counts = sweep.counts
    if sweep.tuning_status == FAILED:
        return Mood.BAD
    if sweep.state is not SweepState.CLOSED:
        return Mood.BUSY
    if counts.jobs and counts.failed == counts.jobs:
        return Mood.BAD
    return Mood.MIXED if counts.failed else Mood.GOOD


def at(values: "Mapping[str, Value]") -> str:
    """Where the best lies, for a subject: ` at min_child_weight=4`; nothing if nothing varied."""
    given = [f"{cut(name, 40)}={cut(shown(value), 40)}" for name, value in values.items() if value is not None]
    more = f" and {len(given) - _IN_SUBJECT} more" if len(given) > _IN_SUBJECT else ""
    return f" at {', '.join(given[:_IN_SUBJECT])}{more}" if given else ""
