"""A queue for tests of batches: remembers what happened to its messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class RememberingQueue:
    """What was postponed, by receipt and seconds, and the bodies that were given up."""

    postponed: list[tuple[str, int]] = field(default_factory=list)
    hidden: list[tuple[str, int]] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    def postpone(self, receipt_handle: str, delay: int) -> None:
        self.postponed.append((receipt_handle, delay))

    def hide(self, receipts: Mapping[str, int]) -> None:
        self.hidden += receipts.items()

    def give_up(self, body: str) -> None:
        self.given_up.append(body)
