"""One book for several accounts and regions: whatever their jobs are called, they never fall together."""

from dataclasses import replace
from typing import Any

import pytest

from tests.integration.test_ledger import DEFINITION, assert_consistent, live_sweeps
from tests.unit import samples
from trialbook.core.codec import pack
from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import Job, JobKind, TuningJob
from trialbook.core.places import Place, Places
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import SweepKind
from trialbook.ledger import versioned
from trialbook.ledger.bookkeeper import Bookkeeper
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.places import PLACES
from trialbook_book.book import Book
from trialbook_book.paged import PagedLedger

HOME = Place(samples.ACCOUNT, samples.REGION)
EAST, OTHER = Place(samples.ACCOUNT, "ap-east-1"), Place("210987654321", "eu-west-1")


def job(place: Place, name: str, *times: Any, **more: Any) -> Job:
    made = samples.job(name, *times, **more)
    return replace(made, key=replace(made.key, account=place.account, region=place.region))


def bookkeeper(ledger: Ledger) -> Bookkeeper:
    tuning_job = TuningJob(samples.job("tune", 0, 100), definitions=(DEFINITION,))
    return Bookkeeper(ledger, Rules(), lambda key, name: tuning_job if name == "tune" else None)


def enter(ledger: Ledger, *seen: Job) -> None:
    for each in seen:
        bookkeeper(ledger).enter(each, ledger.record(each.key))


def loops(place: Place) -> list[Job]:
    names = [f"churn-2026-11-20-10-0{number}-00-000" for number in range(3)]
    return [job(place, name, number, number + 5) for number, name in enumerate(names)]


def test_loops_of_the_same_name_in_several_places_are_sweeps_of_their_own(ledger: Ledger) -> None:
    for at_once in zip(loops(HOME), loops(EAST), loops(OTHER), strict=True):
        enter(ledger, *at_once)

    assert {each.id: each.counts.jobs for each in live_sweeps(ledger)} == {
        "churn@20261120T100000.000Z": 3,
        "churn.ap-east-1@20261120T100000.000Z": 3,
        "churn.210987654321.eu-west-1@20261120T100000.000Z": 3,
    }
    assert_consistent(ledger)
    experiments = [each.name for each in ledger.experiments]
    assert experiments == ["churn", "churn.210987654321.eu-west-1", "churn.ap-east-1"]
    for name in experiments:
        assert len(list(ledger.experiment_ranking(name))) == 3
        assert len(list(ledger.sweeps_of(name))) == 1


def test_tags_and_tuning_jobs_of_the_same_name_are_sweeps_of_their_own(ledger: Ledger) -> None:
    tags = {"trialbook:experiment": "churn", "trialbook:sweep": "depth"}
    for place in (OTHER, HOME):
        enter(ledger, job(place, "one", tags=tags), job(place, "tune-001", tuning_job="tune"))
        tuning = job(place, "tune", 0, 9, kind=JobKind.TUNING)
        bookkeeper(ledger).enter_tuning_job(TuningJob(tuning, definitions=(DEFINITION,)))

    elsewhere = f"{samples.ACCOUNT}.{samples.REGION}"  # the first job's place is home
    sweeps = live_sweeps(ledger)
    assert [each.id for each in sweeps] == [f"churn.{elsewhere}~depth", "churn~depth", "tune", f"tune.{elsewhere}"]
    assert {each.counts.jobs for each in sweeps} == {1}
    tuning_sweeps = [each for each in sweeps if each.kind is SweepKind.TUNING]
    assert [each.tuning_job.name for each in tuning_sweeps] == ["tune", "tune"]
    assert all(each.definitions == (DEFINITION,) for each in tuning_sweeps)
    assert_consistent(ledger)


def test_the_places_are_noted_once_and_known_to_every_process(ledger: Ledger) -> None:
    assert ledger.places.get() == Places()

    enter(ledger, job(OTHER, "a"), job(HOME, "b"), job(OTHER, "c"))

    assert ledger.places.get() == Places((OTHER, HOME))
    assert ledger.places.including(EAST) == ledger.places.get() == Places((OTHER, HOME, EAST))


def test_whoever_notes_a_place_at_the_same_time_agrees(ledger: Ledger) -> None:
    """Another process notes its place between the reading and the writing of ours."""
    read = ledger.places._read

    def raced() -> tuple[Places, int]:
        found = read()
        if found[1] == 0:
            versioned.write(ledger.table, "NOTE", PLACES, pack(Places((OTHER,))), item="note", version=1)
        return found

    ledger.places._read = raced  # type: ignore[method-assign]

    assert ledger.places.including(HOME) == Places((OTHER, HOME))
    assert ledger.places.get() == Places((OTHER, HOME))


def test_a_book_of_the_time_before_continues_under_the_names_it_has(ledger: Ledger) -> None:
    """Everything stood under plain names; nothing was noted. Home is where its first sweep ran."""
    before = bookkeeper(ledger)
    mixed = [*loops(HOME), job(OTHER, "tune-001", 90, 95, tuning_job="tune"), job(OTHER, "fraud", 90, None)]
    ledger.places._last_read = Places((HOME, OTHER))
    plain, Places.name = Places.name, lambda self, name, place: name  # type: ignore[method-assign]
    try:
        for each in mixed:
            before.enter(each, ledger.record(each.key))
    finally:
        Places.name = plain  # type: ignore[method-assign]
    ledger.places._last_read = Places()
    assert ledger.notes.get(PLACES) is None

    enter(ledger, job(HOME, "churn-2026-11-20-10-09-00-000", 9, 12))
    enter(ledger, job(OTHER, "tune-002", 91, 95, tuning_job="tune"), job(OTHER, "fraud", 90, 97))
    enter(ledger, job(OTHER, "churn-2026-11-20-10-09-30-000", 9.5, 12))

    counts = {each.id: each.counts.jobs for each in live_sweeps(ledger)}
    assert counts == {
        "churn@20261120T100000.000Z": 4,
        "tune": 2,
        "fraud@20261120T113000.000Z": 1,
        "churn.210987654321.eu-west-1@20261120T100930.000Z": 1,
    }
    assert ledger.places.get() == Places((HOME, OTHER), were_mixed=True)
    assert_consistent(ledger)


@pytest.fixture
def book(ledger: Ledger) -> Book:
    enter(ledger, *loops(HOME), job(EAST, "only-there", tuning_job="tune"), *loops(OTHER))
    enter(ledger, job(OTHER, "fraud-1", tags={"trialbook:experiment": "fraud"}))
    if not isinstance(ledger, PagedLedger):
        client = ledger.table.connection._client
        ledger = PagedLedger(ledger.table.name, region=ledger.table.region, host=ledger.table.host)
        ledger.table.connection._client = client
    return Book(ledger)


def test_a_job_is_found_by_its_name_wherever_it_ran(book: Book) -> None:
    assert Place.of(book.job("only-there").key) == EAST


def test_a_name_that_several_jobs_have_is_said_to_be_ambiguous(book: Book) -> None:
    with pytest.raises(InvalidInput) as problem:
        book.job("churn-2026-11-20-10-00-00-000")

    assert "the ARN of one of 2 jobs" in str(problem.value)
    assert OTHER.account in str(problem.value)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("churn", "churn"),
        ("fraud", "fraud.210987654321.eu-west-1"),
        ("tune", "tune.ap-east-1"),
        ("tun", "tune.ap-east-1"),
        ("fraud.2109", "fraud.210987654321.eu-west-1"),
        ("churn.210987654321.eu-west-1@2026", "churn.210987654321.eu-west-1@20261120T100000.000Z"),
    ],
)
def test_a_sweep_or_experiment_is_found_by_its_plain_name_wherever_it_is(book: Book, name: str, found: str) -> None:
    assert book.find(name).name == found


def test_completion_offers_the_sweeps_of_every_place(book: Book) -> None:
    assert book.ledger.sweeps_like("churn@2026") == [
        "churn@20261120T100000.000Z",
        "churn.210987654321.eu-west-1@20261120T100000.000Z",
    ]
    assert book.ledger.sweeps_like("tu") == []  # an experiment is looked for under whole words of its name
    assert book.ledger.sweeps_like("tune") == ["tune.ap-east-1"]
