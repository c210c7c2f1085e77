"""The format of the ledger's items: a number on each, so that newer versions of the code read what older ones wrote.

A field that is new with a default needs no new format, nor does one that is gone: both read as they are. A field that
is renamed, moved or means something else does: raise FORMAT and add the step that makes the old facts today's. Items
are upgraded whenever they are read, and keep the new format once they are written again.
"""

from collections.abc import Callable, Mapping
from typing import Any

from trialbook.core.errors import TrialbookError
from trialbook.core.objectives import moved_rank

Facts = dict[str, Any]
Step = Callable[[str, Facts], Facts]


def _ranks_by_objective_alone(kind: str, facts: Facts) -> Facts:
    """Who named an objective is no part of a rank any more: a sweep's best job has its rank among the facts."""
    best = facts.get("best") if kind == "sweep" else None
    return {**facts, "best": {**best, "rank": moved_rank(best["rank"])}} if best else facts


def _secrets_are_masked(kind: str, facts: Facts) -> Facts:
    """Secrets are masked before they are written. What was written before that shows none when it is read."""
    from trialbook.core.masking import without_secrets_in

    masked: Facts = without_secrets_in(facts)
    return masked


def _compressed_with_a_dictionary(kind: str, facts: Facts) -> Facts:
    """Compressed facts need a dictionary, which older versions of the code do not have. The facts are the same."""
    return facts


FORMAT = 4
REWRITTEN = 3  # items of older formats are written again: their ranks, or secrets in them, were wrong
# By the format that a step starts from: it takes the item's kind ("job", "sweep", …) and facts, and gives those of the
# next format.
STEPS: Mapping[int, Step] = {1: _ranks_by_objective_alone, 2: _secrets_are_masked, 3: _compressed_with_a_dictionary}


class NewerFormat(TrialbookError):
    """The item was written by a newer version of Trialbook, which knows how to read it; this one does not."""

    def __init__(self, kind: str, found: int, known: int) -> None:
        super().__init__(
            f"{kind} has format {found}, this version of Trialbook reads up to {known}: deploy the newer one again"
        )


def upgraded(
    kind: str, facts: Facts, written_as: float | str | None, steps: Mapping[int, Step] = STEPS, today: int = FORMAT
) -> Facts:
    """The facts in today's format. Items without a number have the first. Raises NewerFormat."""
    found = int(written_as or 1)
    if found > today:
        raise NewerFormat(kind, found, today)
    for step in range(found, today):
        facts = steps[step](kind, facts)
    return facts
