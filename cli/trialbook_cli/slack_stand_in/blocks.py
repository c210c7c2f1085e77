"""Checks blocks against Slack's reference: types, needed fields, limits."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

_MOST, _TABLE_ROWS, _CELLS, _TABLE_CHARACTERS = 50, 100, 20, 10_000
_CHARTS, _SERIES, _LABEL, _TITLE = 2, 6, 20, 50
_RICH = frozenset({"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"})


def problems(blocks: Any, *, native: bool = True) -> list[str]:
    """What is wrong with a message's blocks, each with its place; nothing where Slack takes them. Without `native`,
    tables and charts are unknown, as in a workspace that does not have them yet."""
    if not isinstance(blocks, Sequence) or isinstance(blocks, str):
        return ["blocks: no list"]
    found = [f"blocks: {len(blocks)}, at most {_MOST}"] if len(blocks) > _MOST else []
    kinds = [each.get("type") if isinstance(each, Mapping) else None for each in blocks]
    if kinds.count("table") > 1:
        found.append("blocks: only one table")
    if kinds.count("data_visualization") > _CHARTS:
        found.append(f"blocks: at most {_CHARTS} charts")
    for at, block in enumerate(blocks):
        kind = kinds[at]
        check = _CHECKS.get(str(kind))
        if check is None or (not native and kind in ("table", "data_visualization")):
            found.append(f"blocks[{at}]: unsupported type {kind!r}")
        else:
            found += [f"blocks[{at}]{each}" for each in check(block)]
    return found


def _text(where: str, value: Any, longest: int, kinds: Sequence[str] = ("plain_text", "mrkdwn")) -> Iterator[str]:
    if not isinstance(value, Mapping) or value.get("type") not in kinds:
        yield f"{where}: expected one of {', '.join(kinds)}"
    elif "verbatim" in value and value["type"] == "plain_text":
        yield f"{where}: verbatim is for mrkdwn"
    else:
        yield from _string(f"{where}.text", value.get("text"), longest)


def _string(where: str, value: Any, longest: int) -> Iterator[str]:
    if not isinstance(value, str) or not value:
        yield f"{where}: expected a text"
    elif len(value) > longest:
        yield f"{where}: {len(value)} characters, at most {longest}"


def _header(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(".text", block.get("text"), 150, ("plain_text",))


def _section(block: Mapping[str, Any]) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" not in block and not fields:
        yield ": text or fields"
    if "text" in block:
        yield from _text(".text", block["text"], 3000)
    if len(fields) > 10:
        yield f".fields: {len(fields)}, at most 10"
    for at, field in enumerate(fields):
        yield from _text(f".fields[{at}]", field, 2000)


def _context(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 10:
        yield f".elements: {len(elements)}, 1 to 10"
    for at, element in enumerate(elements):
        yield from _text(f".elements[{at}]", element, 3000)


def _image(block: Mapping[str, Any]) -> Iterator[str]:
    if ("image_url" in block) == ("slack_file" in block):
        yield ": image_url or slack_file"
    yield from _string(".alt_text", block.get("alt_text"), 2000)


def _divider(block: Mapping[str, Any]) -> Iterator[str]:
    yield from ()


def _rich_text(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not elements:
        yield ".elements: expected some"
        return
    for at, element in enumerate(elements):
        yield from _rich_element(f".elements[{at}]", element)


def _rich_element(where: str, element: Any) -> Iterator[str]:
    kind = element.get("type") if isinstance(element, Mapping) else None
    if kind not in _RICH:
        yield f"{where}: unsupported type {kind!r}"
        return
    inner = element.get("elements")
    if not isinstance(inner, list) or not inner:
        yield f"{where}.elements: expected some"
        return
    if kind == "rich_text_list" and element.get("style") not in ("bullet", "ordered"):
        yield f"{where}.style: bullet or ordered"
    for at, each in enumerate(inner):
        if kind == "rich_text_list":
            yield from _rich_element(f"{where}.elements[{at}]", each)
        else:
            yield from _rich_word(f"{where}.elements[{at}]", each)


def _rich_word(where: str, word: Any) -> Iterator[str]:
    kind = word.get("type") if isinstance(word, Mapping) else None
    match kind:
        case "text":
            yield from _string(f"{where}.text", word.get("text"), 12_000)
        case "link":
            yield from _string(f"{where}.url", word.get("url"), 3000)
        case "user":
            yield from _string(f"{where}.user_id", word.get("user_id"), 30)
        case "usergroup":
            yield from _string(f"{where}.usergroup_id", word.get("usergroup_id"), 30)
        case _:
            yield f"{where}: unsupported type {kind!r}"


def _table(block: Mapping[str, Any]) -> Iterator[str]:
    rows = block.get("rows")
    if not isinstance(rows, list) or not 1 <= len(rows) <= _TABLE_ROWS:
        yield f".rows: 1 to {_TABLE_ROWS}"
        return
    if len({len(row) for row in rows}) > 1:
        yield ".rows: rows of different lengths"
    for at, row in enumerate(rows):
        if not 1 <= len(row) <= _CELLS:
            yield f".rows[{at}]: {len(row)} cells, 1 to {_CELLS}"
        for place, cell in enumerate(row):
            yield from _cell(f".rows[{at}][{place}]", cell)
    if _length(rows) > _TABLE_CHARACTERS:
        yield f".rows: {_length(rows)} characters, at most {_TABLE_CHARACTERS}"
    settings = block.get("column_settings", [])
    if len(settings) > _CELLS or any(each.get("align") not in (None, "left", "center", "right") for each in settings):
        yield ".column_settings"


def _cell(where: str, cell: Any) -> Iterator[str]:
    match cell.get("type") if isinstance(cell, Mapping) else None:
        case "raw_text":
            yield from _string(f"{where}.text", cell.get("text"), 3000)
        case "rich_text":
            yield from (f"{where}{each}" for each in _rich_text(cell))
        case kind:
            yield f"{where}: unsupported type {kind!r}"


def _length(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(
            len(each) if key == "text" and isinstance(each, str) else _length(each) for key, each in value.items()
        )
    return sum(map(_length, value)) if isinstance(value, list) else 0


def _chart(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _string(".title", block.get("title"), _TITLE)
    chart = block.get("chart")
    if not isinstance(chart, Mapping) or chart.get("type") not in ("bar", "line", "area"):
        yield ".chart.type: bar, line or area"
        return
    axis = chart.get("axis_config", {})
    categories = axis.get("categories", [])
    if not categories or len(set(categories)) < len(categories):
        yield ".chart.axis_config.categories: some, each once"
    for each in categories:
        yield from _string(".chart.axis_config.categories", each, _LABEL)
    series = chart.get("series", [])
    if not 1 <= len(series) <= _SERIES or len({each.get("name") for each in series}) < len(series):
        yield f".chart.series: 1 to {_SERIES}, of different names"
    for at, each in enumerate(series):
        yield from _series(f".chart.series[{at}]", each, categories)


def _series(where: str, series: Mapping[str, Any], categories: Sequence[str]) -> Iterator[str]:
    yield from _string(f"{where}.name", series.get("name"), _LABEL)
    data = series.get("data", [])
    if [each.get("label") for each in data] != list(categories):
        yield f"{where}.data: a value for each category"
    if not all(isinstance(each.get("value"), int | float) and math.isfinite(each["value"]) for each in data):
        yield f"{where}.data: numbers"


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = MappingProxyType(
    {
        "header": _header,
        "section": _section,
        "context": _context,
        "image": _image,
        "divider": _divider,
        "rich_text": _rich_text,
        "table": _table,
        "data_visualization": _chart,
    }
)
