"""Nothing lost, nothing doubled in Slack: processes die after any call, Slack fails as it likes, events repeat and mix."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.faults.slack import HOOK, START, TRAINING, Died, Queue, World, slack_world
from tests.integration.test_post_slack import ENDED, FILE, IN_THREAD, OTHER, REVISED, RUNS, WHOLE
from tests.unit.sample_messages import FAILED
from trialbook.core.message import Message
from trialbook.delivery.events_to_messages import MessagesWithDestinations
from trialbook.runtime.sqs_batch import TryLater
from trialbook_cli.slack_stand_in import Hang, HttpAnswer, Posted


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with slack_world(tmp_path) as made:
        yield made


Life = tuple[tuple[int, MessagesWithDestinations], ...]  # seconds, and the messages of then
LIFE: Life = (
    (0, ((RUNS, (TRAINING,)),)),
    (20, ((replace(RUNS, version=3), (TRAINING,)), (IN_THREAD, (TRAINING,)))),
    (60, ((ENDED, (TRAINING,)), (FILE, (TRAINING,)), (FAILED, (TRAINING,)))),
    (1200, ((REVISED, (TRAINING,)),)),
)
MERGING: Life = (
    (0, ((RUNS, (TRAINING,)),)),
    (5, ((OTHER, (TRAINING,)),)),
    (1000, ((replace(WHOLE, version=5, is_final=False), (TRAINING,)),)),
    (2000, ((WHOLE, (TRAINING,)),)),
)


def lived(world: World, life: Life) -> Queue:
    """A sweep's life from its first message to its last, in order."""
    queue = Queue(world)
    for seconds, messages in life:
        queue.put(START + timedelta(seconds=seconds), partial(_same, messages))
    queue.run()
    return queue


def _same(messages: MessagesWithDestinations) -> MessagesWithDestinations:
    return messages


def test_a_reply_waits_as_long_as_the_message_whose_thread_it_belongs_in(world: World) -> None:
    """Slack refuses all until somebody acts: a message comes up four times an hour, with replies as without."""
    world.token = "revoked"
    delays = []
    for messages in (LIFE[1][1][:1], LIFE[1][1]):
        with pytest.raises(TryLater) as later:
            world.post(messages)
        delays.append(later.value.delay)

    assert delays == [900, 900]


def standing(world: World) -> list[tuple[str, bool, list[str]]]:
    """What people see: texts, whether it is a reply, the files that came with it, and the kinds of blocks."""
    return sorted(
        (each.text, each.thread_ts is not None, ["file"] * len(each.files) + [b["type"] for b in each.blocks])
        for each in world.workspace.messages
    )


def calls_of(world: World, life: Life) -> int:
    made: Counter[str] = Counter()
    world.after = lambda name: made.update([name])
    lived(world, life)
    return made.total()


@pytest.mark.parametrize(("life", "messages"), [(LIFE, 4), (MERGING, 2)], ids=["a sweep", "two that merge"])
def test_a_process_that_dies_after_any_of_its_calls_leaves_what_one_that_lives_does(
    tmp_path: Path, life: Life, messages: int
) -> None:
    with slack_world(tmp_path / "undisturbed") as undisturbed:
        total = calls_of(undisturbed, life)
        expected = standing(undisturbed)
    assert len(expected) == messages
    for dies_at in range(1, total + 1):
        with slack_world(tmp_path / str(dies_at)) as world:
            _dies_once(world, dies_at)
            queue = lived(world, life)

            assert queue.deaths == 1, dies_at
            assert standing(world) == expected, dies_at
    print(f"{total} boundaries, each survived: 0 lost, 0 doubled")


def test_a_message_of_what_merged_that_nobody_wrote_down_is_found_and_points_on(world: World) -> None:
    """Once its sweep merged, no event tells of it any more: whoever tells of the whole has to find it."""
    world.settle(((RUNS, (TRAINING,)),))
    world.after = _dies_after("post")
    with pytest.raises(Died):
        world.post(((OTHER, (TRAINING,)),))
    world.after = lambda name: None
    world.now += timedelta(seconds=100)
    world.settle(((WHOLE, (TRAINING,)),))

    assert [each.text for each in world.workspace.messages] == [
        f"✅ {WHOLE.subject}",
        "✅ churn-xgb: continues in another message",
    ]


def _dies_after(call: str) -> Callable[[str], None]:
    def after(name: str) -> None:
        if name == call:
            raise Died

    return after


def _dies_once(world: World, at: int) -> None:
    made = count(1)

    def after(name: str) -> None:
        if next(made) == at:
            raise Died

    world.after = after


def test_a_webhook_whose_process_dies_between_answer_and_record_posts_at_most_once_more(tmp_path: Path) -> None:
    """The one window that nothing closes: an incoming webhook can't be asked what it took."""
    posted = []
    for dies_at in range(1, 5):
        with slack_world(tmp_path / str(dies_at)) as world:
            _dies_once(world, dies_at)
            world.settle(((ENDED, (HOOK,)),))
            posted.append(len(world.workspace.messages))

    assert sorted(posted) == [1, 1, 1, 2]


# -- a thousand events ----------------------------------------------------------------------------------------------

SWEEPS, EVENTS, FAILING = 40, 1000, 0.2


class Sweeps:
    """Sweeps as they go: what is so of each at a moment, and the events that tell of it, late, twice and mixed."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.steps = [sorted(chance.uniform(0, 900) for _ in range(20)) for _ in range(SWEEPS)]
        self.bests = [(sweep, number) for sweep in range(SWEEPS) for number in range(4)]

    def events(self, world: World) -> list[tuple[float, Any]]:
        """Moment and the messages of then, as facts are read when the event is handled."""
        found = [
            (at, partial(self.messages_of, world, sweep)) for sweep, steps in enumerate(self.steps) for at in steps
        ]
        found += [
            (self.steps[sweep][best * 5], partial(self.messages_of, world, sweep, best)) for sweep, best in self.bests
        ]
        found += self.chance.sample(found, EVENTS - len(found))  # delivered twice
        return [(at + self.chance.expovariate(1 / 30), shown) for at, shown in found]

    def messages_of(self, world: World, sweep: int, best: int | None = None) -> MessagesWithDestinations:
        now = (world.now - START).total_seconds()
        done = sum(at <= now for at in self.steps[sweep])
        message = self.message(sweep, done)
        if best is None:
            return ((message, (TRAINING,)),)
        about = f"{message.about}/best/{best}"
        reply = replace(IN_THREAD, about=about, subject=f"best {sweep}/{best}", parent=message.about)
        return ((message, (TRAINING,)), (reply, (TRAINING,)))

    def message(self, sweep: int, done: int) -> Message:
        of = len(self.steps[sweep])
        base = ENDED if done == of else RUNS
        return replace(
            base, about=f"sweep/{sweep}", version=done, subject=f"sweep {sweep}: {done} of {of}", picture=None
        )


def bad_days(world: World, chance: random.Random, happened: Counter[str]) -> None:
    """A fifth of Slack's calls fail: refused before, or done with an answer that gets lost; processes die as well."""

    def before(method: str, request: Mapping[str, Any]) -> None:
        if chance.random() < FAILING / 2:
            kind = chance.choice(["429", "503", "no connection"])
            happened[kind] += 1
            raise {"429": HttpAnswer.rate_limited(3), "503": HttpAnswer(503), "no connection": Hang()}[kind]

    def after(method: str, request: Mapping[str, Any]) -> None:
        if chance.random() < FAILING / 2:
            kind = chance.choice(["500 after all", "answer lost"])
            happened[kind] += 1
            raise {"500 after all": HttpAnswer(500), "answer lost": Hang()}[kind]

    def dies(name: str) -> None:
        if chance.random() < 0.02:
            happened["died"] += 1
            raise Died

    world.workspace.before, world.workspace.after, world.after = before, after, dies


def test_of_a_thousand_events_with_a_fifth_of_calls_failing_none_is_lost_and_none_doubled(world: World) -> None:
    chance, happened = random.Random(5), Counter[str]()
    life, queue = Sweeps(chance), Queue(world)
    bad_days(world, chance, happened)
    for at, messages in life.events(world):
        queue.put(START + timedelta(seconds=at), messages)
    came_up = queue.run()

    top = [each.text.split(" ", 1)[1] for each in world.workspace.top_level()]
    replies = [each.text.split(" ", 1)[1] for each in world.workspace.messages if each.thread_ts]
    wanted = [f"sweep {sweep}: 20 of 20" for sweep in range(SWEEPS)]
    lost = [*(set(wanted) - set(top)), *({f"best {s}/{n}" for s, n in life.bests} - set(replies))]
    doubled = len(top) - len(set(top)) + len(replies) - len(set(replies))
    print(
        f"{EVENTS} events came up {came_up:,} times; {dict(happened)}; {len(top)} messages, {len(replies)} replies; "
        f"{len(lost)} lost, {doubled} doubled"
    )
    assert (lost, doubled) == ([], 0)
    assert sorted(top) == sorted(wanted)
    assert all(_apart(each) for each in world.workspace.messages)
    assert min(happened[kind] for kind in ("429", "503", "500 after all", "answer lost", "died")) > 10


def _apart(posted: Posted) -> bool:
    gaps = [later - earlier for earlier, later in zip(posted.edited_at, posted.edited_at[1:], strict=False)]
    return all(gap >= timedelta(seconds=15) for gap in gaps)
