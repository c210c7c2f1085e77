"""What goes onto Trialbook's own bus when it is long, odd or refused: against an EventBridge with AWS's limits, over HTTP."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.session import Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.test_announcements import problems, sweep_of
from tests.unit.samples import job
from trialbook.adapters.eventbridge import EventBus, NotPublished
from trialbook.core.announcements import Announcement, of_sweep
from trialbook_cli.http_serving import Handler, serving

ENTRY, REQUEST = 256 * 1024, 1024 * 1024  # bytes


class Bus:
    """PutEvents with AWS's limits, by bytes and by number; `refuse` gives the error of an entry, by its detail."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.requests: list[int] = []
        self.refuse: Callable[[dict[str, Any]], str | None] = lambda detail: None

    def put(self, body: bytes) -> tuple[int, dict[str, Any]]:
        self.requests.append(len(body))
        entries = json.loads(body)["Entries"]
        if len(entries) > 10 or len(body) > REQUEST or any(len(each["Detail"].encode()) > ENTRY for each in entries):
            message = "Total size of the entries in the request is over the limit."
            return 400, {"__type": "ValidationException", "message": message}
        return 200, {"Entries": [self._result(each) for each in entries], "FailedEntryCount": 0}

    def _result(self, entry: dict[str, Any]) -> dict[str, str]:
        if re.search(r"NaN|Infinity|\\ud8", entry["Detail"]):
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        detail = json.loads(entry["Detail"])
        code = self.refuse(detail)
        if code:
            return {"ErrorCode": code, "ErrorMessage": "for a test"}
        self.taken.append({"type": entry["DetailType"], **detail})
        return {"EventId": str(len(self.taken))}


@contextmanager
def running() -> Iterator[tuple[Bus, EventBus]]:
    bus = Bus()

    class Answering(Handler):
        def do_POST(self) -> None:  # noqa: N802 the base class's name
            status, answer = bus.put(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Answering, "127.0.0.1", 0) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", url)
        yield bus, EventBus(Session(), "trialbook")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Bus, EventBus]]:
    with running() as made:
        yield made


@pytest.fixture
def bus(served: tuple[Bus, EventBus]) -> Bus:
    served[0].__init__()  # type: ignore[misc]
    return served[0]


@pytest.fixture
def events(served: tuple[Bus, EventBus], bus: Bus) -> EventBus:
    return served[1]


def new_bests(number: int, parameters: dict[str, str], values: tuple[float, float] = (0.2, 0.1)) -> list[Announcement]:
    """So many sweeps, each with a new best trial with these hyperparameters."""
    found: list[Announcement] = []
    for each in range(number):
        first, second = (
            job(
                f"churn-{at}",
                at,
                metrics={"validation:error": value},
                hyper_parameters={**parameters, "trial": str(at)},
            )
            for at, value in enumerate(values)
        )
        before, after = (sweep_of(first, other) for other in (job("churn-1", 1, metrics={}), second))
        named = [replace(sweep, id=f"churn@20261120T1000{each:02}.000Z") for sweep in (before, after)]
        found += [announcements for announcements in of_sweep(*named) if announcements.type == "Best Trial Changed"]
    return found


def test_requests_stay_below_what_aws_takes_in_bytes_as_in_number(bus: Bus, events: EventBus) -> None:
    announcements = new_bests(12, {f"p{number}": "x" * 2_000 for number in range(20)})

    events.publish(announcements)

    assert [each["id"] for each in bus.taken] == [each.id for each in announcements]
    assert all(each["new"]["hyper_parameters"]["p0"] == "x" * 2_000 for each in bus.taken)
    assert max(bus.requests) < 1_000_000
    assert len(bus.requests) == 2


def test_quotation_marks_that_take_two_bytes_each_on_the_wire_are_counted_so(bus: Bus, events: EventBus) -> None:
    announcements = new_bests(12, {f"p{number}": '"\\' * 400 for number in range(20)})

    events.publish(announcements)

    assert len(bus.taken) == 12
    assert max(bus.requests) < REQUEST


def test_a_margin_beyond_a_floats_range_is_unknown(bus: Bus, events: EventBus) -> None:
    (announcements,) = new_bests(1, {}, (1.7e308, -1.7e308))

    events.publish([announcements])

    (taken,) = bus.taken
    assert taken["margin"] is None
    assert (taken["old"]["value"], taken["new"]["value"]) == (1.7e308, -1.7e308)
    assert problems("Best Trial Changed", {key: value for key, value in taken.items() if key != "type"}) == []


def test_a_hundred_hyperparameters_of_2500_characters_are_cut_and_names_are_not(bus: Bus, events: EventBus) -> None:
    (announcements,) = new_bests(1, {f"parameter-{number}": "ü" * 2_500 for number in range(100)})

    events.publish([announcements])

    (taken,) = bus.taken
    assert taken["id"] == announcements.id
    assert taken["new"]["job_name"] == "churn-1"
    assert len(taken["new"]["hyper_parameters"]) == 100
    assert taken["new"]["hyper_parameters"]["parameter-7"].endswith("…")


def test_an_unencodable_announcement_is_left_out_and_the_others_go_through(bus: Bus, events: EventBus) -> None:
    first, last = new_bests(2, {})
    deep: Any = {}
    for _ in range(2_000):
        deep = {"deep": deep}
    odd = [Announcement(f"odd/{number}", "Sweep Started", {"a": each}) for number, each in enumerate((object(), deep))]
    huge = Announcement("odd/huge", "Sweep Started", {"job_name": "x" * 300_000})
    infinite = Announcement("odd/infinite", "Sweep Started", {"value": float("inf"), "other": [float("nan")]})

    events.publish([first, *odd, huge, infinite, last])

    assert [each["id"] for each in bus.taken] == [first.id, "odd/infinite", last.id]
    assert (bus.taken[1]["value"], bus.taken[1]["other"]) == (None, [None])


def test_an_announcement_refused_for_good_is_shortened_or_left_out(bus: Bus, events: EventBus) -> None:
    announcements = new_bests(4, {"note": "n" * 300})
    bus.refuse = lambda detail: (
        "MalformedDetail"
        if detail["id"] == announcements[1].id
        or (detail["id"] == announcements[2].id and "…" not in detail["new"]["hyper_parameters"]["note"])
        else None
    )

    events.publish(announcements)

    assert {each["id"] for each in bus.taken} == {announcements[0].id, announcements[2].id, announcements[3].id}


def test_an_announcement_that_eventbridge_rejects_for_now_is_retried(bus: Bus, events: EventBus) -> None:
    announcements = new_bests(4, {})
    bus.refuse = lambda detail: "ThrottlingException" if detail["id"] == announcements[2].id else None

    with pytest.raises(NotPublished) as raised:
        events.publish(announcements)

    assert raised.value.published == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 300_000), min_size=1, max_size=14),
    character=st.sampled_from(["x", '"', "ü", "😀", "\x00", "\ud800"]),
    values=st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)),
)
def test_never_is_a_request_refused_and_never_is_one_that_fits_lost(
    bus: Bus, events: EventBus, sizes: list[int], character: str, values: tuple[float, float]
) -> None:
    bus.__init__()  # type: ignore[misc]
    found = [
        Announcement(
            f"best-trial-changed/{number}",
            "Best Trial Changed",
            {"margin": values[0], "new": {"value": values[1], "hyper_parameters": {"p": character * size}}},
        )
        for number, size in enumerate(sizes)
    ]

    events.publish(found)

    assert sorted(each["id"] for each in bus.taken) == sorted(each.id for each in found)
    assert max(bus.requests) < REQUEST
