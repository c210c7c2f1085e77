"""Layers that several charts use: trials by status, the best one with its value, failed ones at the edge."""

from typing import Any

from trialbook.core.charts.chart import Colours, Spec

Data = list[dict[str, Any]]

STAR = (
    "M0,-1L0.225,-0.309L0.951,-0.309L0.363,0.118L0.588,0.809"
    "L0,0.382L-0.588,0.809L-0.363,0.118L-0.951,-0.309L-0.225,-0.309Z"
)


def trials(data: Data, x: Spec, y: Spec, c: Colours, size: int = 60) -> list[Spec]:
    """Points: filled circles for completed trials, hollow triangles for those stopped early, a star for the best."""
    ordinary = [each for each in data if each["mark"] == "completed"]
    stopped = [each for each in data if each["mark"] == "stopped early"]
    best = [each for each in data if each["mark"] == "best"]
    layers: list[Spec] = []
    if ordinary:
        mark = {"type": "point", "shape": "circle", "filled": True, "size": size, "color": c.point, "opacity": 0.75}
        layers.append({"data": {"values": ordinary}, "mark": mark, "encoding": {"x": x, "y": y}})
    if stopped:
        mark = {"type": "point", "shape": "triangle-up", "filled": False, "size": size, "color": c.stopped}
        layers.append({"data": {"values": stopped}, "mark": {**mark, "strokeWidth": 1.6}, "encoding": {"x": x, "y": y}})
    return [*layers, *star(best, x, y, c)]


def star(best: Data, x: Spec, y: Spec, c: Colours) -> list[Spec]:
    """The best trial, marked by shape and by its value in words."""
    if not best:
        return []
    mark = {"type": "point", "shape": STAR, "filled": True, "size": 260, "color": c.best, "opacity": 1}
    text = {"type": "text", "dy": -16, "fontSize": 13, "fontWeight": "bold", "color": c.best}
    halo = {**text, "color": c.ground, "stroke": c.ground, "strokeWidth": 4, "strokeJoin": "round"}
    label = {"field": "label", "type": "nominal"}
    return [
        {"data": {"values": best}, "mark": mark, "encoding": {"x": x, "y": y}},
        {"data": {"values": best}, "mark": halo, "encoding": {"x": x, "y": y, "text": label}},
        {"data": {"values": best}, "mark": text, "encoding": {"x": x, "y": y, "text": label}},
    ]


def failures(data: Data, x: Spec, c: Colours, *, at_top: bool) -> list[Spec]:
    """Failed trials: crosses along the worse edge, if they have a place on the other axis."""
    if not data:
        return []
    mark = {"type": "point", "shape": "cross", "angle": 45, "filled": True, "size": 60, "color": c.failed}
    place = {"value": 0 if at_top else "height"}
    return [
        {"data": {"values": data}, "mark": {**mark, "yOffset": 7 if at_top else -7}, "encoding": {"x": x, "y": place}}
    ]


def marks_in_words(*, stopped: int, failed: int) -> str:
    """The marks in words, for subtitles."""
    parts = ["star: best"]
    if stopped:
        parts.append("triangles: stopped early")
    if failed:
        parts.append("crosses: failed")
    return "; ".join(parts)
