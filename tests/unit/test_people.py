"""A loop whose jobs may be those of several people says so, and why; an ordinary loop says nothing of the kind."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.unit.analysing import trial
from tests.unit.samples import at
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.people import several_people
from trialbook.core.announcements import SWEEP_PROGRESSED, Announcement
from trialbook.core.messages.compute import messages_of
from trialbook.core.messages.facts import SweepFacts
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record, Sweep, SweepKind, recount

Given = Mapping[str, object]
REMEDY = " Give each loop a base job name or a tag trialbook:sweep of its own to keep them apart."
PROFILE = "arn:aws:sagemaker:eu-west-1:000000000000:user-profile/d-abc/"


def loop(records: Sequence[Record], kind: SweepKind = SweepKind.LOOP) -> Sweep:
    return recount(Sweep("s", kind, "exp", account="000000000000", region="eu-west-1"), records)


def people_note(trials: Sequence[Given], *more: Mapping[str, Any], kind: SweepKind = SweepKind.LOOP) -> str | None:
    """What is said of jobs launched one after the other; `more` are fields of theirs, in turns."""
    fields = more or ({},)
    records = [trial(n, given, 0.5, **fields[n % len(fields)]) for n, given in enumerate(trials)]
    return several_people(loop(records, kind), [each.job for each in records])


def etas(count: int) -> list[Given]:
    return [{"eta": n / 10} for n in range(count)]


SEARCHES: list[Given] = [{"eta": 0.1}, {"depth": 3}, {"eta": 0.2}, {"depth": 4}, {"eta": 0.3}]


def test_tags_that_name_people_are_a_sign() -> None:
    anna, ben = ({"tags": {"sagemaker:user-profile-arn": f"{PROFILE}{name}"}} for name in ("anna", "ben"))

    assert people_note(etas(4), anna, ben) == (
        f"These jobs may be several people's loops: by the tag sagemaker:user-profile-arn, 2 of anna and 2 of ben.{REMEDY}"
    )
    assert people_note(etas(5), {"tags": {"owner": "anna"}}, {"tags": {"owner": "ben"}}) == (
        f"These jobs may be several people's loops: by the tag owner, 3 of anna and 2 of ben.{REMEDY}"
    )


def test_two_roles_are_a_sign() -> None:
    roles = ({"role": f"arn:aws:iam::000000000000:role/team/{name}"} for name in ("Churn", "Fraud"))

    assert people_note(etas(4), *roles) == (
        "These jobs may be several people's loops: 2 ran with the role Churn and 2 ran with the role Fraud." + REMEDY
    )


def test_two_searches_in_turns_with_no_hyperparameter_in_common_are_a_sign() -> None:
    said = f"These jobs may be several people's loops: launched in turns, 3 vary eta and 2 vary depth.{REMEDY}"

    assert people_note(SEARCHES) == said
    assert people_note([{**each, "rounds": 100} for each in SEARCHES]) == said


def test_two_programs_that_vary_different_things_in_turns_are_a_sign_whatever_else_differs() -> None:
    one, other = {"sagemaker_program": "train.py", "epochs": 3}, {"sagemaker_program": "fit.py", "epochs": 9}

    found = people_note([{**(one if "eta" in each else other), **each} for each in SEARCHES])

    assert found is not None
    assert "3 vary eta and 2 vary depth" in found


@pytest.mark.parametrize(
    ("ordinary", "trials"),
    [
        ("one hyperparameter", etas(5)),
        ("a grid", [{"eta": eta, "depth": depth} for eta in (0.1, 0.2) for depth in (3, 4)]),
        ("one hyperparameter after the other", [SEARCHES[at] for at in (0, 2, 4, 1, 3)]),
        (
            "conditional hyperparameters, at random",
            [
                {"optimizer": "sgd", "momentum": 0.8},
                {"optimizer": "adam", "beta": 0.9},
                {"optimizer": "sgd", "momentum": 0.9},
                {"optimizer": "adam", "beta": 0.99},
            ],
        ),
        ("one that some jobs lack", [{"eta": 0.1}, {"eta": 0.2, "gamma": 1}, {"eta": 0.3}, {"eta": 0.4, "gamma": 2}]),
        ("a baseline in between", [{"eta": 0.1}, {}, {"eta": 0.2}]),
        ("nothing known", [{}, {}, {}, {}]),
        ("labels of runs", [{"eta": 0.1, "run_name": "a"}, {"eta": 0.2, "job_id": "b"}, {"eta": 0.3, "run_name": "c"}]),
    ],
)
def test_an_ordinary_loop_says_nothing_of_people(ordinary: str, trials: list[Given]) -> None:
    assert people_note(trials) is None, ordinary


def test_a_single_job_of_somebody_else_is_no_loop_of_theirs() -> None:
    assert (
        people_note(etas(3), {"tags": {"owner": "anna"}}, {"tags": {"owner": "ben"}}, {"tags": {"owner": "anna"}})
        is None
    )


@pytest.mark.parametrize("kind", [SweepKind.TAG, SweepKind.TUNING])
def test_a_tag_or_a_tuning_job_says_itself_what_belongs_together(kind: SweepKind) -> None:
    assert people_note(SEARCHES, kind=kind) is None


def test_the_message_says_so_while_the_loop_runs_and_the_report_at_its_end() -> None:
    records = [trial(n, given, 0.5) for n, given in enumerate(SEARCHES)]
    sweep = loop(records)
    running = messages_of(Announcement("p", SWEEP_PROGRESSED, {}), SweepFacts(sweep, tuple(records)), Rules())[0]
    report = analyse(sweep, records, as_of=at(100))

    expected = people_note(SEARCHES)
    assert expected in running.sentences
    assert expected in report.sentences[:-1]
    assert report.sentences[-1].startswith("5 of 5 jobs completed")


def test_names_from_outside_are_cut() -> None:
    long = [{"tags": {"owner": name * 200}} for name in "ab"]
    found = people_note(etas(4), *long)

    assert found is not None
    assert len(found) < 300


def test_advice_does_not_depend_on_the_order_of_the_records() -> None:
    records = [trial(n, given, 0.5) for n, given in enumerate(SEARCHES)]

    assert several_people(loop(records), [each.job for each in records[::-1]]) == people_note(SEARCHES)
