"""A measured series, and all series of a job."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from trialbook.core.numbers import LARGEST

_NO_SERIES: Mapping[str, "Series"] = MappingProxyType({})
_NO_HOSTS: Mapping[str, Mapping[str, "Series"]] = MappingProxyType({})


class Axis(StrEnum):
    """The axis that a series is measured along."""

    ITERATION = "iteration"
    TIME = "time"  # seconds since 1970


@dataclass(frozen=True)
class Series:
    """Points in ascending order of x. A value that is no finite number is None. `measured` counts the points before the
    series was thinned."""

    axis: Axis
    xs: tuple[float, ...]
    values: tuple[float | None, ...]
    measured: int

    @staticmethod
    def of(axis: Axis, points: Iterable[tuple[float, float | None]]) -> "Series":
        """A series from points in any order; of several at the same x the last one given counts. A service may answer
        anything, so points whose x is no finite number are left out."""
        by_x = {place: _finite(value) for x, value in points if (place := _finite(x)) is not None}
        xs = tuple(sorted(by_x))
        return Series(axis, xs, tuple(by_x[x] for x in xs), len(xs))

    @property
    def is_thinned(self) -> bool:
        """Whether points were left out."""
        return self.measured > len(self.xs)

    @cached_property
    def numbers(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The points whose value is a finite number, as their x and their values. Kept, because a report asks for them
        many times."""
        values = tuple([value for value in self.values if value is not None])
        if len(values) == len(self.values):
            return self.xs, values
        return tuple([x for x, value in zip(self.xs, self.values, strict=True) if value is not None]), values

    def points(self) -> list[tuple[float, float]]:
        """The points whose value is a finite number."""
        return list(zip(*self.numbers, strict=True))


def _finite(value: object) -> float | None:
    """A number that is finite as a float; otherwise None."""
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > LARGEST:
        return None
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class JobCurves:
    """The series of a job: its metrics by name, and the use of its machines by host and measure, such as
    `CPUUtilization` of `algo-1`."""

    job_name: str
    metrics: Mapping[str, Series] = field(default_factory=lambda: _NO_SERIES)
    hosts: Mapping[str, Mapping[str, Series]] = field(default_factory=lambda: _NO_HOSTS)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        of_hosts = (each for used in self.hosts.values() for each in used.values())
        return not any(each.xs for each in (*self.metrics.values(), *of_hosts))
