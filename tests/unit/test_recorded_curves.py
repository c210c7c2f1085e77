"""The learning curves of the recordings, which are those of real trainings, and what reports say about them."""

from tests.unit import recorded
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.model import Analysis
from trialbook.report import files


def report(name: str, *, with_curves: bool = True) -> Analysis:
    sweep, found = recorded.sweep_at(name)
    assert sweep.closed_at is not None
    return analyse(sweep, found, as_of=sweep.closed_at, curves=recorded.curves(name) if with_curves else {})


def test_of_twelve_networks_two_diverged_one_overfitted_and_one_hardly_learned() -> None:
    found = report(recorded.NET)
    (group,) = found.groups
    learning = group.learning
    assert learning is not None
    advice = {each.kind: each.text for each in group.advice}
    # The trainings with the lowest rate, of which the smaller network began worst.
    stalled = recorded.curves(recorded.NET)["churn-net-2026-11-23-14-00-00-087"].metrics["validation:loss"].points()

    assert (learning.trials, learning.diverged, learning.overfitting) == (12, 2, 1)
    assert advice["overfitted"] == (
        "1 trial overfitted: validation:loss was best on the way and got worse, while train:loss went on getting "
        "better. Best before the end: churn-net-2026-11-23-14-00-22-650 at step 15."
    )
    assert advice["diverged"] == (
        "2 trials diverged (validation:loss): churn-net-2026-11-23-14-00-12-222 at step 15 and "
        "churn-net-2026-11-23-14-00-27-984 at step 7. They can't be ranked."
    )
    assert 0 < stalled[0][1] - stalled[-1][1] < 0.15 * stalled[0][1]


def test_a_search_that_stops_trials_early_has_a_curve_for_each_that_trained() -> None:
    (group,) = report(recorded.TUNING).groups
    assert group.learning is not None

    assert (group.learning.trials, group.learning.passed) == (57, 1)
    assert [len(each.x) > 1 for each in group.learning.curves] == [True] * 57


def test_the_page_of_sixty_trials_with_their_curves_is_at_most_15_percent_larger() -> None:
    pages = [files(report(recorded.TUNING, with_curves=each))["report.html"] for each in (False, True)]

    assert b"learning-curves" in pages[1]
    assert len(pages[1]) <= 1.15 * len(pages[0])
