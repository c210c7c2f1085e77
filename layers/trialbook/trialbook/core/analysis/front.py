"""The trials that no other one beats in both: the objective, and cost or a second metric (the Pareto front)."""

from collections.abc import Callable, Sequence

from trialbook.core.analysis.model import Front, FrontTrial
from trialbook.core.analysis.prices import Prices, cost_of
from trialbook.core.objectives import Objective, ObjectiveType
from trialbook.core.sweeps import Record

FEWEST = 10  # ranked trials, from which on a front against cost is worth a look
_MOST = 100  # trials of a front that are reported: the best ones by the objective

Reader = Callable[[Record], float | None]


def front(
    records: Sequence[Record], objective: Objective, prices: Prices, second: Objective | None = None
) -> Front | None:
    """The front of the ranked records, best first; None if nothing can be traded. Without a second objective it is
    held against cost, else billable time, else duration: the first that is known of all trials."""
    if second is not None and second.metric != objective.metric:
        return _front(records, objective, second.metric, second.type, lambda record: second.value_of(record.job))
    if len(records) < FEWEST:
        return None
    readers: tuple[tuple[str, Reader], ...] = (
        ("cost_usd", lambda record: cost_of(record.job, prices)),
        ("billable_seconds", lambda record: record.job.billable_seconds),
        ("duration_seconds", lambda record: record.job.duration_seconds),
    )
    for name, read in readers:
        if all(read(record) is not None for record in records):
            return _front(records, objective, name, ObjectiveType.MINIMIZE, read)
    return None


def _front(
    records: Sequence[Record], objective: Objective, other: str, other_type: ObjectiveType, read: Reader
) -> Front | None:
    sign = 1 if objective.type is ObjectiveType.MINIMIZE else -1
    other_sign = 1 if other_type is ObjectiveType.MINIMIZE else -1
    known = [(record, record.value, second) for record in records if (second := read(record)) is not None]
    ordered = sorted(
        (
            (sign * value, other_sign * second, record.job.name, value, second)
            for record, value, second in known
            if value is not None
        )
    )
    kept: list[FrontTrial] = []
    least = None
    for _, cost, name, value, second in ordered:
        if least is None or cost < least:
            least = cost
            kept.append(FrontTrial(name, value, second))
    return Front(other, other_type.value, len(ordered), tuple(kept[:_MOST])) if len(kept) > 1 else None
