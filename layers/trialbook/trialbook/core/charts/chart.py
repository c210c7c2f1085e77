"""What a chart is, and what all charts share: theme, colours, titles of axes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor, log10
from typing import Any
from unicodedata import category

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
    """What a picture is seen on."""

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


def value_scale(group: Group) -> Spec:
    """The objective's scale: not from zero, and what is too far off lies at its end."""
    spread = group.spread
    sizes = ((spread.axis_high - spread.axis_low) * 0.08, abs(spread.axis_high) * 0.05, 1)
    pad = next(size for size in sizes if size > 1 / DRAWN)
    return {"domain": [spread.axis_low - pad, spread.axis_high + pad], "clamp": True, "zero": False, "nice": False}


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


def parameter_axis(parameter: Parameter) -> str:
    """The title of a hyperparameter's axis."""
    return cut(parameter.name, _LONGEST_NAME) + (" (log scale)" if parameter.scale is Scale.LOG else "")


def parameter_scale(parameter: Parameter) -> Spec:
    """The scale of a number: its range where it has one."""
    return {"type": "log" if parameter.scale is Scale.LOG else "linear", "zero": False, "nice": False, "padding": 14}
