"""The soak in small: what it disturbs does no harm, and what would be wrong is counted."""

from collections.abc import Callable
from dataclasses import replace
from json import dumps
from typing import Any

import pytest

from tests.benchmarks import soak as benchmark
from tests.benchmarks import soak_trouble
from tests.benchmarks.held import alive, megabytes_held
from tests.benchmarks.many_sweeps import Made, make_sweeps
from tests.benchmarks.soak import Soaked, disturbed, soak
from tests.benchmarks.soak_messages import wrong_messages
from trialbook_cli.replaying import ReplayOutcome

pytestmark = pytest.mark.long  # one soak for all of them


@pytest.fixture(scope="module")
def made() -> list[Made]:
    return list(make_sweeps(4, 5, tracks=2, are_odd=True))


@pytest.fixture(scope="module")
def soaked(made: list[Made]) -> Soaked:
    """With more of everything than in the long run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, share in (("DIES", 0.1), ("TWICE", 0.3), ("LATE", 0.3), ("LOST", 0.1)):
            patch.setattr(benchmark, name, share)
        patch.setattr(soak_trouble, "HANGS", 0.01)
        done = soak(made)
    assert done.samples[-1].events > 0
    return done


def test_events_are_lost_doubled_and_late_and_processes_die_and_nothing_is_wrong(
    soaked: Soaked, made: list[Made]
) -> None:
    done = soaked.done

    assert min(done[f"events {each}"] for each in ("lost", "that came late", "that came twice")) > 0
    assert done["invocations that died"] > 3
    assert not any(soaked.wrong(made).values()), soaked.wrong(made)


def test_calls_hang_jobs_are_recreated_and_cannot_be_described_and_events_are_forged(
    soaked: Soaked, made: list[Made]
) -> None:
    done = soaked.done
    longest = max(len(dumps(dict(each.job.hyper_parameters))) for each in soaked.found.records)

    assert min(done[each] for each in ("jobs recreated", "tuning jobs recreated", "Describe refused")) > 0
    assert done["calls that hung"] > 5
    assert done["forged events"] > 30
    assert longest > 240_000
    assert {sweep.id for sweep in soaked.found.sweeps} >= {made[0].tuning_job, f"{made[0].tuning_job}.2"}


def _without_job(found: ReplayOutcome) -> ReplayOutcome:
    return replace(found, records=found.records[1:])


def _job_twice(found: ReplayOutcome) -> ReplayOutcome:
    return replace(found, records=(found.records[0], *found.records))


def _another_value(found: ReplayOutcome) -> ReplayOutcome:
    return replace(found, records=(replace(found.records[0], value=9.0), *found.records[1:]))


def _open(found: ReplayOutcome) -> ReplayOutcome:
    first = found.sweeps[0]
    return replace(found, sweeps=(replace(first, counts=replace(first.counts, failed=9)), *found.sweeps[1:]))


def _unattached(found: ReplayOutcome) -> ReplayOutcome:
    return replace(found, experiments={})


def _unreported(found: ReplayOutcome) -> ReplayOutcome:
    return replace(found, announced=())


def _dead_letter(found: ReplayOutcome) -> ReplayOutcome:
    return replace(found, dead_letters={"RecordDeadLetters": ["a message"]})


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        (_without_job, "jobs lost"),
        (_job_twice, "jobs doubled"),
        (_another_value, "jobs with another end or value"),
        (_open, "sweeps with another best or other counts, or open"),
        (_unattached, "jobs not attached"),
        (_unreported, "sweeps not reported as finished, in their last revision"),
        (_dead_letter, "messages in dead-letter queues"),
    ],
)
def test_errors_are_counted(
    change: Callable[[ReplayOutcome], ReplayOutcome],
    counted: str,
    soaked: Soaked,
    made: list[Made],
) -> None:
    found = soaked.found
    training = replace(found, records=tuple(r for r in found.records if r.key.kind == "TrainingJob"))
    changed = replace(soaked, found=change(training))

    assert changed.wrong(made)[counted] > 0


def test_missing_and_doubled_messages_are_counted(
    soaked: Soaked,
) -> None:
    found = soaked.found
    died = soaked.done["deaths and calls that hung between SES's answer and the record of it"]
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
