"""What this process has read and written lately, so that it can leave out reads that would tell nothing new.

Nothing here decides what is written. Each write depends on the versions that it builds on, so what has become outdated
costs a conflict and another read.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from trialbook.core.jobs import JobKey
from trialbook.core.sweeps import LoopVersion, Record, Sweep

K = TypeVar("K")
V = TypeVar("V")

_MOST = 2_000  # jobs, and loops


@dataclass(slots=True)
class Windows:
    """The windows of a loop as of a version, latest first; all of them, or the first ones if not `are_all`."""

    head: LoopVersion
    found: list[Sweep] = field(default_factory=list)
    are_all: bool = False

    def following(self, windows: Iterator[Sweep]) -> Iterator[Sweep]:
        """The windows, noted as they are read."""
        for window in windows:
            self.found.append(window)
            yield window
        self.are_all = True

    def write(self, head: LoopVersion, changed: Iterable[Sweep]) -> None:
        """Follows a change of the loop, the next one after the version."""
        oldest = "" if self.are_all or not self.found else self.found[-1].id
        standing = {each.id: each for each in (*self.found, *changed)}
        left = [each for each in standing.values() if each.superseded_by is None and each.id >= oldest]
        self.head, self.found = head, sorted(left, key=lambda each: each.id, reverse=True)


class Recent:
    """The jobs and loops of which this process has read or written lately."""

    def __init__(self) -> None:
        self._ended: OrderedDict[JobKey, bool] = OrderedDict()
        self._loops: OrderedDict[str, Windows] = OrderedDict()
        self._loop_of: OrderedDict[JobKey, str] = OrderedDict()

    def is_news(self, key: JobKey, *, is_terminal: bool) -> bool:
        """Whether the process meets the job, or its end, for the first time. From now on it has met it."""
        known = self._ended.get(key)
        keep(self._ended, key, is_terminal or bool(known))
        return known is None or (is_terminal and not known)

    def loop_of(self, key: JobKey) -> str | None:
        """The loop where the process wrote the job, if it knows the loop's windows."""
        loop = self._loop_of.get(key)
        return loop if loop in self._loops else None

    def windows(self, loop: str, head: LoopVersion) -> Windows | None:
        """The windows of a loop if this is still their version."""
        known = self._loops.get(loop)
        return known if known is not None and known.head.version == head.version and not head.moving else None

    def read(self, loop: str, head: LoopVersion, windows: Iterator[Sweep]) -> Iterator[Sweep]:
        """Notes the windows of a loop as they are read."""
        known = Windows(head)
        keep(self._loops, loop, known)
        return known.following(windows)

    def wrote(
        self, records: Iterable[Record], sweeps: Iterable[Sweep], loops: Iterable[tuple[str, LoopVersion]]
    ) -> None:
        """Follows a transaction."""
        changed = list(sweeps)
        for loop, head in loops:
            known = self._loops.get(loop)
            if known is not None and not head.moving and known.head.version == head.version - 1:
                known.write(head, [each for each in changed if each.id.startswith(f"{loop}@")])
            else:
                self._loops.pop(loop, None)
        for record in records:
            if record.sweep is not None and "@" in record.sweep:
                keep(self._loop_of, record.key, record.sweep.partition("@")[0])


def keep(entries: OrderedDict[K, V], key: K, value: V) -> None:
    """Keeps a value, and forgets the one that was kept longest ago if there are too many."""
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > _MOST:
        entries.popitem(last=False)
