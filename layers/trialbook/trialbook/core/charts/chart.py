"""A chart, and the parts that all charts share: theme, colours, titles of axes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil, floor, log10
from typing import Any
from unicodedata import category

from trialbook.core.analysis.arithmetic import onto, place_between
from trialbook.core.analysis.model import Group, Parameter, Scale
from trialbook.core.analysis.wording import cut
from trialbook.core.messages.texts import visible
from trialbook.core.numbers import DRAWN
from trialbook.core.objectives import ObjectiveType

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
WIDTH, HEIGHT = 640, 300
_LONGEST_NAME = 48
_POWERS = (-307, 300)  # of ten, that ticks stand at


class Theme(StrEnum):
    """The background that a picture is seen on."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Colours:
    """Okabe and Ito's palette, which colour-blind people tell apart, on a light or a dark ground."""

    ground: str
    text: str
    quiet: str
    grid: str
    point: str
    best: str
    failed: str
    stopped: str
    running: str
    ramp: tuple[str, ...]  # from best to worst


_LIGHT = Colours(
    ground="#ffffff",
    text="#1b1f24",
    quiet="#57606a",
    grid="#e4e7eb",
    point="#0072b2",
    best="#c2410c",
    failed="#b3261e",
    stopped="#9a6a00",
    running="#6e7781",
    ramp=("#0b3c6f", "#2f7fb8", "#8cc0dd", "#dfe6ea"),
)
_DARK = Colours(
    ground="#15191e",
    text="#e6e9ec",
    quiet="#a3acb6",
    grid="#2d343c",
    point="#56b4e9",
    best="#f5a524",
    failed="#ff8a80",
    stopped="#e0b84c",
    running="#98a2ad",
    ramp=("#e3f2fd", "#7cc0ee", "#35739e", "#263746"),
)


def colours(theme: Theme) -> Colours:
    """The palette of a theme."""
    return _DARK if theme is Theme.DARK else _LIGHT


def stronger(theme: Theme) -> str:
    """How the better end of the ramp stands out from the ground."""
    return "lighter" if theme is Theme.DARK else "darker"


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture's Vega-Lite spec, complete with its data; `alt` says the finding to who can't see it."""

    kind: str
    title: str
    alt: str
    spec: Mapping[str, Any]


def framed(title: str, subtitle: str, body: Spec, theme: Theme) -> Spec:
    """A whole spec around a body: title, ground, fonts, quiet axes."""
    c = colours(theme)
    axis = {
        "labelColor": c.quiet,
        "titleColor": c.text,
        "gridColor": c.grid,
        "domainColor": c.quiet,
        "tickColor": c.quiet,
        "labelFontSize": 12,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
    }
    title_style = {
        "color": c.text,
        "subtitleColor": c.quiet,
        "fontSize": 16,
        "subtitleFontSize": 12,
        "subtitleFontWeight": "normal",
        "anchor": "start",
        "offset": 12,
        "limit": 2 * WIDTH,
    }
    legend = {"labelColor": c.text, "titleColor": c.text, "labelFontSize": 12, "titleFontSize": 12}
    spec = {
        "$schema": SCHEMA,
        "title": {"text": cut(title, 90), "subtitle": cut(subtitle, 130)},
        "background": c.ground,
        "padding": 14,
        "config": {
            "font": "Liberation Sans, Arial, sans-serif",
            "axis": axis,
            "title": title_style,
            "legend": legend,
            "view": {"stroke": None},
            "header": {"labelColor": c.text, "titleColor": c.text},
        },
        **body,
    }
    return {key: _seen(_spoken(value, key)) for key, value in spec.items()}


_SPOKEN = ("title", "subtitle", "text")


def _spoken(value: Any, key: str = "") -> Any:
    """The spec with titles on one line: Vega puts them into expressions, where a line break is an error."""
    if isinstance(value, dict):
        return {name: each if name == "data" else _spoken(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_spoken(each, key) for each in value]
    if isinstance(value, str) and key in _SPOKEN:
        return "".join(" " if category(character)[0] in "CZ" else character for character in value)
    return value


def _seen(value: Any) -> Any:
    """The spec with what can't be seen spelled out, in its data too: what draws refuses control characters."""
    if isinstance(value, dict):
        return {name: _seen(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_seen(each) for each in value]
    return visible(value) if isinstance(value, str) else value


def better(group: Group) -> str:
    """`lower is better`."""
    return "lower is better" if is_minimised(group) else "higher is better"


def value_axis(group: Group) -> str:
    """The title of the objective's axis."""
    return f"{cut(group.ranking.metric, _LONGEST_NAME)} ({better(group)})"


_STRIP = 0.17  # of the axis, for what is worse than its bend
_MOST_TICKS = 6


def value_scale(group: Group, height: float = HEIGHT) -> Spec:
    """The objective's scale: not from zero, and what is too far off is at its end. Outliers share a strip at the
    worse end, so that the good region has the room."""
    spread = group.spread
    low, high = spread.axis_low, spread.axis_high
    kind: Spec = {"type": spread.scale.value, "clamp": True, "zero": False, "nice": False}
    if spread.scale is Scale.LOG:
        room = max((high / low) ** 0.05, 1.02)
        bottom, top = low / room, high * room
    else:
        sizes = ((high - low) * (0.04 if spread.bend is not None else 0.08), abs(high) * 0.05, 1)
        pad = next(size for size in sizes if size > 1 / DRAWN)
        bottom, top = low - pad, high + pad
    if spread.bend is None:
        return {**kind, "domain": [bottom, top]}
    turn = height * (_STRIP if is_minimised(group) else 1 - _STRIP)
    return {**kind, "domain": [bottom, spread.bend, top], "range": [height, turn, 0]}


def value_ticks(group: Group) -> list[float] | None:
    """Ticks of an axis with a strip: between its good end and its bend, and the farthest value; None of other axes."""
    spread = group.spread
    if spread.bend is None or spread.scale is Scale.LOG:
        return None
    is_least = is_minimised(group)
    low, high = (spread.axis_low, spread.bend) if is_least else (spread.bend, spread.axis_high)
    step = _nice((high - low) / _MOST_TICKS)
    first = ceil(low / step)
    inner = [float(f"{place * step:.12g}") for place in range(first, floor(high / step) + 1)]
    return [*inner, spread.axis_high if is_least else spread.axis_low]


def _nice(step: float) -> float:
    power: float = 10 ** floor(log10(step))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= step * 0.999)


def strip(group: Group, height: float, c: Colours) -> list[Spec]:
    """The ground of the strip that outliers share."""
    if group.spread.bend is None:
        return []
    edges = (0.0, height * _STRIP) if is_minimised(group) else (height * (1 - _STRIP), height)
    mark = {"type": "rect", "color": c.grid, "opacity": 0.55}
    places = {name: {"value": edge} for name, edge in zip(("y", "y2"), edges, strict=True)}
    return [{"data": {"values": [{}]}, "mark": mark, "encoding": places}]


def value_level(group: Group, value: float) -> float:
    """Where a value is on the objective's axis: 0 at its lower end, 1 at its upper one."""
    spread = group.spread
    to = onto(spread.scale)
    low, high, at = (to(each) for each in (spread.axis_low, spread.axis_high, value))
    at = min(max(at, low), high)
    if low == high:
        return 0.5
    if spread.bend is None:
        return place_between(low, high, at)
    turn, share = to(spread.bend), (1 - _STRIP if is_minimised(group) else _STRIP)
    if at <= turn:
        return share * place_between(low, turn, at) if low < turn else share
    return share + (1 - share) * place_between(turn, high, at)


def is_minimised(group: Group) -> bool:
    """Whether lower is better: then the upper edge is the worse one."""
    return group.ranking.type == ObjectiveType.MINIMIZE


def ticks(parameter: Parameter) -> list[float]:
    """Ticks of a log scale at 1, 3, 10, 30 and so on, or at powers of ten where those are many."""
    assert parameter.lowest is not None
    assert parameter.highest is not None
    first, last = floor(log10(parameter.lowest)), ceil(log10(parameter.highest))
    steps = (1, 3) if last - first <= 4 else (1,)
    every = max(1, (last - first) // 6)
    powers = range(max(first, _POWERS[0]), min(last, _POWERS[1]) + 1, every)
    return [step * 10.0**power for power in powers for step in steps]


def zero_ticks(parameter: Parameter, least: float) -> list[float]:
    """0, and powers of ten."""
    return [0.0, *(tick for tick in ticks(replace(parameter, lowest=least)) if tick >= least * 0.99)]


def parameter_axis(parameter: Parameter, *, is_log: bool = False) -> str:
    """The title of a hyperparameter's axis."""
    is_log = is_log or parameter.scale is Scale.LOG
    return cut(parameter.name, _LONGEST_NAME) + (" (log scale)" if is_log else "")


def parameter_scale(parameter: Parameter, least: float | None = None) -> Spec:
    """The scale of a number: its range if it has one. `least` is the least positive value of one with 0."""
    if least is not None:
        return {"type": "symlog", "constant": least, "nice": False, "padding": 14}
    return {"type": "log" if parameter.scale is Scale.LOG else "linear", "zero": False, "nice": False, "padding": 14}
