"""Deliveries: the record of a message at a destination, and the next step of it.

A record is written before and after each call that sends something. The claim that is written before holds for a
while, so that two consumers never send the same; who finds a claim that nobody holds any more knows that its holder may
have died after the call, and looks for what it sent before sending again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from trialbook.core.messages.not_sent import NotSent as NotSent

MESSAGE, PICTURE = "message", "picture"  # parts
MLFLOW = "mlflow"  # a channel that tells nobody: its messages are runs
EDITED_EVERY = timedelta(seconds=15)  # at most; what comes sooner is postponed, and shows then what is so then
LEASE = timedelta(seconds=75)  # longer than the functions' timeout: whoever holds a claim that is over has died
RUN_LEASE = timedelta(seconds=18)  # for a run in MLflow, whose writer renews it: a death is repaired within a minute


class DeliveryState(StrEnum):
    """CLAIMED: somebody is about to send it, or died doing so. SENT: it is there."""

    CLAIMED = "claimed"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class RunState:
    """What a delivery knows of a run of MLflow beside its id: its experiment's id there, the sweep that it was last
    written for, its parent's id, whether parameters and end are there, the model and the report's folder that were
    logged. `created` is when its job was; `is_adopted` where the job made the run itself. `doubts` counts the calls to
    create it of which nobody knows whether they did. `experiment` is its experiment's name there, `ending` the end as
    MLflow has it, and `has_metrics` whether the metrics are there, with all that was known of their curves."""

    experiment_id: str = ""
    artifacts: str = ""
    created: datetime | None = None
    sweep: str | None = None
    parent: str | None = None
    has_ended: bool = False
    has_params: bool = False
    model: str | None = None
    report: str | None = None
    is_adopted: bool = False
    doubts: int = 0
    experiment: str | None = None
    has_metrics: bool = False
    ending: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A part of a message at a destination.

    `sent_id` is what the channel calls it: Slack's `ts`, a file's id, a mail's message id; `place` the channel's own
    id. `message_id` is the event that it showed last, `shown_version` how much was known then, `picture` the file that
    it shows. `claimed_at` is when it was first tried, `held_until` the end of the claim. `problem` is what went wrong
    last, None once it went well, and `tries` how often a picture could not be shown. `goes_on_in` is the id of the
    message that it points to, once its sweep merged into another. `run` is what is known of a run of MLflow. `version`
    counts the writes.
    """

    about: str
    channel: str
    address: str
    part: str = MESSAGE
    state: DeliveryState = DeliveryState.CLAIMED
    claimed_at: datetime | None = None
    held_until: datetime | None = None
    sent_id: str | None = None
    place: str | None = None
    message_id: str | None = None
    shown_version: int = -1
    revision: int = 0
    picture: str | None = None
    sent_at: datetime | None = None
    edited_at: datetime | None = None
    problem: str | None = None
    tries: int = 0
    goes_on_in: str | None = None
    run: RunState | None = None
    version: int = 0

    @property
    def is_sent(self) -> bool:
        """Whether it is there."""
        return self.state is DeliveryState.SENT

    def is_held(self, now: datetime) -> bool:
        """Whether somebody is at it."""
        return self.held_until is not None and now < self.held_until

    def may_be_there(self) -> bool:
        """Whether a call to send it was made whose outcome nobody wrote down."""
        return not self.is_sent and self.claimed_at is not None

    def editable_in(self, now: datetime) -> timedelta:
        """How long until it may be edited again; nothing where it may now."""
        last = max((each for each in (self.sent_at, self.edited_at) if each is not None), default=None)
        return timedelta() if last is None else max(timedelta(), last + EDITED_EVERY - now)

    def claimed(self, now: datetime, lease: timedelta = LEASE) -> "Delivery":
        """As it is written before a call to send it; the first claim's time stays."""
        return replace(self, claimed_at=self.claimed_at or now, held_until=now + lease, version=self.version + 1)

    def claimed_for_edit(self, now: datetime, lease: timedelta = LEASE) -> "Delivery":
        """As it is written before a call to edit it: a call that dies counts as an edit too."""
        return replace(self, held_until=now + lease, edited_at=now, version=self.version + 1)

    def held_on(self, now: datetime, lease: timedelta) -> "Delivery":
        """As it is written to renew a claim."""
        return replace(self, held_until=now + lease, version=self.version + 1)

    def sent(self, now: datetime, sent_id: str, place: str | None = None) -> "Delivery":
        """As it is written after the call."""
        return replace(
            self,
            state=DeliveryState.SENT,
            held_until=None,
            sent_id=sent_id,
            place=place or self.place,
            sent_at=self.sent_at or now,
            problem=None,
            version=self.version + 1,
        )

    def showing(self, message_id: str, version: int, revision: int, picture: str | None = None) -> "Delivery":
        """With what it shows now."""
        shown = replace(self, message_id=message_id, shown_version=version, revision=revision, picture=picture)
        return replace(shown, goes_on_in=None)

    def not_sent(self, problem: str) -> "Delivery":
        """As it is written where the channel refused: nothing was sent, so nothing need be looked for."""
        claimed_at = self.claimed_at if self.is_sent else None
        return replace(self, claimed_at=claimed_at, held_until=None, problem=problem, version=self.version + 1)

    def unsure(self, problem: str) -> "Delivery":
        """As it is written if no answer came: it may have been sent."""
        return replace(self, held_until=None, problem=problem, version=self.version + 1)

    def lost(self) -> "Delivery":
        """As it is where the channel has it no longer: somebody deleted it."""
        gone = replace(self, state=DeliveryState.CLAIMED, sent_id=None, sent_at=None, edited_at=None, shown_version=-1)
        return replace(gone, claimed_at=None, held_until=None, picture=None, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a channel calls what it took: Slack's `ts`, a file's id; and the channel's own id."""

    id: str
    place: str | None = None
