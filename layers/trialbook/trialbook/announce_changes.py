"""announce_changes: what the ledger's stream shows becomes domain events on Trialbook's own bus."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from trialbook.adapters.eventbridge import EventBus, NotPublished
from trialbook.core.announcements import (
    Announcement,
    is_single_over,
    of_job,
    of_single,
    of_sweep,
    thinned,
)
from trialbook.core.formats import NewerFormat
from trialbook.core.jobs import JobKind
from trialbook.core.sweeps import Record, Sweep
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.stream import cause_of_image, is_announced_again, item_from_image
from trialbook.ledger.table import OUTAGE, Conflict
from trialbook.runtime.observability import count, logger

Image = Mapping[str, Any]


def announce_changes(changes: Sequence[tuple[Image | None, Image | None]], ledger: Ledger, bus: EventBus) -> int:
    """Announces a batch of changes, each the item's image before and after, in order. Returns how many changes are done
    with: where one can't be told or published yet, it and those behind it come again, for as long as the stream keeps
    them. One that can never be read is left out, so that it does not hold up those behind it.

    A change told twice gives the same ids.
    """
    done = len(changes)
    told: list[tuple[int, Announcement]] = []
    for place, (old, new) in enumerate(changes):
        try:
            cause = cause_of_image(new)
            told += [(place, replace(each, cause=cause)) for each in _told(old, new, ledger)]
        except (NewerFormat, Conflict, *OUTAGE) as error:
            logger.warning("a change can't be told yet", item=_key_of(new or old), reason=str(error))
            done = place
            break
        except Exception:  # noqa: BLE001 whatever is wrong with one change must not cost its neighbours
            logger.exception("a change can't be read and is left out", item=_key_of(new or old))
            count("ChangesUnreadable")
    wanted = thinned(each for _, each in told)
    try:
        bus.publish(wanted)
        count("Announcements", len(wanted))
    except NotPublished as error:
        logger.warning("announcements come again", reason=str(error))
        count("Announcements", error.published)
        first = wanted[error.published]
        done = min(done, next(place for place, each in told if each is first))
    return done


def _key_of(image: Image | None) -> str:
    """The key of an item, for the log."""
    found = image if isinstance(image, Mapping) else {}
    values = (found.get(name) for name in ("pk", "sk"))
    return "/".join(str(each.get("S") if isinstance(each, Mapping) else None) for each in values)


def _told(old_image: Image | None, new_image: Image | None, ledger: Ledger) -> list[Announcement]:
    if is_announced_again(old_image, new_image):
        old_image = None
    old, new = (None if image is None else item_from_image(image) for image in (old_image, new_image))
    if isinstance(new, Sweep):
        before = old if isinstance(old, Sweep) else None
        return [*of_sweep(before, new), *(_single(new, ledger) if is_single_over(before, new) else ())]
    if isinstance(new, Record):
        former = old if isinstance(old, Record) else None
        told = of_job(former, new, lambda record: _is_alone(record, ledger))
        return [*told, *(of_single(new) if _is_repeated(former, new, ledger) else ())]
    return []


def _single(window: Sweep, ledger: Ledger) -> list[Announcement]:
    """What is told of a window's only job; nothing where the window has gone on since."""
    now = ledger.sweep(window.id)
    if now is None or not is_single_over(None, now):
        return []
    return [told for record in ledger.records_of(now) for told in of_single(record)]


def _is_repeated(old: Record | None, new: Record, ledger: Ledger) -> bool:
    """Whether a job has ended while others with its settings run: their window may never close, so the job is told of
    at once. It is again when the window closes, as the same event."""
    has_ended = new.job.is_terminal and not (old is not None and old.job.is_terminal)
    if not has_ended or new.sweep is None or new.key.kind is not JobKind.TRAINING or new.job.tuning_job is not None:
        return False
    sweep = ledger.sweep(new.sweep)
    return sweep is not None and sweep.is_single and sweep.counts.jobs > 1


def _is_alone(record: Record, ledger: Ledger) -> bool:
    """Whether no sweep tells of the job: it is in none, or in a window of its own."""
    if record.sweep is None:
        return True
    sweep = ledger.sweep(record.sweep)
    return sweep is None or sweep.is_single
