"""Who a message's jobs belong to, by their tags."""

from collections.abc import Mapping, Sequence

from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record


def shared_tags(records: Sequence[Record]) -> Mapping[str, str]:
    """The tags that all of the records have with the same value."""
    if not records:
        return {}
    first, *others = (record.job.tags for record in records)
    return {key: value for key, value in first.items() if all(each.get(key) == value for each in others)}


def owner_of(records: Sequence[Record], rules: Rules) -> str | None:
    """The value of the owner's tag, of the first job that has one."""
    return next((owner for each in records if (owner := each.job.tags.get(rules.owner_tag))), None)
