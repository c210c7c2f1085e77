"""Slack's workspace, delivery records and a queue on a clock that is turned, and processes that die between two calls."""

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from tests.unit.sample_messages import PNG
from trialbook.adapters.s3 import Bucket
from trialbook.adapters.slack import Slack, Webhook
from trialbook.core.destination import Channel, Destination
from trialbook.core.messages.delivery import LEASE
from trialbook.delivery.events_to_messages import MessagesWithDestinations
from trialbook.delivery.slack_channel import ToSlack
from trialbook.delivery.webhook_channel import ToWebhook
from trialbook.ledger.deliveries import Deliveries
from trialbook.ledger.ledger import Ledger
from trialbook.post_slack import post_slack
from trialbook.runtime import clock
from trialbook.runtime.sqs_batch import TryLater
from trialbook_book.folder import open_folder
from trialbook_cli.slack_stand_in import Workspace, serve_slack

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
TRAINING = Destination(Channel.SLACK, "#training")
HOOK = Destination(Channel.WEBHOOK, "/trialbook/slack-webhook")
NIGHT = Destination(Channel.WEBHOOK, "/trialbook/slack-webhook-night")
VISIBILITY = timedelta(seconds=360)


class Died(BaseException):
    """The process is killed, as a Lambda is that runs out of time."""


class _Mortal:
    """Calls `after` once a method's call was answered: where it raises, the answer reaches nobody."""

    def __init__(self, inner: Any, after: Callable[[str], None]) -> None:
        self._inner, self._after = inner, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def called(*arguments: Any, **named: Any) -> Any:
            answer = method(*arguments, **named)
            self._after(name)
            return answer

        return called


class Reports(Bucket):
    """A bucket that has whatever it is asked for."""

    def __init__(self) -> None:
        self.name = "reports"

    def get(self, key: str) -> bytes | None:
        """A picture or a page."""
        return PNG if key.endswith(".png") else b"<!DOCTYPE html><title>report</title>"


@dataclass
class World:
    """What a test works with. `after` is called after each answered call, with its name, and may kill the process;
    `hooks` are the paths of webhooks by name, none where one leads nowhere."""

    workspace: Workspace
    ledger: Ledger
    now: datetime = START
    after: Callable[[str], None] = lambda name: None
    token: str = Workspace.token
    hooks: dict[str, str] = field(default_factory=lambda: {HOOK.address: "/services/T1/B1/made-up"})

    def channels(self) -> tuple[ToSlack, ToWebhook]:
        """As a new process opens them."""
        deliveries: Any = _Mortal(Deliveries(self.ledger.table), lambda name: self.after(name))
        slack: Any = _Mortal(Slack(lambda: self.token, f"{self.workspace.url}/api/"), lambda name: self.after(name))
        webhook: Any = _Mortal(Webhook(self._address), lambda name: self.after(name))
        return ToSlack(slack, deliveries, Reports()), ToWebhook(webhook, deliveries)

    def _address(self, name: str) -> str | None:
        return f"{self.workspace.url}{self.hooks[name]}" if name in self.hooks else None

    def post(self, messages: MessagesWithDestinations, received: int = 1) -> int:
        """One event handled by a new process."""
        return post_slack(messages, *self.channels(), received)

    def settle(self, messages: MessagesWithDestinations) -> int:
        """An event that comes again until it is done with; how often it came."""
        queue = Queue(self)
        queue.put(START, lambda: messages)
        return queue.run()


@dataclass
class Queue:
    """SQS and Lambda's poller, on the world's clock: what fails comes again, after a death when its visibility ends."""

    world: World
    deaths: int = 0
    failures: int = 0
    _waiting: list[tuple[datetime, int, int, Callable[[], MessagesWithDestinations]]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def put(self, at: datetime, messages: Callable[[], MessagesWithDestinations], received: int = 0) -> None:
        """A message that comes up at a moment; `messages` is called each time, as facts are read again."""
        heapq.heappush(self._waiting, (at, next(self._numbers), received, messages))

    def run(self, most: int = 20_000) -> int:
        """Until it is empty; how many times messages came up."""
        for times in range(most):
            if not self._waiting:
                return times
            at, _, received, found = heapq.heappop(self._waiting)
            self.world.now = max(self.world.now, at)
            try:
                self.world.post(found(), received + 1)
            except TryLater as later:
                self.failures += 1
                self.put(self.world.now + timedelta(seconds=later.delay), found, received + 1)
            except Died:
                self.deaths += 1
                self.put(self.world.now + max(VISIBILITY, LEASE), found, received + 1)
        raise AssertionError("messages keep coming")


@contextmanager
def slack_world(folder: Path) -> Iterator[World]:
    """A workspace over HTTP, a ledger in a folder, the clock."""
    workspace = Workspace()
    world = World(workspace, open_folder(folder / "book", create=True))
    workspace.now = lambda: world.now
    with serve_slack(workspace), clock.use(lambda: world.now):
        yield world
