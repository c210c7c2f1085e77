"""Merges observations of a job, which may come twice, late and out of order.

`merge` is commutative, associative and idempotent over the observations of a job, if they agree in the fields that they
share. So the ledger does not depend on the order of events.
"""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from trialbook.core.jobs import Job

_NEVER = datetime.min.replace(tzinfo=UTC)
# Events and Describe round a creation time differently; a job created again under the same name is seconds younger.
_SAME_LIFE = timedelta(seconds=1)


def merge(known: Job | None, seen: Job) -> Job:
    """The job after one more observation: terminal beats running, Describe beats events, newer beats older.

    Fields that the winning observation lacks are kept from the other. Nothing is kept of a job that was deleted and
    created again under the same name.
    """
    if known is None or known == seen:
        return seen
    if is_new_life(known, seen) or is_new_life(seen, known):
        return max(known, seen, key=lambda job: job.created_at or _NEVER)
    loser, winner = _in_order(known, seen)
    kept = {
        field.name: getattr(loser, field.name)
        for field in fields(Job)
        if field.name not in ("status", "secondary_status", "described", "not_described", "failure_reason")
        and getattr(winner, field.name) in (None, (), {}, False)
    }
    if loser.tags and winner.tags:
        kept["tags"] = MappingProxyType({**loser.tags, **winner.tags})
    if known.created_at and seen.created_at:
        kept["created_at"] = min(known.created_at, seen.created_at)
    return replace(winner, **kept)


def is_new_life(known: Job, seen: Job) -> bool:
    """Whether `seen` is another job under the name of a deleted one."""
    return is_made_anew(known.created_at, seen.created_at)


def is_made_anew(known: datetime | None, seen: datetime | None) -> bool:
    """The same by the times of creation. If one is unknown, both count as the same job."""
    return known is not None and seen is not None and seen - known > _SAME_LIFE


def _in_order(one: Job, other: Job) -> tuple[Job, Job]:
    """The weaker observation first. The order of two that are equally strong does not depend on which came first."""
    first, second = _precedence(one), _precedence(other)
    is_weaker = repr(one) <= repr(other) if first == second else first < second
    return (one, other) if is_weaker else (other, one)


def _precedence(job: Job) -> tuple[bool, bool, datetime]:
    return job.is_terminal, job.described, job.last_modified_at or _NEVER
