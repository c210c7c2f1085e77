"""A message as plain text, for people who read mail as text and for screen readers."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from trialbook.core.analysis.wording import moment
from trialbook.core.message import Message, MessageKind, Section, Table
from trialbook.core.messages.texts import width
from trialbook.core.numbers import shown

LOG_LABEL = "End of the log"
_COLUMNS = 76  # with the mark of a quoted line it stays below 78


def email_text(message: Message, label: str, notes: Sequence[str]) -> str:
    """The text part of a fitted message. `label` is its kind and state, `notes` name the enclosures."""
    return "\n".join(_lines(message, label, notes)) + "\n"


def constants_label(message: Message) -> str:
    """The heading of hyperparameters that do not vary."""
    return "Hyperparameters" if message.kind is MessageKind.JOB else "Same in all trials"


def failures_label(message: Message) -> str:
    """The heading of the failure reasons."""
    return "Why it failed" if message.kind is MessageKind.JOB else "Failures"


def _lines(message: Message, label: str, notes: Sequence[str]) -> Iterator[str]:
    yield label.upper()
    yield from _paragraph(message.title)
    yield ""
    if message.verdict:
        yield from _paragraph(message.verdict)
        yield ""
    for sentence in message.sentences:
        yield from _paragraph(sentence)
    if message.sentences:
        yield ""
    yield from _under("", table_text(message.table) if message.table else ())
    if message.table is None or not message.picture:
        yield from _under(message.bars_label, [f"{each.label}: {shown(each.value)}" for each in message.bars])
    yield from _under(constants_label(message), _paragraph(message.constants))
    yield from _under(failures_label(message), _items(message.failures))
    yield from _under(LOG_LABEL, [f"    {line}" for line in message.log.split("\n")] if message.log else ())
    yield from _under("What to do next", _items(message.advice))
    yield from _under("Facts", _facts([(each.label, each.text) for each in message.facts]))
    for section in message.sections:
        yield from _section(section)
    yield from _under("Links", [line for each in message.links for line in (f"{each.text}:", f"  {each.url}")])
    yield "-" * 3
    for note in (*notes, f"{moment(message.at)} · {message.experiment} · sent by Trialbook"):
        yield from _paragraph(note)


def _under(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from [title, "-" * width(title)] if title else []
        yield from lines
        yield ""


def _section(section: Section) -> Iterator[str]:
    body = [line for sentence in section.sentences for line in _paragraph(sentence)]
    body += table_text(section.table) if section.table else []
    body += [f"{each.text}: {each.url}" for each in section.links]
    title = _paragraph(section.title)
    yield from title
    yield "-" * max(map(width, title), default=0)
    yield from body
    yield ""


def _paragraph(text: str) -> list[str]:
    return wrap(text, _COLUMNS, break_on_hyphens=False) if text else []


def _items(texts: Sequence[str]) -> list[str]:
    return [
        line
        for text in texts
        for line in wrap(text, _COLUMNS, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    ]


def _facts(pairs: Sequence[tuple[str, str]]) -> list[str]:
    longest = min(max((width(label) for label, _ in pairs), default=0), 24)
    return [
        line
        for label, text in pairs
        for line in wrap(
            f"{_padded(label, longest)}  {text}",
            _COLUMNS,
            subsequent_indent=" " * (longest + 2),
            break_on_hyphens=False,
        )
    ]


def table_text(table: Table) -> list[str]:
    """The table with aligned columns; a paragraph for each row if that is wider than a line."""
    rows = [table.headers, *table.rows]
    columns = range(len(table.headers))
    widths = [max((width(row[at]) for row in rows if at < len(row)), default=0) for at in columns]
    lines = _aligned(table, widths) if sum(widths) + 2 * len(widths) + 2 <= _COLUMNS else _spelt_out(table)
    return [*lines, *_paragraph(table.caption)]


def _aligned(table: Table, widths: Sequence[int]) -> list[str]:
    def line(row: Sequence[str], mark: str) -> str:
        cells = [
            _padded(text, widths[at], right=at in table.numbers) for at, text in enumerate(row) if at < len(widths)
        ]
        return f"{mark} {'  '.join(cells)}".rstrip()

    rule = "  ".join("-" * each for each in widths)
    marks = ["*" if at == table.marked else " " for at in range(len(table.rows))]
    return [line(table.headers, " "), f"  {rule}", *map(line, table.rows, marks)]


def _spelt_out(table: Table) -> list[str]:
    found: list[str] = []
    for at, row in enumerate(table.rows):
        cells = ", ".join(map(_named, table.headers, row)).replace("., ", ". ", 1)
        mark = "* " if at == table.marked else "- "
        found += wrap(cells, _COLUMNS, initial_indent=mark, subsequent_indent="  ", break_on_hyphens=False)
    return found


def _named(header: str, text: str) -> str:
    return f"{text}." if header == "#" else f"{header} {text}" if header else text


def _padded(text: str, columns: int, *, right: bool = False) -> str:
    space = " " * max(0, columns - width(text))
    return space + text if right else text + space
