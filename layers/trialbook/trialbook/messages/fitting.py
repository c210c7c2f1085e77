"""Cuts messages to what a mail can hold: each text on one line, without characters that move or hide others; tables of
a readable size. What is left out is counted in its place."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from trialbook.core.analysis.wording import plural
from trialbook.core.message import Bar, Fact, Link, Message, Section, Table
from trialbook.core.messages.texts import last_lines, one_line

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Characters of a title, a text and a cell; how many rows, columns, items of a list, sections and
    lines of a log."""

    title: int = 200
    text: int = 600
    cell: int = 60
    rows: int = 20
    columns: int = 10
    items: int = 20
    sections: int = 25
    log: int = 30


# From the most generous to what always fits: mail programs cut off long mails.
LIMITS = (
    Limits(),
    Limits(text=300, cell=40, rows=10, columns=8, items=10, sections=15, log=15),
    Limits(title=120, text=120, cell=24, rows=5, columns=6, items=6, sections=8, log=8),
    Limits(title=80, text=80, cell=16, rows=4, columns=5, items=3, sections=4, log=4),
)


def fitted(message: Message, limits: Limits) -> Message:
    """The message within the limits, for all renderers of mail."""
    return replace(
        message,
        title=one_line(message.title, limits.title),
        subject=one_line(message.subject, limits.title),
        experiment=one_line(message.experiment, limits.title),
        verdict=one_line(message.verdict, limits.text),
        constants=one_line(message.constants, limits.text),
        bars_label=one_line(message.bars_label, limits.cell),
        sentences=_listed(message.sentences, limits),
        failures=_listed(message.failures, limits),
        log="\n".join(last_lines(message.log, limits.log, limits.text)) if message.log else "",
        advice=_listed(message.advice, limits),
        facts=tuple(
            Fact(one_line(each.label, limits.cell), one_line(each.text, limits.text))
            for each in message.facts[: limits.items]
        ),
        bars=_bars(message.bars, limits),
        table=_table(message.table, limits),
        links=_links(message.links, limits),
        sections=_sections(message.sections, limits),
        picture=None
        if message.picture is None
        else replace(message.picture, alt_text=one_line(message.picture.alt_text, limits.text)),
    )


def as_many_as_fit(parts: Iterable[T], size: Callable[[T], int], most: int) -> tuple[list[T], bool]:
    """The parts that fit into `most` together, and whether these are all. Later parts are not made."""
    kept: list[T] = []
    used = 0
    for part in parts:
        used += size(part)
        if used > most:
            return kept, False
        kept.append(part)
    return kept, True


def _listed(texts: Sequence[str], limits: Limits) -> tuple[str, ...]:
    kept = tuple(one_line(text, limits.text) for text in texts[: limits.items])
    left = len(texts) - len(kept)
    return (*kept, f"And {left:,} more.") if left else kept


def _bars(bars: Sequence[Bar], limits: Limits) -> tuple[Bar, ...]:
    """The bars that have a length."""
    finite = [each for each in bars if math.isfinite(each.value)]
    return tuple(Bar(one_line(each.label, limits.cell), each.value) for each in finite[: limits.rows])


def _table(table: Table | None, limits: Limits) -> Table | None:
    if table is None or not table.headers:
        return None
    columns, rows = limits.columns, table.rows[: limits.rows]
    left = [
        plural(number, word)
        for number, word in (
            (len(table.rows) - len(rows), "more row"),
            (len(table.headers) - len(table.headers[:columns]), "more column"),
        )
        if number
    ]
    caption = one_line(table.caption, limits.text)
    if left:
        caption = f"{caption.rstrip('.')}{'. ' if caption else ''}Not shown here: {' and '.join(left)}."
    return Table(
        headers=_cells(table.headers, limits),
        rows=tuple(_cells(row, limits) for row in rows),
        numbers=tuple(each for each in table.numbers if each < columns),
        marked=table.marked if table.marked is not None and table.marked < len(rows) else None,
        caption=caption,
    )


def _cells(texts: Sequence[str], limits: Limits) -> tuple[str, ...]:
    return tuple(one_line(text, limits.cell) for text in texts[: limits.columns])


def _links(links: Sequence[Link], limits: Limits) -> tuple[Link, ...]:
    """The https links. Too long ones are left out, because a cut address leads nowhere."""
    kept = [
        each for each in links if each.url.startswith("https://") and each.url.isprintable() and " " not in each.url
    ]
    return tuple(Link(one_line(each.text, limits.cell), each.url) for each in kept if len(each.url) <= 2000)[:8]


def _sections(sections: Sequence[Section], limits: Limits) -> tuple[Section, ...]:
    kept = tuple(
        Section(
            one_line(each.title, limits.title),
            _listed(each.sentences, limits),
            _table(each.table, limits),
            _links(each.links, limits)[:2],
        )
        for each in sections[: limits.sections]
    )
    left = len(sections) - len(kept)
    return (*kept, Section(f"And {left:,} more")) if left else kept
