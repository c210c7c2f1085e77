"""The message of a sweep: what it says while the sweep runs, and at its end."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.unit.analysing import swept, trial
from tests.unit.recorded import CHURN, TUNING, facts_at, report_of, sweep_at
from trialbook.core.analysis.analyse import analyse
from trialbook.core.announcements import REPORT_READY, SWEEP_PROGRESSED, Announcement
from trialbook.core.message import Message, Mood
from trialbook.core.messages.compute import messages_of
from trialbook.core.messages.facts import Report, SweepFacts
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record, Sweep, SweepState

READY = Announcement("report-ready/x/1", REPORT_READY, {})
PROGRESS = Announcement("sweep-progressed/x/9", SWEEP_PROGRESSED, {})


def at(clock: str, day: int = 20) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day}T{clock}").replace(tzinfo=UTC)


def message(facts: SweepFacts, event: Announcement = READY) -> Message:
    return messages_of(event, facts, Rules())[0]


def test_the_first_line_answers_the_question() -> None:
    said = message(facts_at(CHURN))

    assert said.title == "churn-xgb · min_child_weight sweep · 5 of 5 finished"
    assert said.subject == "churn-xgb: 5 of 5 finished, best validation:error 0.03959 at min_child_weight=4"
    assert said.verdict == "Best validation:error 0.03959 at min_child_weight = 4 (minimize)."
    assert said.sentences == ("Better than the runner-up (0.04019) by 0.0006 (1.5%).",)
    assert (said.mood, said.is_final) == (Mood.GOOD, True)


def test_a_tuning_job_with_failures_says_so_and_why() -> None:
    said = message(facts_at(TUNING))

    assert said.title == "churn-xgb · random search over 6 hyperparameters · 60 of 60 finished, 3 failed"
    assert said.mood is Mood.MIXED
    (failure,) = said.failures
    assert failure.startswith("3 × AlgorithmError: xgboost.core.XGBoostError: updater_colmaker.cc:180")
    assert failure.endswith("all 3 had max_depth = 0 and tree_method = exact, and no other job had")
    assert said.table is not None
    assert said.table.headers[1:3] == ("validation:logloss", "max_depth")  # what matters most comes first
    assert said.table.caption == "52 more trials not shown"


@pytest.mark.parametrize(
    ("name", "moment", "standing", "best"),
    [
        (CHURN, at("10:15:03"), "0 finished, 2 running", "launched; none has finished."),
        (CHURN, at("10:17:30"), "1 finished, 4 running", "Best so far validation:error 0.03959 at"),
        (TUNING, at("09:02:25", 21), "1 of 60 finished", "Best so far validation:logloss"),
        (TUNING, at("09:15:00", 21), "30 of 60 finished, 2 failed", "Best so far validation:logloss"),
    ],
)  # fmt: skip
def test_a_running_sweeps_message_says_its_state(name: str, moment: datetime, standing: str, best: str) -> None:
    said = message(facts_at(name, moment), PROGRESS)

    assert said.title.endswith(standing)
    assert best in said.verdict
    assert (said.mood, said.is_final) == (Mood.BUSY, False)
    assert (said.picture, said.report) == (None, None)


def test_the_time_left_is_estimated_only_where_it_can_be() -> None:
    left = {
        clock: (said := message(facts_at(TUNING, at(clock, 21)), PROGRESS)).progress and said.progress.seconds_left
        for clock in ("09:02:25", "09:05:00", "09:15:00")
    }
    loop = message(facts_at(CHURN, at("10:17:30")), PROGRESS).progress

    assert left["09:02:25"] is None
    assert 14 * 60 < (left["09:15:00"] or 0) < 16 * 60
    assert loop is not None
    assert (loop.total, loop.seconds_left) == (None, None)


def test_a_later_state_has_a_greater_version_and_the_report_the_greatest() -> None:
    finished = facts_at(TUNING)
    versions = [message(facts_at(TUNING, at(clock, 21))).version for clock in ("09:02:25", "09:15:00")]
    versions += [message(replace(finished, report=None)).version, message(finished).version]

    assert versions == sorted(set(versions))


def test_a_revision_says_what_changed_and_is_no_new_answer_where_nothing_did() -> None:
    sweep, found = sweep_at(CHURN)
    again = replace(sweep, revision=2)
    former = report_of(sweep, found).analysis
    same = message(SweepFacts(again, tuple(found), replace(report_of(again, found), former=former)))
    worse = report_of(sweep, [each for each in found if each != found[0]]).analysis
    better = message(SweepFacts(again, tuple(found), replace(report_of(again, found), former=worse)))

    first = Announcement("report-ready/x/1", REPORT_READY, {"report": {"revision": 1}})
    late = message(SweepFacts(again, tuple(found), replace(report_of(again, found), former=former)), first)

    assert not same.changes_answer
    assert late.changes_answer  # the first one's event comes when the second stands already: nothing was said before
    assert better.changes_answer
    assert better.sentences[0] == (
        "Revision 2: jobs arrived after the sweep closed. "
        "Before: best validation:error 0.04019 at min_child_weight = 1."
    )


def test_a_sweep_where_every_job_failed_says_why() -> None:
    sweep, found = sweep_at(TUNING)
    failed = [each for each in found if each.job.status == "Failed"]
    only = replace(sweep, counts=replace(sweep.counts, completed=0, stopped=0, failed=3), max_jobs=3, best=None)
    said = message(SweepFacts(only, tuple(failed), report_of(only, failed)))

    assert said.title.endswith("all 3 jobs failed")
    assert said.verdict.startswith("All 3 jobs failed: AlgorithmError")
    assert said.mood is Mood.BAD
    assert said.table is None


def test_a_failed_tuning_job_says_its_reason() -> None:
    sweep, _ = sweep_at(TUNING, at("09:02:00", 21))
    failed = replace(sweep, tuning_status="Failed", tuning_failure="No objective metrics found after 5 jobs.")
    said = message(SweepFacts(failed))

    assert said.title.endswith("0 of 60 finished, tuning job failed")
    assert said.verdict == "The tuning job failed: No objective metrics found after 5 jobs."
    assert said.mood is Mood.BAD


def test_a_tuning_job_that_was_stopped_says_so() -> None:
    sweep, found = sweep_at(TUNING)
    stopped = replace(sweep, tuning_status="Stopped", max_jobs=100)
    said = message(SweepFacts(stopped, tuple(found[:10]), report_of(stopped, found)))

    assert said.title.endswith("60 of 100 finished, 3 failed, tuning job stopped")


def test_a_failed_tuning_jobs_summary_has_its_reason() -> None:
    sweep, found = sweep_at(TUNING)
    failed = replace(sweep, tuning_status="Failed", tuning_failure="Internal error.")
    said = message(SweepFacts(failed, tuple(found[:10]), report_of(failed, found)))

    assert said.sentences[0] == "The tuning job failed: Internal error."
    assert said.is_final


def test_a_tuning_job_of_several_definitions_is_ranked_by_its_childrens_objectives() -> None:
    sweep, found = sweep_at(TUNING, at("09:15:00", 21))
    said = message(SweepFacts(replace(sweep, objective=None), tuple(found[:10])), PROGRESS)

    assert said.verdict.startswith("Best so far validation:logloss")
    assert said.facts[0].text == "minimize validation:logloss (tuning job)"


def test_nothing_ranked_says_how_to_set_an_objective() -> None:
    sweep, found = sweep_at(CHURN)
    bare = [replace(each, objective=None, value=None, without_objective="no objective is known") for each in found]
    only = replace(sweep, objective=None, best=None)
    said = message(SweepFacts(only, tuple(bare), report_of(only, bare)))

    assert said.verdict == "Nothing is ranked, because no job has an objective value."
    assert said.facts[0].text.startswith("none: set the tag trialbook:objective")
    assert said.advice == ("5 jobs can't be ranked, each because no objective is known.",)


def test_a_merged_sweeps_message_is_continued() -> None:
    facts = facts_at(CHURN)
    merged = replace(facts, sweep=replace(facts.sweep, supersedes=("churn-xgb@later",)))

    assert message(merged).continues == ("sweep/churn-xgb@later",)


def test_history_is_not_announced() -> None:
    facts = facts_at(CHURN)

    assert messages_of(READY, replace(facts, sweep=replace(facts.sweep, is_history=True)), Rules()) == ()


def test_a_sweep_that_is_open_again_is_in_progress() -> None:
    sweep, found = sweep_at(CHURN)
    said = message(SweepFacts(replace(sweep, state=SweepState.REVISED), tuple(found)), PROGRESS)

    assert said.mood is Mood.BUSY
    assert "Reopened: a job arrived after the sweep closed." in said.sentences


def seeded(trials: int = 12) -> tuple[Sweep, list[Record]]:
    """A search of `eta` in which each configuration ran with two seeds."""
    records = [trial(n, {"eta": n // 2, "seed": n % 2 + 7}, n // 2 + n % 2 / 100) for n in range(trials)]
    return swept(records), records


def test_seeds_are_repeats_in_a_message_before_and_after_the_report() -> None:
    """They are no axis, no column, and no part of what was searched or is best."""
    sweep, records = seeded()
    before = message(SweepFacts(sweep, tuple(records[:5])), PROGRESS)
    report = Report(analyse(sweep, records, as_of=at("10:00:00")), "bucket", "folder", "")
    after = message(SweepFacts(sweep, tuple(records[:5]), report))

    for said in (before, after):
        assert said.table is not None
        assert "eta sweep" in said.title
        assert "seed" not in f"{said.title} {said.subject} {said.verdict} {said.bars_label}"
        assert "seed" not in said.table.headers
    (mean,) = [each.text for each in after.facts if each.label == "Best mean"]
    assert mean.startswith("0.005 over 2 repeats (95%: ")
    assert mean.endswith("), the best trial's configuration")
