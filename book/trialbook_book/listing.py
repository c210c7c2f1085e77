"""Named things of a book as a sequence, read once and then kept."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Generic, Protocol, SupportsIndex, TypeVar, overload

from trialbook.core.names import same_name


class Named(Protocol):
    """A sweep or an experiment."""

    @property
    def name(self) -> str:
        """Its name."""


T = TypeVar("T", bound=Named)


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
        wanted = getattr(name, "name", name)
        return isinstance(wanted, str) and any(same_name(each.name) == same_name(wanted) for each in self)

    def __repr__(self) -> str:
        many = "one" if len(self) == 1 else len(self)
        return f"<{type(self).__name__}: {many}{', first ' + repr(self[0]) if len(self) else ''}>"
