"""A message for Slack: blocks, and the text that notifications show. The same message always gives the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trialbook.core.analysis.wording import duration, moment
from trialbook.core.message import Fact, Message, MessageKind, Mood, Progress, Section
from trialbook.core.messages.texts import one_line
from trialbook.messages import slack_blocks as slack
from trialbook.messages.email_text import LOG_LABEL, constants_label, failures_label
from trialbook.messages.fitting import LIMITS, as_many_as_fit, fitted
from trialbook.messages.slack_blocks import Block, Element

MOST_CHARACTERS = 12_000  # of all texts of a message together; Slack refuses longer ones and documents no exact number
_LONGEST_TEXT = 500  # of the notification; phones show the first two lines
_MOST_FACTS = 12
_SIGNS = {Mood.BUSY: "⏳", Mood.GOOD: "✅", Mood.MIXED: "⚠️", Mood.BAD: "❌"}
_KIND_SIGNS = {MessageKind.NEW_BEST: "★", MessageKind.ALERT: "🚨", MessageKind.BEST_TRIALS: "★"}
_WITH_HEADER = frozenset({MessageKind.SWEEP, MessageKind.ALERT, MessageKind.BEST_TRIALS, MessageKind.PIPELINE})


@dataclass(frozen=True, slots=True)
class SlackText:
    """A message for Slack. `text` has no mark-up except a mention; notifications and screen readers use it."""

    text: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How a message is shown: with which uploaded picture, and whom it mentions. Without `native`, tables and charts
    are drawn as text, for a workspace that refuses Slack's own of 2026. With `bars`, a chart replaces the picture."""

    picture: str | None = None
    mention: str | None = None
    native: bool = True
    bars: bool = False


PLAIN = RenderOptions()


def slack_text(message: Message, options: RenderOptions = PLAIN) -> SlackText:
    """The message for Slack, as much as fits into one."""
    for limits in LIMITS:
        blocks, whole = as_many_as_fit(_blocks(fitted(message, limits), options), _room, MOST_CHARACTERS)
        if whole:
            break
    return SlackText(_notification(message, options.mention), [each for each in blocks if each.get("elements", True)])


def _notification(message: Message, mention: str | None) -> str:
    said = one_line(f"{sign(message)} {message.subject or message.title}", _LONGEST_TEXT)
    escaped = said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    called = slack.mention(mention) if mention else {}
    if "user_id" in called:
        return f"{escaped} <@{called['user_id']}>"
    return f"{escaped} <!subteam^{called['usergroup_id']}>" if "usergroup_id" in called else escaped


def sign(message: Message) -> str:
    """A sign for the state; the words say the same."""
    return _KIND_SIGNS.get(message.kind, _SIGNS[message.mood])


def _blocks(message: Message, options: RenderOptions) -> Iterator[Block]:
    yield from _head(message, options)
    if message.progress is not None and not message.is_final:
        yield slack.rich_text(slack.paragraph(*_progress(message.progress)))
    if message.table is not None:
        yield slack.table(message.table) if options.native else slack.rich_text(slack.text_table(message.table))
        if message.table.caption:
            yield slack.context(message.table.caption)
    if message.constants:
        yield slack.context(f"{constants_label(message)}: {message.constants}")
    yield from _picture(message, options)
    yield from _listed(failures_label(message), message.failures)
    if message.log:
        title = slack.paragraph(slack.text(LOG_LABEL, bold=True))
        yield slack.rich_text(title, slack.preformatted(message.log.split("\n")))
    yield from _listed("What to do next", message.advice)
    if message.facts:
        yield slack.rich_text(slack.paragraph(*_facts(message.facts[:_MOST_FACTS])))
    for section in message.sections:
        yield _section(section)
    yield slack.rich_text(slack.links(message.links))
    yield slack.context(_foot(message))


def _head(message: Message, options: RenderOptions) -> Iterator[Block]:
    title, words = f"{sign(message)} {message.title}", []
    if message.kind in _WITH_HEADER:
        yield slack.header(title)
        if message.verdict:
            words.append(slack.text(message.verdict, bold=True))
    else:
        words.append(slack.text(title, bold=True))
        if message.verdict:
            words.append(slack.text(f"\n{message.verdict}"))
    words += [slack.text(f"{' ' if at or message.verdict else ''}{each}") for at, each in enumerate(message.sentences)]
    if options.mention:
        words += [slack.text(" "), slack.mention(options.mention)]
    yield slack.rich_text(slack.paragraph(*words))


def _progress(progress: Progress) -> Iterator[Element]:
    if progress.total:
        yield slack.text(f"{slack.progress_bar(progress.ended, progress.total)}  ")
    of = f" of {progress.total:,}" if progress.total else ""
    parts = [f"{progress.ended:,}{of} finished", f"{progress.running:,} running"]
    if progress.seconds_left is not None:
        parts.append(f"about {duration(progress.seconds_left)} left")
    yield slack.text(" · ".join(parts))


def _picture(message: Message, options: RenderOptions) -> Iterator[Block]:
    if options.picture is not None and message.picture is not None:
        yield slack.image(options.picture, message.picture.alt_text)
    elif options.bars and message.bars:
        chart = slack.chart(message.bars, message.bars_label) if options.native else None
        yield chart or slack.rich_text(*slack.text_chart(message.bars, message.bars_label))


def _listed(title: str, texts: Sequence[str]) -> Iterator[Block]:
    if any(texts):
        yield slack.rich_text(slack.paragraph(slack.text(title, bold=True)), slack.bullets(texts))


def _facts(facts: Sequence[Fact]) -> Iterator[Element]:
    for at, fact in enumerate(facts):
        yield slack.text(f"{chr(10) if at else ''}{fact.label}", bold=True)
        yield slack.text(f"  {fact.text}")


def _section(section: Section) -> Block:
    """A section. Slack allows one table of its own in a message, so a section's is drawn as text."""
    words = [slack.text(section.title, bold=True), *(slack.text(f"\n{each}") for each in section.sentences)]
    drawn = [slack.text_table(section.table)] if section.table is not None else []
    return slack.rich_text(slack.paragraph(*words), *drawn, slack.links(section.links))


def _foot(message: Message) -> str:
    again = f" · revision {message.revision}" if message.revision > 1 else ""
    return f"{moment(message.at)} · {message.experiment}{again} · Trialbook"


def _room(block: Block) -> int:
    """The characters that a block uses. A table over Slack's limit counts as too long for any message."""
    used = _characters(block)
    return MOST_CHARACTERS + 1 if block["type"] == "table" and used > slack.TABLE_CHARACTERS else used


def _characters(value: Any) -> int:
    """The characters of all texts."""
    if isinstance(value, dict):
        return sum(
            len(each) if key == "text" and isinstance(each, str) else _characters(each) for key, each in value.items()
        )
    return sum(map(_characters, value)) if isinstance(value, list) else 0
