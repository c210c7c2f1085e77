"""Messages as Slack's blocks: what they say, that Slack takes them whatever is in them, and shows it as text."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sample_messages import FAILED, HOSTILE, SWEEP, WEEK, hostile
from trialbook.core.message import Bar, Link, Message, MessageKind, Mood, Progress
from trialbook.messages.slack import MOST_CHARACTERS, RenderOptions, sign, slack_text
from trialbook_cli.slack_stand_in import problems

GOLDEN = Path(__file__).parent / "golden"
BUSY = replace(
    SWEEP,
    mood=Mood.BUSY,
    is_final=False,
    title="churn-xgb · min_child_weight sweep · 2 of 5 finished",
    progress=Progress(2, 5, 3, 95.0),
    picture=None,
    report=None,
    advice=(),
)
BEST = Message(
    id="b",
    about="sweep/a/best/j",
    kind=MessageKind.NEW_BEST,
    mood=Mood.GOOD,
    experiment="churn-xgb",
    title="churn-xgb · new best validation:error 0.0396",
    subject="churn-xgb: new best validation:error 0.0396",
    verdict="0.0396 at min_child_weight = 4 is better than the previous best (0.0402) by 0.0006 (1.5%).",
    at=SWEEP.at,
    parent="sweep/a",
)
LOOKS = {
    "bot": RenderOptions(picture="F0000000001", mention="U0AB12CD3"),
    "webhook": RenderOptions(bars=True),
    "webhook_in_text": RenderOptions(bars=True, native=False),
}


def every(value: Any, key: str) -> Iterator[Any]:
    """The values of a key, however deep."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == key:
                yield each
            yield from every(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from every(each, key)


def is_whole(blocks: Sequence[Any]) -> bool:
    """Whether the message goes on to its foot."""
    return blocks[-1]["type"] == "context" and str(blocks[-1]["elements"][0]["text"]).endswith(" · Trialbook")


@pytest.mark.parametrize(
    ("name", "message", "options"),
    [
        ("busy", BUSY, RenderOptions()),
        *((f"sweep_{name}", SWEEP, options) for name, options in LOOKS.items()),
        ("failed_job", FAILED, RenderOptions()),
        ("new_best", BEST, RenderOptions()),
        ("week", WEEK, RenderOptions()),
    ],
)
def test_payloads_are_those_that_were_looked_at(name: str, message: Message, options: RenderOptions) -> None:
    """After a wanted change: TRIALBOOK_GOLDEN=write pytest tests/unit/test_slack.py, and look at them."""
    said = slack_text(message, options)
    path = GOLDEN / f"slack_{name}.json"
    made = json.dumps({"text": said.text, "blocks": said.blocks}, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("TRIALBOOK_GOLDEN") == "write":
        path.write_text(made, encoding="utf-8")

    assert made == path.read_text(encoding="utf-8"), path
    assert problems(said.blocks) == []


def test_the_notification_says_what_the_message_answers() -> None:
    said = slack_text(SWEEP).text

    assert said == "✅ churn-xgb: 5 of 5 finished, best validation:error 0.03959208 at min_child_weight = 4"


def test_a_jobs_hyperparameters_and_reason_are_not_called_a_sweeps() -> None:
    said = str(slack_text(replace(FAILED, constants="eta = 0.2", failures=("CUDA out of memory",))).blocks)

    assert "Hyperparameters: eta = 0.2" in said
    assert "Why it failed" in said
    assert "in all trials" not in said


@pytest.mark.parametrize("options", [*LOOKS.values(), RenderOptions()])
@pytest.mark.parametrize("text", [HOSTILE, "\U0001f9ea" * 3000, "&" * 3000, ""])
@pytest.mark.parametrize("of", [SWEEP, BUSY, FAILED])
def test_slack_takes_the_worst_texts(of: Message, text: str, options: RenderOptions) -> None:
    said = slack_text(hostile(of, text), options)

    assert problems(said.blocks) == []
    assert is_whole(said.blocks)
    assert sum(len(each) for each in every(said.blocks, "text") if isinstance(each, str)) <= MOST_CHARACTERS


@settings(max_examples=30)
@given(st.text(max_size=400), st.integers(0, 120), st.integers(0, 120), st.floats(allow_nan=True))
def test_limits_hold_by_construction(text: str, rows: int, columns: int, value: float) -> None:
    assert SWEEP.table is not None
    table = replace(SWEEP.table, headers=(text,) * columns, rows=((text,) * columns,) * rows, marked=rows - 1)
    message = replace(
        hostile(SWEEP, text), table=table, bars=tuple(Bar(f"{text}{at}", value) for at in range(rows)), advice=(text,)
    )
    for options in LOOKS.values():
        said = slack_text(message, options)

        assert problems(said.blocks) == []
        assert is_whole(said.blocks)
        assert len(said.text) <= 3000


def test_other_peoples_texts_are_where_slack_knows_no_mark_up() -> None:
    """No element that holds text of a message is mrkdwn, so no text of it can mention, link or format."""
    for options in LOOKS.values():
        blocks = slack_text(hostile(SWEEP), options).blocks

        kinds = set(every(list(blocks), "type"))
        assert "mrkdwn" not in kinds
        assert "<script>alert(1)</script> <!channel> *_~`" in json.dumps(blocks)


def test_the_notification_is_escaped_and_in_one_line() -> None:
    said = slack_text(hostile(SWEEP)).text

    assert "&lt;!channel&gt;" in said
    assert not {"<", ">", "\n", "\u202e"} & set(said)


@pytest.mark.parametrize(
    ("mention", "element", "expected"),
    [
        ("U0AB12CD3", {"type": "user", "user_id": "U0AB12CD3"}, " <@U0AB12CD3>"),
        ("S0AB12CD3", {"type": "usergroup", "usergroup_id": "S0AB12CD3"}, " <!subteam^S0AB12CD3>"),
        ("@ada", {"type": "text", "text": "@ada"}, ""),
        ("<!channel>", {"type": "text", "text": "<!channel>"}, ""),
    ],
)
def test_only_ids_of_slack_ring_at_somebody(mention: str, element: dict[str, str], expected: str) -> None:
    said = slack_text(FAILED, RenderOptions(mention=mention))

    assert element in next(iter(every(list(said.blocks), "elements")))[0]["elements"]
    assert said.text == f"❌ {FAILED.subject}{expected}"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "http://example.com", "https:///x", "https://a b", "https://x\n"]
)
def test_only_https_is_linked(url: str) -> None:
    said = slack_text(replace(FAILED, links=(Link("x", url), Link("Logs", "https://example.com/l"))))

    assert list(every(list(said.blocks), "url")) == ["https://example.com/l"]


def test_the_picture_has_its_finding_as_alt_text_and_the_bars_are_for_it() -> None:
    with_picture = slack_text(SWEEP, RenderOptions(picture="F1", bars=True)).blocks
    without = slack_text(SWEEP, RenderOptions(bars=True)).blocks
    neither = slack_text(SWEEP).blocks

    assert list(every(list(with_picture), "alt_text")) == ["5 trials: best validation:error at 4."]
    assert "data_visualization" in every(list(without), "type")
    assert not {"image", "data_visualization"} & set(every(list(neither), "type"))


def test_bars_that_slack_has_no_chart_for_are_drawn_in_text() -> None:
    twice = replace(SWEEP, bars=(Bar("same", 1.0), Bar("same", 0.5)))
    endless = replace(SWEEP, bars=(Bar("a", float("inf")), Bar("b", 1.0)))

    assert "rich_text_preformatted" in every(list(slack_text(twice, RenderOptions(bars=True)).blocks), "type")
    assert problems(slack_text(endless, RenderOptions(bars=True)).blocks) == []


def test_a_workspace_without_slacks_own_tables_gets_them_as_text() -> None:
    blocks = slack_text(SWEEP, RenderOptions(native=False, bars=True)).blocks

    assert problems(blocks, native=False) == []
    (table, *_) = [each for each in every(list(blocks), "text") if isinstance(each, str) and "0.03959208" in each][1:]
    assert "* 1" in table


def test_progress_is_shown_by_bar_and_words() -> None:
    found = json.dumps(slack_text(BUSY).blocks, ensure_ascii=False)

    assert "████████░░░░░░░░░░░░  " in found
    assert "2 of 5 finished · 3 running · about 1 min 35 s left" in found
    assert "about" not in json.dumps(slack_text(replace(BUSY, progress=Progress(2, None, 1))).blocks)


@pytest.mark.parametrize("mood", Mood)
def test_every_mood_has_a_sign_beside_its_words(mood: Mood) -> None:
    assert sign(replace(FAILED, mood=mood))
