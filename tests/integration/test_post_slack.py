"""What is delivered to Slack, through slack_sdk over HTTP, against a workspace that checks it as Slack does."""

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.faults.slack import HOOK, NIGHT, START, TRAINING, World, slack_world
from tests.integration.conftest import opened
from tests.unit.sample_messages import FAILED, HOSTILE, SWEEP, hostile
from tests.unit.test_slack import BEST, BUSY
from trialbook.core.destination import Channel, Destination
from trialbook.core.message import Message, MessageKind, Stored
from trialbook.runtime.sqs_batch import TryLater
from trialbook_cli.slack_stand_in import Hang, HttpAnswer, SlackChannel, SlackError

RUNS = replace(BUSY, version=1)
ENDED = replace(SWEEP, version=9, revision=1)
REVISED = replace(ENDED, version=13, revision=2, subject="churn-xgb: 6 of 6 finished")
IN_THREAD = replace(BEST, parent=SWEEP.about, version=1)
FILE = replace(
    IN_THREAD,
    about=f"{SWEEP.about}/report/1",
    kind=MessageKind.THREAD,
    title="churn-xgb · the report",
    report=Stored("reports", "reports/a/report.html"),
    revision=1,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with slack_world(tmp_path) as made:
        yield made


def one(message: Message, *to: Destination) -> Any:
    return ((message, to or (TRAINING,)),)


def methods(world: World) -> list[str]:
    return [method for method, _ in world.workspace.calls]


def later(world: World, seconds: float = 20) -> None:
    world.now += timedelta(seconds=seconds)


def test_a_sweep_is_one_message_that_is_edited_and_ends_as_its_summary_with_its_picture(world: World) -> None:
    world.settle(one(RUNS))
    later(world)
    world.settle(one(ENDED))

    (posted,) = world.workspace.top_level()
    assert [each["type"] for each in posted.blocks].count("image") == 1
    assert posted.edits == 2  # its end, and the picture once it was uploaded
    assert posted.text == f"✅ {ENDED.subject}"
    (picture,) = world.workspace.files.values()
    assert picture.alt_text == "5 trials: best validation:error at 4."


def test_the_message_never_waits_for_its_picture(world: World) -> None:
    world.workspace.processing = timedelta(seconds=40)
    with pytest.raises(TryLater):
        world.post(one(ENDED))

    (posted,) = world.workspace.top_level()
    assert posted.text == f"✅ {ENDED.subject}"
    assert methods(world)[:2] == ["chat.postMessage", "files.getUploadURLExternal"]
    world.settle(one(ENDED))
    assert "image" in [each["type"] for each in posted.blocks]


def test_a_picture_that_slack_never_processes_is_given_up_and_the_message_stays(world: World) -> None:
    world.workspace.processing = timedelta(days=1)
    world.settle(one(ENDED))

    (posted,) = world.workspace.top_level()
    assert "image" not in [each["type"] for each in posted.blocks]
    assert methods(world).count("chat.update") == 5
    later(world, 60)
    world.settle(one(REVISED))
    assert posted.text == f"✅ {REVISED.subject}"


def test_an_older_state_never_replaces_a_newer_and_repeats_change_nothing(world: World) -> None:
    world.settle(one(ENDED))
    later(world)
    before = len(world.workspace.calls)
    for message in (RUNS, ENDED, RUNS):
        world.settle(one(message))

    assert len(world.workspace.calls) == before


def test_edits_are_fifteen_seconds_apart_and_the_last_is_not_dropped(world: World) -> None:
    world.settle(one(RUNS))
    for version in range(2, 30):
        later(world, 1)
        with contextlib.suppress(TryLater):
            world.post(one(replace(RUNS, version=version, subject=f"version {version}")))
    world.settle(one(replace(RUNS, version=30, subject="version 30")))

    (posted,) = world.workspace.top_level()
    gaps = [b - a for a, b in zip(posted.edited_at, posted.edited_at[1:], strict=False)]
    assert posted.text.endswith("version 30")
    assert 1 <= posted.edits <= 3
    assert all(gap >= timedelta(seconds=15) for gap in gaps)


def test_a_revision_edits_the_same_message_with_a_new_picture(world: World) -> None:
    assert REVISED.picture is not None
    world.settle(one(ENDED))
    later(world)
    world.settle(one(replace(REVISED, picture=replace(REVISED.picture, stored=Stored("reports", "b/chart.png")))))

    (posted,) = world.workspace.top_level()
    assert posted.text == f"✅ {REVISED.subject}"
    assert [each["slack_file"]["id"] for each in posted.blocks if each["type"] == "image"] == ["F0000000002"]


def test_a_sweep_that_merged_into_another_continues_in_its_message(world: World) -> None:
    world.settle(one(RUNS))
    later(world)
    merged = replace(ENDED, about="sweep/other", continues=(RUNS.about,), version=0, picture=None)
    world.settle(one(merged))
    later(world)
    world.settle(one(replace(merged, version=3, subject="on its own")))

    (posted,) = world.workspace.top_level()
    assert posted.text == "✅ on its own"


OTHER = replace(RUNS, about="sweep/churn-xgb@later", subject="the later loop")
WHOLE = replace(ENDED, continues=(OTHER.about,), picture=None)


def test_of_two_messages_whose_sweeps_merged_one_points_to_the_other_once(world: World) -> None:
    world.settle(one(RUNS))
    world.settle(one(OTHER))
    later(world)
    for _ in range(3):
        world.settle(one(WHOLE))
        later(world)

    whole, pointing = world.workspace.top_level()
    assert (whole.text, whole.edits) == (f"✅ {WHOLE.subject}", 1)
    assert (pointing.text, pointing.edits) == ("✅ churn-xgb: continues in another message", 1)
    link = f"https://made-up.slack.com/archives/{whole.channel}/p{whole.ts.replace('.', '')}"
    assert link in str(pointing.blocks)
    assert methods(world).count("chat.getPermalink") == 1


def test_a_message_that_pointed_to_one_that_merged_in_turn_points_to_the_last(world: World) -> None:
    for message in (replace(RUNS, about="sweep/first"), RUNS, OTHER):
        world.settle(one(message))
    later(world)
    world.settle(one(WHOLE))
    later(world)
    world.settle(one(replace(WHOLE, about="sweep/first", continues=(ENDED.about, OTHER.about))))

    first, *pointing = world.workspace.top_level()
    assert [first.ts.replace(".", "") in str(each.blocks) for each in pointing] == [True, True]
    assert [each.edits for each in pointing] == [2, 2]


def test_without_an_address_words_say_where_it_goes_on(world: World) -> None:
    def refuses(method: str, request: Mapping[str, Any]) -> None:
        if method == "chat.getPermalink":
            raise SlackError("missing_scope")

    world.workspace.before = refuses
    world.settle(one(RUNS))
    world.settle(one(OTHER))
    later(world)
    world.settle(one(WHOLE))

    assert f"See the message “{WHOLE.title}”." in str(world.workspace.messages[1].blocks)


def test_nothing_is_posted_if_the_merged_sweeps_message_was_deleted(world: World) -> None:
    world.settle(one(RUNS))
    world.settle(one(OTHER))
    del world.workspace.messages[1]
    later(world)
    world.settle(one(WHOLE))
    later(world)
    world.settle(one(WHOLE))

    assert [each.text for each in world.workspace.messages] == [f"✅ {WHOLE.subject}"]
    assert methods(world).count("chat.update") == 2


def test_a_sweep_that_is_parted_again_has_its_message_back(world: World) -> None:
    world.settle(one(RUNS))
    world.settle(one(OTHER))
    later(world)
    world.settle(one(WHOLE))
    later(world)
    world.settle(one(replace(OTHER, version=3)))
    later(world)
    world.settle(one(replace(WHOLE, version=15, continues=())))

    assert [each.text for each in world.workspace.messages] == [f"✅ {WHOLE.subject}", "⏳ the later loop"]


def test_a_channel_with_a_sweeps_start_gets_its_end_even_if_routed_elsewhere(world: World) -> None:
    """A route by status or threshold knows only at the end that it matches."""
    world.workspace.channels.append(SlackChannel("C0000000002", "quality"))
    world.settle(one(RUNS))
    later(world)
    world.settle(one(ENDED, Destination(Channel.SLACK, "#quality")))

    assert [(each.channel, each.text) for each in world.workspace.top_level()] == [
        ("C0000000001", f"✅ {ENDED.subject}"),
        ("C0000000002", f"✅ {ENDED.subject}"),
    ]


def test_new_bests_and_the_reports_file_are_in_the_thread(world: World) -> None:
    world.settle(((ENDED, (TRAINING,)), (IN_THREAD, (TRAINING,)), (FILE, (TRAINING,))))
    world.settle(one(FILE))

    (posted,) = world.workspace.top_level()
    best, file = world.workspace.thread(posted.ts)
    assert best.text == "★ churn-xgb: new best validation:error 0.0396"
    assert [world.workspace.files[each].name for each in file.files] == ["churn-xgb-report-1.html"]


def test_a_reply_waits_for_its_message_and_is_posted_alone_if_there_is_none(world: World) -> None:
    world.workspace.before = lambda method, request: refuse(HttpAnswer(503)) if method == "chat.postMessage" else None
    with pytest.raises(TryLater):
        world.post(((ENDED, (TRAINING,)), (IN_THREAD, (TRAINING,))))
    assert world.workspace.messages == []

    world.workspace.before = lambda method, request: None
    world.settle(one(replace(IN_THREAD, parent="sweep/never posted here")))
    (posted,) = world.workspace.top_level()
    assert posted.text.startswith("★")


def refuse(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "delays"),
    [
        (HttpAnswer.rate_limited(77), (77, 77)),
        (HttpAnswer(503, "down"), (10, 900)),
        (SlackError("internal_error"), (10, 900)),
        (Hang(), (10, 900)),
        (SlackError("channel_not_found"), (900, 900)),
        (SlackError("token_revoked"), (900, 900)),
    ],
    ids=str,
)
def test_a_message_that_slack_rejects_is_retried_when_it_may_be(
    world: World, error: Exception, delays: tuple[int, int]
) -> None:
    def fails(method: str, request: Mapping[str, Any]) -> None:
        if method == "chat.postMessage":
            raise error

    world.workspace.before = fails
    for received, delay in zip((1, 500), delays, strict=True):
        with pytest.raises(TryLater) as raised:
            world.post(one(FAILED), received)
        assert raised.value.delay == delay
    world.workspace.before = lambda method, request: None
    world.settle(one(FAILED))

    assert len(world.workspace.messages) == 1


def test_a_wrong_token_makes_messages_wait_until_it_is_right(world: World) -> None:
    right, world.token = world.token, "xoxb-wrong"
    for _ in range(3):
        with pytest.raises(TryLater, match="invalid_auth"):
            world.post(one(FAILED))
    world.token = right
    world.settle(one(FAILED))

    assert len(world.workspace.messages) == 1


# Slack writes of internal_error and fatal_error that some of the operation may have succeeded before them.
UNSURE = [
    *(Hang(), HttpAnswer(500), HttpAnswer(408)),
    *(HttpAnswer(200), HttpAnswer(200, "<html>"), HttpAnswer(200, '{"ok": true, "ts'), HttpAnswer(200, "null")),
    *(HttpAnswer(204), HttpAnswer(200, '{"ok": false}'), SlackError("internal_error"), SlackError("fatal_error")),
]


def test_an_answer_that_got_lost_is_looked_for_before_it_is_posted_again(world: World) -> None:
    lost = iter(UNSURE)

    def after(method: str, request: Mapping[str, Any]) -> None:
        if method == "chat.postMessage" and (error := next(lost, None)) is not None:
            raise error

    world.workspace.after = after
    for number in range(len(UNSURE)):
        world.settle(one(replace(FAILED, about=f"job/{number}")))

    assert [each.text for each in world.workspace.messages] == [f"❌ {FAILED.subject}"] * len(UNSURE)


def test_without_the_scope_for_looking_an_answer_that_got_lost_costs_one_repeat(world: World) -> None:
    world.workspace.scopes = frozenset({"chat:write", "files:write"})
    lost = iter([Hang()])

    def after(method: str, request: Mapping[str, Any]) -> None:
        if (error := next(lost, None)) is not None:
            raise error

    world.workspace.after = after
    world.settle(one(FAILED))
    world.settle(one(FAILED))

    assert len(world.workspace.messages) == 2


def test_the_page_of_a_proxy_is_no_answer_of_a_webhook(world: World) -> None:
    pages = iter([HttpAnswer(200, "<html>Sign in</html>")])

    def before(method: str, request: Mapping[str, Any]) -> None:
        if (page := next(pages, None)) is not None:
            raise page

    world.workspace.before = before
    world.settle(one(FAILED, HOOK))

    assert len(world.workspace.messages) == 1


def test_a_channel_in_trouble_neither_delays_nor_repeats_the_others(world: World) -> None:
    world.workspace.channels.append(SlackChannel("C0000000002", "closed", is_archived=True))
    messages = one(
        FAILED, Destination(Channel.SLACK, "#closed"), TRAINING, HOOK, Destination(Channel.SLACK, "#missing")
    )
    for _ in range(3):
        with pytest.raises(TryLater) as waits:
            world.post(messages)

    assert waits.value.delay == 900
    assert [each.by_webhook for each in world.workspace.messages] == [False, True]
    world.workspace.channels[1].is_archived = False
    world.workspace.channels.append(SlackChannel("C0000000003", "missing"))
    world.settle(messages)
    assert len(world.workspace.messages) == 4


def test_a_private_channel_is_reached_by_its_id_and_its_name_is_refused_with_advice(world: World) -> None:
    world.workspace.channels.append(SlackChannel("C0000000002", "secret", is_private=True))
    with pytest.raises(TryLater, match="channel_not_found") as refused:
        world.post(one(FAILED, Destination(Channel.SLACK, "#secret")))
    world.settle(one(FAILED, Destination(Channel.SLACK, "C0000000002")))

    assert "no public channel is named #secret: check the name. Name a private channel by its id" in str(refused.value)
    assert [each.channel for each in world.workspace.messages] == ["C0000000002"]


def test_of_many_consumers_that_want_to_post_the_same_one_does(world: World, dynamodb_local: str) -> None:
    def consume(number: int) -> None:
        with contextlib.suppress(TryLater):
            world.post(one(replace(FAILED, about=f"job/{number % 3}")))

    with opened(dynamodb_local) as world.ledger:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(consume, range(24)))
        later(world, 100)
        for number in range(3):
            world.settle(one(replace(FAILED, about=f"job/{number}")))

    assert len(world.workspace.messages) == 3


def test_in_quiet_hours_nothing_notifies_and_messages_follow_afterwards(world: World) -> None:
    quiet = replace(TRAINING, not_before=START + timedelta(hours=8))
    world.settle(one(RUNS, TRAINING))
    later(world)
    with pytest.raises(TryLater) as waits:
        world.post(((replace(RUNS, version=2, subject="edited"), (quiet,)), (replace(FAILED, version=1), (quiet,))))

    assert waits.value.delay == 8 * 3600 - 20
    assert [each.text for each in world.workspace.messages] == ["⏳ edited"]
    world.settle(one(FAILED, quiet))
    assert world.now >= START + timedelta(hours=8)
    assert len(world.workspace.messages) == 2


def test_a_deleted_message_is_left_alone_until_the_end(world: World) -> None:
    world.settle(one(RUNS))
    world.workspace.messages.clear()
    later(world)
    world.settle(one(replace(RUNS, version=2)))
    assert world.workspace.messages == []

    later(world)
    world.settle(one(ENDED))
    (posted,) = world.workspace.top_level()
    assert posted.text == f"✅ {ENDED.subject}"


def test_a_webhook_posts_the_end_once_and_each_revision_with_slacks_own_table_and_chart(world: World) -> None:
    for message in (ENDED, ENDED, REVISED, REVISED):
        world.settle(one(message, HOOK))

    first, second = world.workspace.messages
    assert [each["type"] for each in first.blocks].count("data_visualization") == 1
    assert second.text == f"✅ {REVISED.subject}"


def test_of_two_webhooks_one_that_is_down_delays_itself_alone(world: World) -> None:
    world.workspace.channels.append(SlackChannel("C0000000002", "night"))
    world.workspace.webhooks["/services/T1/B2/night"] = "C0000000002"
    world.hooks[NIGHT.address] = "/services/T1/B3/removed"
    for received in (1, 2):
        with pytest.raises(TryLater, match="no_service") as waits:
            world.post(one(ENDED, NIGHT, HOOK), received)
        assert waits.value.delay == 900
    assert [each.channel for each in world.workspace.messages] == ["C0000000001"]

    world.hooks[NIGHT.address] = "/services/T1/B2/night"
    for message in (ENDED, REVISED, REVISED):
        world.settle(one(message, NIGHT, HOOK))

    by_channel = [each.channel for each in world.workspace.messages]
    assert sorted(by_channel) == ["C0000000001"] * 2 + ["C0000000002"] * 2


@pytest.mark.parametrize("to", [TRAINING, HOOK], ids=lambda to: str(to.channel))
def test_a_workspace_that_knows_no_tables_gets_them_as_text(world: World, to: Destination) -> None:
    world.workspace.native = False
    world.settle(one(ENDED, to))

    kinds = [each["type"] for each in world.workspace.messages[0].blocks]
    assert not {"table", "data_visualization"} & set(kinds)
    assert "rich_text_preformatted" in str(world.workspace.messages[0].blocks)


def test_a_live_message_continues_where_slack_begins_to_refuse_tables(world: World) -> None:
    world.settle(one(RUNS))
    world.workspace.native = False
    later(world)
    to_slack, _ = world.channels()
    for _ in range(4):
        try:
            to_slack.deliver(replace(RUNS, version=2, subject="two"), TRAINING, ())
        except TryLater as waits:
            later(world, waits.delay)

    assert world.workspace.messages[0].text == "⏳ two"


def test_the_worst_texts_arrive_as_text(world: World) -> None:
    worst = hostile(ENDED)
    world.settle(one(worst, TRAINING, HOOK))

    assert world.workspace.refused == []
    for posted in world.workspace.top_level():
        assert "<!channel>" not in posted.text
        assert "mrkdwn" not in str(posted.blocks)
        assert HOSTILE[:30] in str(posted.blocks)


def test_nothing_is_unfurled_and_no_text_is_parsed(world: World) -> None:
    world.settle(one(RUNS))
    later(world)
    world.settle(one(replace(RUNS, version=2)))

    (post, edit) = [request for _, request in world.workspace.calls]
    assert (post["parse"], edit["parse"], post["unfurl_links"], post["mrkdwn"]) == ("none", "none", False, False)
    assert post["metadata"] == edit["metadata"]
