"""announce_changes: publishes changes of the ledger as domain events on Trialbook's own bus."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from trialbook.adapters.eventbridge import EventBus, NotPublished
from trialbook.core.announcements import (
    Announcement,
    is_single_over,
    of_any_job,
    of_execution,
    of_job,
    of_single,
    of_step,
    of_sweep,
    thinned,
)
from trialbook.core.executions import PipelineStep
from trialbook.core.formats import NewerFormat
from trialbook.core.jobs import FAILED
from trialbook.core.sweeps import Record, Sweep
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.stream import cause_of_image, is_announced_again, item_from_image
from trialbook.ledger.table import OUTAGE, Conflict
from trialbook.runtime.observability import count, logger

Image = Mapping[str, Any]


def announce_changes(
    changes: Sequence[tuple[Image | None, Image | None]], ledger: Ledger, bus: EventBus, *, each_job: bool = False
) -> int:
    """Announces a batch of changes, each the item's image before and after, in order. Returns how many changes are
    done.

    If a change can't be announced or published yet, the stream delivers it and those after it again, for as long as it
    keeps them. A change that can never be read is left out, so that it does not hold up the others. A change that is
    announced twice gives the same ids. With `each_job`, each
    change of a job is announced too.
    """
    done = len(changes)
    found: list[tuple[int, Announcement]] = []
    for place, (old, new) in enumerate(changes):
        try:
            cause = cause_of_image(new)
            announcements = _announcements(old, new, ledger, each_job=each_job)
            found += [(place, replace(each, cause=cause)) for each in announcements]
        except (NewerFormat, Conflict, *OUTAGE) as error:
            logger.warning("a change can't be announced yet", item=_key_of(new or old), reason=str(error))
            done = place
            break
        except Exception:  # noqa: BLE001 one bad change must not stop the others
            logger.exception("a change can't be read; it is left out", item=_key_of(new or old))
            count("ChangesUnreadable")
    wanted = thinned(each for _, each in found)
    try:
        bus.publish(wanted)
        count("Announcements", len(wanted))
    except NotPublished as error:
        logger.warning("announcements will be repeated", reason=str(error))
        count("Announcements", error.published)
        first = wanted[error.published]
        done = min(done, next(place for place, each in found if each is first))
    return done


def _key_of(image: Image | None) -> str:
    """The key of an item, for the log."""
    found = image if isinstance(image, Mapping) else {}
    values = (found.get(name) for name in ("pk", "sk"))
    return "/".join(str(each.get("S") if isinstance(each, Mapping) else None) for each in values)


def _announcements(
    old_image: Image | None, new_image: Image | None, ledger: Ledger, *, each_job: bool
) -> list[Announcement]:
    if is_announced_again(old_image, new_image):
        old_image = None
    old, new = (None if image is None else item_from_image(image) for image in (old_image, new_image))
    if isinstance(new, Sweep):
        before = old if isinstance(old, Sweep) else None
        return [*of_sweep(before, new), *(_single(new, ledger) if is_single_over(before, new) else ())]
    if isinstance(new, Record):
        former = old if isinstance(old, Record) else None
        found = of_job(former, new, lambda record: _is_alone(record, ledger))
        found += of_any_job(new) if each_job else []
        found += of_execution(former, new)
        return [*found, *(of_single(new) if _is_repeated(former, new, ledger) else ())]
    if isinstance(new, PipelineStep):
        return of_step(old if isinstance(old, PipelineStep) else None, new)
    return []


def _single(window: Sweep, ledger: Ledger) -> list[Announcement]:
    """The announcements of a window's only job; none if more jobs have joined the window since."""
    now = ledger.sweep(window.id)
    if now is None or not is_single_over(None, now):
        return []
    return [each for record in ledger.records_of(now) for each in of_single(record)]


def _is_repeated(old: Record | None, new: Record, ledger: Ledger) -> bool:
    """Whether a job has ended well while others with the same settings run. Their window may never close, so the job is
    announced at once. When the window closes, it is announced again under the same id."""
    has_ended = new.job.is_terminal and not (old is not None and old.job.is_terminal)
    if (
        not has_ended
        or new.job.status == FAILED
        or new.sweep is None
        or not new.key.kind.is_trial
        or new.job.tuning_job is not None
    ):
        return False
    sweep = ledger.sweep(new.sweep)
    return sweep is not None and sweep.is_single and sweep.counts.jobs > 1


def _is_alone(record: Record, ledger: Ledger) -> bool:
    """Whether the job belongs to no reported sweep: it is in none, or alone in its window."""
    if record.sweep is None:
        return True
    sweep = ledger.sweep(record.sweep)
    return sweep is None or sweep.is_single
