"""EventBridge's patterns, matched by moto, without a copy of the event and a list of all that is in it each time."""

from collections.abc import Mapping
from typing import Any

from moto.events.models import EventPattern


class _Members:
    """An event's members by their path, of which moto asks for those that a pattern names."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event

    def get(self, path: str, otherwise: Any) -> Any:
        """What is at the path; no structure, as no filter matches one unless it is empty."""
        found: Any = self._event
        for name in path.split("."):
            if not isinstance(found, Mapping) or name not in found:
                return otherwise
            found = found[name]
        return otherwise if isinstance(found, Mapping) and found else found


def matches(pattern: EventPattern, event: Mapping[str, Any]) -> bool:
    """Whether the pattern matches. The event is JSON already."""
    given: Any = pattern.get_pattern()
    members: Any = _Members(event)
    return not given or pattern._does_event_match(members, given)  # noqa: SLF001 what its own method calls
