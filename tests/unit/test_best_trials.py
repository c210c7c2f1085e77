"""The best-trial report of a period: computed, announced, read back, shown."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.analysing import trial
from tests.unit.samples import START, at
from trialbook.core.announcements import BEST_TRIALS
from trialbook.core.codec import pack
from trialbook.core.messages.best_trials import (
    MOST_EXPERIMENTS,
    BestTrials,
    Ended,
    Standing,
    announcement,
    best_trials,
    best_trials_message,
    from_detail,
)
from trialbook.core.objectives import Objective, ObjectiveSource, ObjectiveType
from trialbook.core.sweeps import Counts, Record

SINCE, UNTIL = START - timedelta(days=7), START
LOSS = Objective("loss", ObjectiveType.MINIMIZE, ObjectiveSource.RULES)


def ended(experiment: str = "churn", **more: object) -> Ended:
    given = {"is_sweep": True, "counts": Counts(completed=4, failed=1), "cost_usd": 1.5, "unpriced_jobs": 0, **more}
    return Ended(experiment, **given)  # type: ignore[arg-type]


def ranked(number: int, value: float, **hyper_parameters: object) -> Record:
    made = trial(number, hyper_parameters, value)
    return replace(made, experiment_objective=made.objective, experiment_value=made.value)


def report(*standings: Standing, **more: object) -> BestTrials:
    made = best_trials([ended(each.experiment, **more) for each in standings], standings, SINCE, UNTIL)
    assert made is not None
    return made


BETTER = Standing("churn", LOSS, ranked(2, 0.1, eta="0.2", depth="5"), ranked(1, 0.2, eta="0.4", depth="5"))
SAME = Standing("fraud", LOSS, ranked(1, 0.2), ranked(1, 0.2))
FIRST = Standing("new", LOSS, ranked(1, 0.2))
NOTHING = Standing("odd")


def test_nothing_is_reported_if_nothing_ended() -> None:
    assert best_trials([], [BETTER], SINCE, UNTIL) is None


def test_a_new_best_says_what_differs_from_the_previous_one() -> None:
    message = best_trials_message(report(BETTER))

    assert message.subject == "Best trials to 2026-11-20: churn has a new best, loss 0.1"
    (section,) = message.sections
    assert section.title == "churn: new best loss 0.1"
    assert section.sentences[0] == "t-2 is better than the previous best by 0.1 (50%)."
    assert section.table is not None
    assert section.table.rows == (("loss", "0.2", "0.1"), ("eta", "0.4", "0.2"))


def test_ended_jobs_are_counted_with_an_estimated_cost() -> None:
    message = best_trials_message(report(BETTER, SAME))

    assert message.sentences == ("2 sweeps, 10 jobs, 2 failed, $3.00 (estimate).",)
    assert message.sections[0].sentences[-1] == "1 sweep, 5 jobs, 1 failed, $1.50 (estimate)."


def test_a_cost_that_is_not_known_is_unknown_and_a_part_of_it_the_least() -> None:
    unknown = best_trials_message(report(SAME, cost_usd=None, unpriced_jobs=5))
    part = best_trials_message(report(SAME, unpriced_jobs=2))

    assert unknown.sections[0].sentences[-1] == "1 sweep, 5 jobs, 1 failed, cost unknown."
    assert part.sections[0].sentences[-1] == "1 sweep, 5 jobs, 1 failed, at least $1.50 (estimate)."
    assert unknown.sentences == part.sentences == ()  # of one experiment there is no sum to tell


def test_new_bests_come_first_and_each_standing_has_its_words() -> None:
    message = best_trials_message(report(NOTHING, SAME, FIRST, BETTER))

    assert message.verdict == "2 new bests: churn and new."
    assert [section.title for section in message.sections] == [
        "churn: new best loss 0.1",
        "new: new best loss 0.2",
        "fraud: best is still loss 0.2",
        "odd: nothing is ranked",
    ]
    assert message.sections[1].sentences[0] == "t-1 is the first trial that ranks."
    assert message.sections[3].sentences[0].startswith("No job has an objective value.")


def test_without_a_new_best_the_answer_says_so() -> None:
    said = best_trials_message(report(SAME))

    assert said.subject == "Best trials to 2026-11-20: no new best in 1 experiment"
    assert said.verdict == "No new best in 1 experiment."
    assert said.sections[0].sentences[0] == "Best trial: t-1, since 2026-11-20."


def test_only_active_experiments_are_listed_and_those_beyond_fifty_are_counted() -> None:
    names = [f"e-{number:03}" for number in range(MOST_EXPERIMENTS + 3)]
    made = best_trials([ended(name) for name in names], [BETTER], SINCE, UNTIL)
    assert made is not None

    assert (len(made.experiments), made.left_out, made.taken.jobs) == (MOST_EXPERIMENTS, 3, 5 * len(names))
    assert "churn" not in {each.experiment for each in made.experiments}
    assert best_trials_message(made).sections[-1].title == "And 3 more experiments"


def test_links_lead_to_the_experiments_where_there_are_links() -> None:
    (section,) = best_trials_message(report(SAME), lambda name: f"https://example.com/{name}").sections

    assert [link.url for link in section.links] == ["https://example.com/fraud"]


def test_an_event_holds_everything_and_is_the_same_for_the_same_day() -> None:
    found = announcement(report(BETTER, NOTHING))

    assert (found.id, found.type) == ("best-trials/2026-11-20", BEST_TRIALS)
    assert from_detail({"id": found.id, **found.detail}) == report(BETTER, NOTHING)


@given(st.text(max_size=3000), st.integers(1, 200))
def test_the_event_of_any_fifty_experiments_fits_into_the_bus(text: str, parameters: int) -> None:
    """EventBridge takes 256 KB; escaped, a character takes six bytes at most, twelve beyond the first 65,536."""
    import json

    before = ranked(1, 0.2, **{f"p{n}{text[:240]}": text for n in range(parameters)})
    standing = Standing("x" * 120, LOSS, ranked(2, 0.1), before)
    (one,) = report(standing).experiments

    assert len(one.changes) <= 12
    assert len(json.dumps(pack(one), ensure_ascii=False)) < 8_000


def test_moments_are_part_of_the_title() -> None:
    assert best_trials_message(report(SAME)).title == "Best trials, 2026-11-13 to 2026-11-20"
    assert best_trials_message(report(SAME)).at == at(0)
