"""The experiments and the sweeps of a book as sequences, read once and then kept."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Generic, SupportsIndex, TypeVar, overload

from trialbook.core.names import same_name
from trialbook_book.jobs import Experiment, Jobs, Sweep

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T", bound=Jobs)


class Listing(Generic[T]):
    """Sweeps or experiments. Nothing is read before the first question."""

    def __init__(self, read: Callable[[], Iterable[T]]) -> None:
        self._read = read

    @cached_property
    def _all(self) -> tuple[T, ...]:
        return tuple(self._read())

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[T]:
        return iter(self._all) if "_all" in vars(self) else iter(self._read())

    @overload
    def __getitem__(self, at: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> "Listing[T]": ...
    def __getitem__(self, at: SupportsIndex | slice) -> "T | Listing[T]":
        if not isinstance(at, slice):
            return self._all[at]
        found = self._all[at]
        return type(self)(lambda: found)

    def __contains__(self, name: object) -> bool:
        """Whether it holds a sweep or experiment of the name."""
        wanted = name.name if isinstance(name, Jobs) else name
        return isinstance(wanted, str) and any(same_name(each.name) == same_name(wanted) for each in self)

    def __repr__(self) -> str:
        many = "one" if len(self) == 1 else len(self)
        return f"<{type(self).__name__}: {many}{', first ' + repr(self[0]) if len(self) else ''}>"


class Experiments(Listing[Experiment]):
    """Experiments by name."""

    def to_pandas(self) -> "pd.DataFrame":
        """The experiments as a DataFrame."""
        from trialbook_book.frames import experiments_frame

        return experiments_frame([each.facts for each in self])

    def _repr_html_(self) -> str:
        from trialbook_book.html import experiments_html

        return experiments_html(self)


class Sweeps(Listing[Sweep]):
    """Sweeps in order of time."""

    def to_pandas(self) -> "pd.DataFrame":
        """The sweeps as a DataFrame."""
        from trialbook_book.frames import sweeps_frame

        return sweeps_frame([each.facts for each in self])

    def _repr_html_(self) -> str:
        from trialbook_book.html import sweeps_html

        return sweeps_html(self)
