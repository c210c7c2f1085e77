"""A message as data, before it is rendered for Slack, a webhook or email.

Every text is plain: renderers escape it. Most of it is other people's (names, hyperparameters, failure reasons).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MessageKind(StrEnum):
    """The kind of a message. A SWEEP message is posted when a sweep begins and edited until it has finished; so is the
    PIPELINE message of a pipeline's execution. THREAD messages go into a sweep's thread: failures job by job, the
    report's file."""

    SWEEP = "sweep"
    NEW_BEST = "new best"
    THREAD = "thread"
    JOB = "job"
    ALERT = "alert"
    BEST_TRIALS = "best trials"
    PIPELINE = "pipeline"


class Mood(StrEnum):
    """The state that a message reports; shown by a word and a sign, never by colour alone."""

    BUSY = "running"
    GOOD = "finished"
    MIXED = "finished, with failures"
    BAD = "failed"


# Rules documents from before the first release have these words.
FORMER_MOODS = {"in progress": Mood.BUSY.value, "done": Mood.GOOD.value, "done, with failures": Mood.MIXED.value}


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and its text: `Objective`, `validation:error, minimize`."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under headers. `numbers` are the columns whose texts align right; `marked` is the row of the best
    trial, by its place; `caption` says what is left out."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    marked: int | None = None
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a small chart, for channels that can't show the picture."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is. `total` and `seconds_left` are None if they are unknown."""

    ended: int
    total: int | None
    running: int
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of the reports' bucket, by its key."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The chart that says most, and its text alternative."""

    stored: Stored
    alt_text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link; renderers show only https addresses."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message. The first line, `title`, answers the reader's question.

    - `id` names what happened, `about` the sweep or job that it is about. A channel holds one message for each `about`;
      later ones edit it.
    - `parent` is the `about` in whose thread it belongs; None for a message of its own.
    - `version` grows with what is known: an older version never replaces a newer.
    - `is_final`: nothing more is expected except a revision.
    - `at` is when it happened. The same facts give the same message.
    - `continues` are the `about`s of sweeps that merged into this one. If a destination has no message of this `about`
      (in a thread: of its parent), theirs is edited, whatever its version. If it has both, theirs links to this one.
    - `event_type` is the event that it follows from.
    - `metrics` are the best trial's, with which thresholds of routes are compared.
    - `by_request`: it is sent only if a route asks for its event, or for the kind PIPELINE.
    - `changes_answer` is False for a revision that says the same as the one before.
    - `owner` is the value of the tag that names its owner.
    - `log` is the end of a failed job's log, for destinations that show it.
    """

    id: str
    about: str
    kind: MessageKind
    mood: Mood
    experiment: str
    title: str
    subject: str
    verdict: str
    at: datetime
    version: int = 0
    revision: int = 0
    is_final: bool = True
    parent: str | None = None
    sentences: tuple[str, ...] = ()
    progress: Progress | None = None
    facts: tuple[Fact, ...] = ()
    table: Table | None = None
    bars: tuple[Bar, ...] = ()
    bars_label: str = ""
    constants: str = ""
    failures: tuple[str, ...] = ()
    log: str = ""
    advice: tuple[str, ...] = ()
    picture: Picture | None = None
    report: Stored | None = None
    links: tuple[Link, ...] = ()
    sections: tuple["Section", ...] = ()
    tags: Mapping[str, str] | None = None
    continues: tuple[str, ...] = ()
    event_type: str = ""
    metrics: Mapping[str, float] | None = None
    by_request: bool = False
    changes_answer: bool = True
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a longer message, such as an experiment of the weekly report."""

    title: str
    sentences: tuple[str, ...] = ()
    table: Table | None = None
    links: tuple[Link, ...] = ()
