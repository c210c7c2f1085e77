"""Curves drawn with characters."""

from collections.abc import Sequence

from trialbook.core.numbers import shown

_MARKS = "•xo+*#%@"
Points = Sequence[tuple[float, float]]


def mark_of(place: int) -> str:
    """The character that draws a curve, by its place among the curves."""
    return _MARKS[place % len(_MARKS)]


def drawn(curves: Sequence[Points], width: int, height: int = 15) -> list[str]:
    """The lines of a plot with axes. Each column shows the lowest and the highest value in it, and what is between.
    Where curves cross, the last one is seen."""
    known = [point for points in curves for point in points]
    if not known:
        return []
    xs, ys = [x for x, _ in known], [y for _, y in known]
    labels = _label(max(ys)), _label(min(ys))
    margin = max(map(len, labels)) + 1
    columns = max(width - margin - 1, 10)
    grid = [[" "] * columns for _ in range(height)]
    for place, points in enumerate(curves):
        for column, low, high in _columns(points, (min(xs), max(xs)), (min(ys), max(ys)), columns, height):
            for row in range(low, high + 1):
                grid[height - 1 - row][column] = mark_of(place)
    sides = [labels[0], *[""] * (height - 2), labels[1]]
    lines = [f"{side:>{margin - 1}} │{''.join(row).rstrip()}" for side, row in zip(sides, grid, strict=True)]
    first, last = _label(min(xs)), _label(max(xs))
    ends = first if first == last else f"{first} {last:>{max(columns - len(first) - 1, 0)}}"
    return [*lines, f"{' ' * margin}└{'─' * columns}", f"{' ' * (margin + 1)}{ends}"]


def _label(value: float) -> str:
    """An axis's number in at most ten characters, so that two fit below a narrow plot."""
    text = shown(value)
    return text if len(text) <= 10 else f"{value:.3g}"


def _columns(
    points: Points, x_range: tuple[float, float], y_range: tuple[float, float], columns: int, height: int
) -> list[tuple[int, int, int]]:
    """Column, lowest and highest row of a curve, for each column that has points of it."""
    found: dict[int, tuple[int, int]] = {}
    for x, y in points:
        column, row = _place(x, x_range, columns), _place(y, y_range, height)
        low, high = found.get(column, (row, row))
        found[column] = min(low, row), max(high, row)
    return [(column, *rows) for column, rows in found.items()]


def _place(value: float, bounds: tuple[float, float], places: int) -> int:
    low, high = bounds
    return round((value / 2 - low / 2) / (high / 2 - low / 2) * (places - 1)) if high > low else 0
