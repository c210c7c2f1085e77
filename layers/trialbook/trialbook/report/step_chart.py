"""Stairs over stairs as one SVG: plain shapes that the page's style colours, for light, dark and paper alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from trialbook.core.numbers import DRAWN, shown, within

WIDTH, NARROW, HEIGHT = 720, 360, 300  # pixels; NARROW is for phones, where a wide chart's texts would be too small
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 16, 14, 44


@dataclass(frozen=True, slots=True)
class Stairs:
    """One line: where it steps and to which value; it goes on level to `until`."""

    name: str
    steps: tuple[tuple[float, float], ...]
    until: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line in pixels; `style` is its place in the palette, `end` where its last step stands."""

    name: str
    style: int
    points: str
    end: tuple[float, float]
    label: str


@dataclass(frozen=True, slots=True)
class StepChart:
    """What the template draws."""

    lines: tuple[Line, ...]
    rows: tuple[tuple[float, str], ...]
    columns: tuple[tuple[float, str], ...]
    x_label: str
    y_label: str
    size: tuple[int, int]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of where the lines are."""
        return _LEFT, _TOP, self.size[0] - _RIGHT, self.size[1] - _BOTTOM


def step_charts(stairs: Sequence[Stairs], x_label: str, y_label: str) -> tuple[StepChart, StepChart]:
    """The chart of at least one line, wide and narrow."""
    wide, narrow = (step_chart(stairs, x_label, y_label, width) for width in (WIDTH, NARROW))
    return wide, narrow


def step_chart(stairs: Sequence[Stairs], x_label: str, y_label: str, width: int = WIDTH) -> StepChart:
    """The chart of at least one line."""
    values = [within(value, DRAWN) for each in stairs for _, value in each.steps]
    ends = [each.until for each in stairs]
    y, rows = _scale(min(values), max(values), HEIGHT - _BOTTOM, _TOP)
    x, columns = _scale(0, max(ends), _LEFT, width - _RIGHT)
    lines = tuple(_line(each, at, x, y) for at, each in enumerate(stairs))
    ticks = tuple(each for each in columns if float(each[1]).is_integer())
    return StepChart(lines, rows, ticks, x_label, y_label, (width, HEIGHT))


_Place = Callable[[float], float]


def _scale(low: float, high: float, start: float, end: float) -> tuple[_Place, tuple[tuple[float, str], ...]]:
    """A linear scale with some room at both ends, and its ticks."""
    room = next(size for size in (high - low, abs(high), 1) if size > 1 / DRAWN) * 0.05
    low, high = (low if low == 0 else low - room), high + room

    def place(value: float) -> float:
        return round(start + (within(value, DRAWN) - low) / (high - low) * (end - start), 1)

    step = _nice((high - low) / 5)
    ticks = [float(f"{k * step:.12g}") for k in range(ceil(low / step), floor(high / step) + 1)]
    return place, tuple((place(tick), shown(tick)) for tick in ticks)


def _nice(step: float) -> float:
    power: float = 10 ** floor(log10(step))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= step)


def _line(stairs: Stairs, style: int, x: _Place, y: _Place) -> Line:
    points = []
    level = stairs.steps[0][1]
    for at, value in stairs.steps:
        points += [(x(at), y(level)), (x(at), y(value))]
        level = value
    points.append((x(stairs.until), y(level)))
    last = stairs.steps[-1]
    return Line(stairs.name, style, " ".join(f"{a},{b}" for a, b in points), (x(last[0]), y(last[1])), shown(last[1]))
