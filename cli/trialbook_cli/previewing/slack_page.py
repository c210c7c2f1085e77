"""A channel of the Slack stand-in as a page that looks as Slack shows it, from the blocks that were sent."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from trialbook.templates import environment
from trialbook_cli.slack_stand_in import Workspace


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it stands now, with its thread."""

    at: datetime
    blocks: Sequence[Mapping[str, Any]]
    text: str
    edits: int
    files: Sequence[tuple[str, str]]  # name, and size in words
    replies: Sequence["Shown"] = ()


def slack_page(workspace: Workspace) -> str:
    """The page: each channel with its messages, oldest first, threads opened."""
    channels = [(each.name, _messages(workspace, each.id)) for each in workspace.channels]
    files = {each.id: _data(each.content) for each in workspace.files.values() if each.content is not None}
    return str(_template().render(channels=[pair for pair in channels if pair[1]], files=files))


def _messages(workspace: Workspace, channel: str) -> list[Shown]:
    posted = [each for each in workspace.messages if each.channel == channel]
    threads: dict[str, list[Any]] = {}
    for each in posted:
        if each.thread_ts is not None and each.thread_ts != each.ts:
            threads.setdefault(each.thread_ts, []).append(each)
    first = [each for each in posted if each.thread_ts in (None, each.ts)]
    return [_shown(each, workspace, threads.get(each.ts, ())) for each in first]


def _shown(posted: Any, workspace: Workspace, replies: Sequence[Any] = ()) -> Shown:
    attached = [workspace.files[each] for each in posted.files if each in workspace.files]
    return Shown(
        at=datetime.fromtimestamp(float(posted.ts), UTC),
        blocks=posted.blocks,
        text=posted.text,
        edits=posted.edits,
        files=[(each.name, f"{each.length / 1000:,.0f} KB") for each in attached],
        replies=[_shown(each, workspace) for each in replies],
    )


def _data(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@cache
def _template() -> Any:
    return environment(Path(__file__).parent).get_template("slack.html.j2")
