"""The soak in small: what it disturbs does no harm, and what would be wrong is counted."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.benchmarks import soak as benchmark
from tests.benchmarks.held import alive, megabytes_held
from tests.benchmarks.many_sweeps import Made, make_sweeps
from tests.benchmarks.soak import disturbed, soak, wrong
from tests.benchmarks.soak_messages import wrong_messages
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import Outcome

pytestmark = pytest.mark.long  # one soak for all of them


@pytest.fixture(scope="module")
def made() -> list[Made]:
    return list(make_sweeps(4, 5))


@pytest.fixture(scope="module")
def soaked(made: list[Made]) -> tuple[Outcome, Mapping[str, int], Mapping[str, int]]:
    """What is left behind, what was done, which messages are wrong; with more of everything than in the long run."""
    events = sorted((event for sweep in made for event in sweep.events), key=lambda event: str(event["time"]))
    recording = Recording("soak", events, [answer for sweep in made for answer in sweep.answers])
    with pytest.MonkeyPatch.context() as patch:
        for name, share in (("DIES", 0.1), ("TWICE", 0.3), ("LATE", 0.3), ("LOST", 0.1)):
            patch.setattr(benchmark, name, share)
        found, samples, done, faults = soak(recording)
    assert samples[-1].events > 0
    return found, done, faults


def test_events_are_lost_doubled_and_late_and_processes_die_and_nothing_is_wrong(
    soaked: tuple[Outcome, Mapping[str, int], Mapping[str, int]], made: list[Made]
) -> None:
    found, done, faults = soaked

    assert min(done[f"events {each}"] for each in ("lost", "that came late", "that came twice")) > 0
    assert done["invocations that died"] > 3
    assert not any(wrong(found, made).values()), wrong(found, made)
    assert not any(faults.values()), faults


def _without_job(found: Outcome) -> Outcome:
    return replace(found, records=found.records[1:])


def _job_twice(found: Outcome) -> Outcome:
    return replace(found, records=(found.records[0], *found.records))


def _another_value(found: Outcome) -> Outcome:
    return replace(found, records=(replace(found.records[0], value=9.0), *found.records[1:]))


def _open(found: Outcome) -> Outcome:
    first = found.sweeps[0]
    return replace(found, sweeps=(replace(first, counts=replace(first.counts, failed=9)), *found.sweeps[1:]))


def _unattached(found: Outcome) -> Outcome:
    return replace(found, experiments={})


def _untold(found: Outcome) -> Outcome:
    return replace(found, announced=())


def _dead_letter(found: Outcome) -> Outcome:
    return replace(found, dead_letters={"RecordDeadLetters": ["a message"]})


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        (_without_job, "jobs lost"),
        (_job_twice, "jobs doubled"),
        (_another_value, "jobs with another end or value"),
        (_open, "sweeps with another best or other counts, or open"),
        (_unattached, "jobs not attached"),
        (_untold, "sweeps not told as finished, in their last revision"),
        (_dead_letter, "messages in dead-letter queues"),
    ],
)
def test_what_is_wrong_is_counted(
    change: Callable[[Outcome], Outcome],
    counted: str,
    soaked: tuple[Outcome, Mapping[str, int], Mapping[str, int]],
    made: list[Made],
) -> None:
    training = replace(soaked[0], records=tuple(r for r in soaked[0].records if r.key.kind == "TrainingJob"))

    assert wrong(change(training), made)[counted] > 0


def test_missing_and_doubled_messages_are_counted(
    soaked: tuple[Outcome, Mapping[str, int], Mapping[str, int]],
) -> None:
    found, done, _ = soaked
    died = done["deaths between SES's answer and the record of it"]
    doubled = replace(found, mails=(*found.mails, *found.mails[:1] * (died + 1)))

    assert wrong_messages(replace(found, mails=()), died)["sweeps without a mail"] == len(found.sweeps)
    assert wrong_messages(doubled, died)["mails that came twice without such a death"] > 0


def test_lost_events_never_arrive_and_the_others_do_in_order() -> None:
    class Noise:
        """The first event is lost, the second late, the third comes twice."""

        def __init__(self) -> None:
            self.left = iter((0.0, 0.9, 0.0, 0.5, 0.9, 0.9, 0.9, 0.0, 0.1))

        def random(self) -> float:
            return next(self.left)

    events = [{"id": each, "time": f"2026-11-21T09:0{each}:00Z"} for each in range(3)]
    arrived, done = disturbed(events, Noise())  # type: ignore[arg-type]

    assert [event["id"] for event in arrived] == [2, 2, 1]
    assert (done["lost"], done["late"]) == (1, 1)


def test_memory_is_that_of_all_that_is_reached_once() -> None:
    megabyte = bytes(1024 * 1024)
    held: dict[str, Any] = {"a": [megabyte], "b": megabyte}

    assert 1 <= megabytes_held(held) < 1.01
    assert alive("trialbook") < alive("builtins")
