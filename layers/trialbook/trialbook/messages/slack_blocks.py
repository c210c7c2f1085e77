"""Slack's blocks, as far as messages use them, within Slack's limits.

Other people's texts go into plain_text, raw_text and rich_text's text, which Slack shows without mark-up. So nothing
need be escaped, and a text can't mention, link or format.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from trialbook.core.message import Bar, Link, Table
from trialbook.core.messages.texts import one_line, width
from trialbook.core.numbers import shown
from trialbook.messages.email_text import table_text

Block = dict[str, Any]
Element = dict[str, Any]

# Slack's limits, from its reference of blocks.
MOST_BLOCKS = 50
LONGEST_HEADER = 150
LONGEST_PLAIN = 3000
LONGEST_ALT_TEXT = 2000
TABLE_ROWS, TABLE_COLUMNS, TABLE_CHARACTERS = 100, 20, 10_000
CHART_TITLE, CHART_LABEL, CHART_BARS = 50, 20, 20
_WIDEST_BAR = 24  # characters of a bar drawn in text
_USER, _GROUP = re.compile(r"[UW][A-Z0-9]{2,20}"), re.compile(r"S[A-Z0-9]{2,20}")


def header(text: str) -> Block:
    """The first line, large."""
    return {"type": "header", "text": _plain(one_line(text, LONGEST_HEADER))}


def context(text: str) -> Block:
    """A small line in grey."""
    return {"type": "context", "elements": [_plain(one_line(text, LONGEST_PLAIN))]}


def _plain(text: str) -> Element:
    return {"type": "plain_text", "text": text or " ", "emoji": False}


def text(words: str, *, bold: bool = False) -> Element:
    """Words within a paragraph."""
    made: Element = {"type": "text", "text": words}
    return {**made, "style": {"bold": True}} if bold else made


def paragraph(*elements: Element) -> Element:
    """Elements that follow each other in a rich text."""
    return {"type": "rich_text_section", "elements": [each for each in elements if each.get("text", True)]}


def bullets(texts: Iterable[str]) -> Element:
    """A list in a rich text."""
    items = [paragraph(text(each)) for each in texts if each]
    return {"type": "rich_text_list", "style": "bullet", "elements": items}


def preformatted(lines: Sequence[str]) -> Element:
    """Lines in a monospaced font."""
    return {"type": "rich_text_preformatted", "elements": [text("\n".join(lines)[:LONGEST_PLAIN])]}


def rich_text(*parts: Element) -> Block:
    """Paragraphs, lists and preformatted lines. Empty ones are left out, because Slack refuses them."""
    return {"type": "rich_text", "elements": [each for each in parts if each["elements"]]}


def mention(name: str) -> Element:
    """A mention of a user or group by its id; any other name is shown as text and notifies nobody."""
    if _USER.fullmatch(name):
        return {"type": "user", "user_id": name}
    if _GROUP.fullmatch(name):
        return {"type": "usergroup", "usergroup_id": name}
    return text(one_line(name, 80))


def links(given: Sequence[Link]) -> Element:
    """A line of links; only https links are included."""
    found: list[Element] = []
    for each in given:
        if is_safe(each.url):
            found += [text(" · ")] if found else []
            found.append({"type": "link", "url": each.url, "text": each.text or each.url})
    return paragraph(*found)


def is_safe(url: str) -> bool:
    """Whether an address may be a link: https, with a host and without invisible characters."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and url.isprintable() and " " not in url


def image(file_id: str, alt_text: str) -> Block:
    """A picture that was uploaded."""
    described = one_line(alt_text, LONGEST_ALT_TEXT) or "The chart of the report"
    return {"type": "image", "slack_file": {"id": file_id}, "alt_text": described}


def table(given: Table) -> Block:
    """Slack's own table; the best row has a star and bold text."""
    mark = given.marked is not None
    rows = [[_cell(f"{'  ' if mark and not at else ''}{each}", bold=True) for at, each in enumerate(given.headers)]]
    for place, row in enumerate(given.rows):
        best = place == given.marked
        cells = [*row, *[""] * len(given.headers)][: len(given.headers)]
        rows.append([_cell(f"★ {each}" if best and not at else each, bold=best) for at, each in enumerate(cells)])
    settings = [{"align": "right" if at in given.numbers else "left"} for at in range(len(given.headers))]
    return {"type": "table", "rows": rows, "column_settings": settings}


def _cell(words: str, *, bold: bool) -> Element:
    if bold and words.strip():
        return rich_text(paragraph(text(words, bold=True)))
    return {"type": "raw_text", "text": words or " "}


def text_table(given: Table) -> Element:
    """The table as text, for workspaces without tables and for further tables of a message."""
    return preformatted(table_text(given))


def chart(bars: Sequence[Bar], title: str) -> Block | None:
    """Slack's own bar chart; None if Slack would refuse the bars."""
    drawn = bars[:CHART_BARS]
    labels = [one_line(each.label, CHART_LABEL) for each in drawn]
    if not drawn or len(set(labels)) < len(labels) or not all(labels):
        return None
    name = one_line(title.partition(" by ")[0], CHART_LABEL) or "value"
    data = [{"label": label, "value": each.value} for label, each in zip(labels, drawn, strict=True)]
    return {
        "type": "data_visualization",
        "title": one_line(title, CHART_TITLE) or "The trials",
        "chart": {"type": "bar", "series": [{"name": name, "data": data}], "axis_config": {"categories": labels}},
    }


def text_chart(bars: Sequence[Bar], title: str) -> list[Element]:
    """The bars in text."""
    drawn = bars[:CHART_BARS]
    if not drawn:
        return []
    labels = [one_line(each.label, CHART_LABEL) for each in drawn]
    longest, wide = max(abs(each.value) for each in drawn) or 1.0, max(map(width, labels))
    lines = [
        f"{label}{' ' * (wide - width(label))}  {'█' * max(1, round(abs(each.value) / longest * _WIDEST_BAR))} "
        f"{shown(each.value)}"
        for label, each in zip(labels, drawn, strict=True)
    ]
    return [paragraph(text(title, bold=True)), preformatted(lines)]


def progress_bar(done: int, total: int, cells: int = 20) -> str:
    """The progress as a bar of text."""
    filled = min(cells, round(done / total * cells)) if total else 0
    return "█" * filled + "░" * (cells - filled)
