"""Stairs over stairs as one SVG: plain shapes that the page's style colours, for light, dark and paper alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from trialbook.core.numbers import DRAWN, shown, within

HEIGHT = 300  # pixels
WIDTH, HALF, NARROW = 1080, 600, 360  # the whole page's, beside something else, and a phone's: texts keep their size
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 16, 14, 44


@dataclass(frozen=True, slots=True)
class Stairs:
    """One line: where it steps and to which value; it continues level to `until`."""

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
    """The data that the template draws."""

    lines: tuple[Line, ...]
    dots: tuple[tuple[float, float, str], ...]
    rows: tuple[tuple[float, str], ...]
    columns: tuple[tuple[float, str], ...]
    x_label: str
    y_label: str
    size: tuple[int, int]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of where the lines are."""
        return _LEFT, _TOP, self.size[0] - _RIGHT, self.size[1] - _BOTTOM


Dot = tuple[float, float, str]  # where it is, its value, and what it is called


def step_charts(
    stairs: Sequence[Stairs], x_label: str, y_label: str, dots: Sequence[Dot] = (), wide: int = WIDTH
) -> tuple[StepChart, StepChart]:
    """The chart of at least one line, wide and narrow."""
    one, other = (step_chart(stairs, x_label, y_label, width, dots) for width in (wide, NARROW))
    return one, other


def step_chart(
    stairs: Sequence[Stairs], x_label: str, y_label: str, width: int = WIDTH, dots: Sequence[Dot] = ()
) -> StepChart:
    """The chart of at least one line."""
    values = [within(value, DRAWN) for each in stairs for _, value in each.steps]
    values += [within(value, DRAWN) for _, value, _ in dots]
    ends = [each.until for each in stairs]
    y, rows = _scale(min(values), max(values), HEIGHT - _BOTTOM, _TOP)
    x, columns = _scale(0, max(ends), _LEFT, width - _RIGHT)
    lines = tuple(_line(each, at, x, y) for at, each in enumerate(stairs))
    ticks = tuple(each for each in columns if float(each[1]).is_integer())
    placed = tuple((x(at), y(value), f"{name}: {shown(value)}") for at, value, name in dots)
    return StepChart(lines, placed, rows, ticks, x_label, y_label, (width, HEIGHT))


SPARK = (140, 30)  # pixels


def spark_line(values: Sequence[float]) -> tuple[str, tuple[tuple[float, float], ...]]:
    """Values in their order as a small line without axes: its points, and where each stands."""
    kept = [within(value, DRAWN) for value in values]
    y, _ = _scale(min(kept), max(kept), SPARK[1] - 4, 4, from_zero=False)
    wide = SPARK[0] - 10
    places = tuple((round(5 + wide * at / max(len(kept) - 1, 1), 1), y(value)) for at, value in enumerate(kept))
    return " ".join(f"{a},{b}" for a, b in places), places


_Place = Callable[[float], float]


def _scale(
    low: float, high: float, start: float, end: float, *, from_zero: bool = True
) -> tuple[_Place, tuple[tuple[float, str], ...]]:
    """A linear scale with some room at both ends, and its ticks."""
    room = next(size for size in (high - low, abs(high), 1) if size > 1 / DRAWN) * 0.05
    low, high = (low if from_zero and low == 0 else low - room), high + room

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
