"""Learning curves in a report: drawn within a pixel, compared with the best, and read for what they say."""

import json
import math
import random
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import synthetic
from tests.unit.analysing import analysed, trial
from tests.unit.samples import at
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.curve_model import Learning
from trialbook.core.analysis.digest import digest
from trialbook.core.analysis.learning import MOST_CURVES, MOST_POINTS, PIXELS, learning, worth_reading
from trialbook.core.analysis.model import Analysis
from trialbook.core.analysis.serialised import from_dict, to_dict
from trialbook.core.charts.choice import outlines, picture
from trialbook.core.charts.learning import learning_curves
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.curves.thinning import simplified, thinned
from trialbook.core.jobs import InstanceGroup
from trialbook.core.objectives import Objective, ObjectiveSource, ObjectiveType
from trialbook.report import files

WIDTH = 999  # pixels: as wide as the page draws it
LOSS = Objective("loss", ObjectiveType.MINIMIZE, ObjectiveSource.RULES)
Values = Sequence[float | None]


def steps(values: Values) -> Series:
    return Series.of(Axis.ITERATION, enumerate(values))


def of_job(name: str, loss: Values, train: Values = ()) -> JobCurves:
    return JobCurves(name, {"loss": steps(loss), **({"train:loss": steps(train)} if train else {})})


def learned(*losses: Values, level: float = 0.0) -> Learning:
    curves = {f"t-{number}": of_job(f"t-{number}", loss) for number, loss in enumerate(losses)}
    found = learning(LOSS, level, enumerate(curves), curves)
    assert found is not None
    return found


def falling(end: float, length: int = 40) -> list[float]:
    """From 2 to the end, quickly at first; exactly there in the last step."""
    values = [end + (2 - end) * math.exp(-6 * step / length) for step in range(length)]
    return [*values[:-1], end]


def reported(losses: Mapping[float, Values], trains: Mapping[float, Values] | None = None, **more: Any) -> Analysis:
    """The report of a sweep whose trials end at these values and learned so."""
    records = [
        trial(number, {"lr": number + 1}, None if math.isnan(value) else value, minutes=30, **more)
        for number, value in enumerate(losses)
    ]
    curves = {
        f"t-{number}": of_job(f"t-{number}", loss, (trains or {}).get(value, ()))
        for number, (value, loss) in enumerate(losses.items())
    }
    return analysed(records, curves=curves)


def texts_of(found: Analysis, kind: str) -> list[str]:
    advice = (*(each for group in found.groups for each in group.advice), *found.savings)
    return [each.text for each in advice if each.kind == kind]


# -- drawn within a pixel ---------------------------------------------------------------------------------------------


def heights(found: Learning) -> Callable[[float], float]:
    """What places a value on the chart's axis, in pixels; beyond the axis, at its edge."""
    scale = math.log if found.is_log else float
    low, high = scale(found.axis_low), scale(found.axis_high)
    return lambda value: (scale(min(max(value, found.axis_low), found.axis_high)) - low) / (high - low) * found.pixels


def distance(point: tuple[float, float], line: Sequence[tuple[float, float]], reach: float = 3) -> float:
    """How far a point is from a line, in pixels; what is further off to the sides is not looked at."""
    first = max(bisect_left(line, (point[0] - reach, -math.inf)) - 1, 0)
    near = line[first : bisect_left(line, (point[0] + reach, math.inf)) + 1]
    return min(_from_piece(point, one, other) for one, other in pairwise(near))


def _from_piece(point: tuple[float, float], one: tuple[float, float], other: tuple[float, float]) -> float:
    wide, high = other[0] - one[0], other[1] - one[1]
    length = wide * wide + high * high
    share = ((point[0] - one[0]) * wide + (point[1] - one[1]) * high) / length if length else 0.0
    share = min(max(share, 0.0), 1.0)
    return math.hypot(point[0] - one[0] - share * wide, point[1] - one[1] - share * high)


def farthest(whole: Sequence[float], found: Learning) -> float:
    """The greatest distance of a point from the first trial's line, in pixels."""
    place, last = heights(found), len(whole) - 1
    across = WIDTH / max(last, 1)
    curve = found.curves[0]
    line = [
        (float(x) * across, place(y)) for x, y in zip(curve.x, curve.y, strict=True) if x is not None and y is not None
    ]
    return max(distance((step * across, place(value)), line) for step, value in enumerate(whole))


@pytest.mark.parametrize(("seed", "length"), [(0, 300), (1, 2_000), (2, 20_000), (3, 20_000)])
def test_a_drawn_curve_with_spikes_is_within_a_pixel_of_all_points(seed: int, length: int) -> None:
    draw = random.Random(seed)
    values = [0.2 + math.exp(-5 * step / length) + draw.gauss(0, 0.004 * seed) for step in range(length)]
    for _ in range(20):
        values[draw.randrange(1, length - 1)] *= draw.choice([0.3, 0.8, 1.5, 3.0])  # one point wide
    kept = JobCurves("t-0", {"loss": thinned(steps(values))})
    found = learning(LOSS, 0.2, [(0, "t-0")], {"t-0": kept})

    assert found is not None
    assert farthest(values, found) <= 1


@settings(max_examples=60)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=200))
def test_no_curve_is_drawn_off_by_a_pixel(values: list[float]) -> None:
    assert farthest(values, learned(values)) <= 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=100), st.floats(0, 100))
def test_a_simplified_line_passes_all_points_within_the_tolerance(values: list[float], tolerance: float) -> None:
    points = [(float(x), y) for x, y in enumerate(values)]
    kept = list(simplified(points, tolerance))

    assert {0, len(values) - 1} <= set(kept)
    for one, other in pairwise(kept):
        for place in range(one, other):
            on_line = values[one] + (values[other] - values[one]) * (place - one) / (other - one)
            assert abs(on_line - values[place]) <= tolerance + 1e-6 * max(map(abs, values))


def test_a_smooth_curve_needs_few_points() -> None:
    assert len(learned(falling(0.1, 2_000)).curves[0].x) < 60


def test_a_gap_in_a_curve_stays_one() -> None:
    curve = learned([1.0, 0.8, None, None, 0.5, 0.4], falling(0.1, 6)).curves[0]

    assert (curve.x, curve.y) == ((0, 1, 2, 4, 5), (1.0, 0.8, None, 0.5, 0.4))


def test_a_diverging_trial_does_not_flatten_the_others() -> None:
    found = learned(falling(0.1), falling(0.2), [2.0 * 3**step for step in range(40)])

    assert found.axis_high < 100
    assert found.curves[2].diverged_at is not None


# -- what is compared -------------------------------------------------------------------------------------------------


def test_training_curves_that_are_not_always_drawn_do_not_flatten_the_others() -> None:
    """Only the best trial's training curve is drawn without being asked for."""
    losses = {f"t-{number}": falling(0.2 + number / 100) for number in range(4)}
    trains = [falling(0.15), falling(0.1), falling(0.0001), falling(0.0001)]
    curves = {name: of_job(name, loss, train) for (name, loss), train in zip(losses.items(), trains, strict=True)}
    found = learning(LOSS, 0.2, enumerate(curves), curves)
    assert found is not None

    assert found.axis_low < 0.15
    assert found.axis_low > 0.05
    room = heights(found)
    assert room(0.15) <= 0.25 * found.pixels


def test_when_each_trial_passed_the_bests_final_level() -> None:
    found = learned([1.0, 0.4, 0.3, 0.35], [1.0, 0.5, 0.34, 0.5], [1.0, 0.9, 0.8, 0.7], level=0.35)

    assert [each.passed_at for each in found.curves] == [2, 2, None]
    assert found.passed == 2


def test_a_final_value_in_single_precision_is_reached_by_its_own_curve() -> None:
    assert learned([1.0, 0.1], [1.0, 0.5], level=0.09999999403953552).curves[0].passed_at == 1


def test_the_median_is_that_of_the_trials_that_still_ran() -> None:
    found = learned([4.0, 1.0, 1.0], [4.0, 2.0, 2.0], [4.0, 3.0, 3.0], [4.0, 9.0])

    assert found.median_x[0] == 0
    assert found.median_y[-1] == 2.0


def test_curves_along_time_begin_at_their_first_point() -> None:
    late = {
        name: JobCurves(name, {"loss": Series.of(Axis.TIME, [(begin, 2.0), (begin + 60, 1.0)])})
        for name, begin in (("a", 1_000_000.0), ("b", 2_000_000.0))
    }
    found = learning(LOSS, 1.0, enumerate(late), late)

    assert found is not None
    assert (found.axis, [each.x for each in found.curves]) == ("time", [(0, 60), (0, 60)])


def test_curves_along_another_axis_than_most_are_left_out() -> None:
    curves = {"a": of_job("a", [2.0, 1.0]), "b": JobCurves("b", {"loss": Series.of(Axis.TIME, [(0, 2.0), (60, 1.0)])})}

    assert learning(LOSS, 1.0, enumerate(curves), curves).trials == 1  # type: ignore[union-attr]


def test_one_point_is_no_curve() -> None:
    assert learning(LOSS, 1.0, [(0, "a")], {"a": of_job("a", [1.0])}) is None


def test_a_picture_says_how_many_curves_had_room() -> None:
    draw = random.Random(1)
    noisy = {0.5 + number / 100: [draw.random() for _ in range(299)] for number in range(40)}
    made = reported({end: [*values, end] for end, values in noisy.items()})
    drawn = sum(1 for each in made.groups[0].learning.curves if each.x) if made.groups[0].learning else 0
    chart = learning_curves(made)

    assert 0 < drawn < 40
    assert f"{drawn} of 40 trials" in json.dumps(chart.spec)


# -- what is read -----------------------------------------------------------------------------------------------------


def test_of_many_jobs_the_best_and_an_even_choice_of_the_others_are_read() -> None:
    records = synthetic.records(1_000)
    read = worth_reading(records)
    ordered = sorted(records, key=lambda record: record.sweep_rank)

    assert len(read) == len({each.key for each in read}) == MOST_CURVES
    assert read[:100] == ordered[:100]
    assert ordered.index(read[-1]) > 980


def test_a_page_has_room_for_so_many_points() -> None:
    draw = random.Random(1)
    noisy = [[draw.random() for _ in range(300)] for _ in range(60)]
    found = learned(*noisy)
    points = sum(len(each.x) for each in found.curves)

    assert points <= MOST_POINTS
    assert all(each.x for each in found.curves[:10])
    assert found.trials == len(found.curves) == 60


def test_trials_without_a_single_number_take_no_room_from_the_others() -> None:
    found = learned(*[[None, None, None]] * 30, falling(0.1), falling(0.2))

    assert [bool(each.x) for each in found.curves] == [False] * 30 + [True] * 2


# -- advice -----------------------------------------------------------------------------------------------------------


def test_overfitting_is_seen_in_the_curve() -> None:
    turns = [*falling(0.3, 20), *(0.3 + 0.05 * step for step in range(1, 21))]
    found = reported({turns[-1]: turns, 2.0: falling(2.0)}, {turns[-1]: falling(0.01)})

    (text,) = texts_of(found, "overfitting in the curve")
    assert "was best, 0.3, at step 19 and 1.3 at its end, while train:loss went on getting better" in text
    assert found.groups[0].learning.overfitting == 1  # type: ignore[union-attr]


def test_trials_beside_the_best_that_overfit_are_named() -> None:
    turns = [*falling(0.3, 20), *(0.3 + 0.05 * step for step in range(1, 21))]
    losses = {0.1: falling(0.1), turns[-1]: turns, 2.0: falling(2.0)}
    trains = {turns[-1]: falling(0.01), 0.1: falling(0.05)}

    (text,) = texts_of(reported(losses, trains), "overfitted")
    assert text == (
        "1 trial overfitted: loss was best on the way and got worse, while train:loss went on getting better. Best "
        "before the end: t-1 at step 19."
    )
    assert texts_of(reported(losses, {0.1: falling(0.05)}), "overfitted") == []


@pytest.mark.parametrize(
    ("validation", "train"),
    [
        (falling(0.3), falling(0.01)),  # a gap, but nothing turns
        ([*falling(0.3, 20), *[0.301] * 20], falling(0.01)),  # next to nothing
        ([*falling(0.3, 20), *[1.0] * 20], [*falling(0.01, 20), *[0.5] * 20]),  # training gets worse too
        ([0.3, 1.0], [1.0, 0.1]),  # too short
    ],
)
def test_gaps_that_are_no_overfitting(validation: Values, train: Values) -> None:
    end = validation[-1] or 0.0

    assert texts_of(reported({end: validation, 3.0: falling(3.0)}, {end: train}), "overfitting in the curve") == []


def test_a_best_trial_that_still_improves_is_reported() -> None:
    line = [2 - step / 40 for step in range(40)]

    assert "last tenth of its curve brought 10" in texts_of(reported({line[-1]: line}), "still gaining")[0]
    assert texts_of(reported({0.1: [*falling(0.1), *[0.1] * 20]}), "still gaining") == []


def test_a_trial_without_a_value_that_diverged_is_named() -> None:
    found = reported({0.1: falling(0.1), math.nan: [2.0, 5.0, None, None]})

    assert texts_of(found, "diverged") == ["1 trial diverged (loss): t-1 at step 2. It can't be ranked."]


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        ([2.0, 5.0, None, None], []),  # the curve says more
        ([], ["1 job can't be ranked because it diverged: its loss is no finite number."]),
    ],
)
def test_a_diverged_trial_is_mentioned_once(curve: Values, said: list[str]) -> None:
    records = [
        trial(0, {"lr": 1}, 0.1, minutes=30),
        trial(1, {"lr": 2}, None, minutes=30, metrics={"loss": math.nan}),
    ]
    curves = {"t-0": of_job("t-0", falling(0.1)), "t-1": of_job("t-1", curve)}
    found = analysed(records, curves=curves)

    assert [each.text for each in found.advice if each.kind == "without objective"] == said
    assert len(texts_of(found, "diverged")) == (not said)


def racing(count: int = 10, **more: Any) -> Analysis:
    """Trials one after the other, better and worse ones in turn, of half an hour each."""
    ends = {0.1 + 0.1 * ((number * 7) % count): None for number in range(count)}
    found = {end: falling(end) for end in ends}
    records = [
        trial(number * 40, {"lr": number + 1}, end, minutes=30, billable_seconds=1_800, **more)
        for number, end in enumerate(found)
    ]
    curves = {each.job.name: of_job(each.job.name, loss) for each, loss in zip(records, found.values(), strict=True)}
    return analysed(records, curves=curves, prices={"ml.m5.xlarge": 0.23})


def test_trials_behind_the_median_could_have_been_stopped() -> None:
    (text,) = texts_of(racing(instances=(InstanceGroup("ml.m5.xlarge", 1),)), "could have stopped")

    assert "of 10 trials could have been stopped early" in text
    assert "of 5 h, about $" in text
    assert text.endswith("(estimate). The best trial would have run to its end.")


def test_without_prices_only_time_is_reported() -> None:
    (text,) = texts_of(racing(), "could have stopped")

    assert "$" not in text


def test_nothing_is_said_of_stopping_if_the_best_would_have_been_stopped() -> None:
    late = [*[2.0] * 30, *[0.05] * 10]
    records = [trial(n * 40, {"lr": n + 1}, 0.1 * (n + 1), minutes=30) for n in range(8)]
    records.append(trial(400, {"lr": 99}, 0.05, minutes=30))
    curves = {each.job.name: of_job(each.job.name, falling(each.value or 0)) for each in records}
    curves["t-400"] = of_job("t-400", late)

    assert texts_of(analysed(records, curves=curves), "could have stopped") == []


def test_a_trial_is_only_compared_with_those_that_had_come_as_far_by_then() -> None:
    """The worst trial ran first: nobody could have known."""
    records = [trial(n * 40, {"lr": n + 1}, 0.9 - 0.1 * n, minutes=30) for n in range(8)]
    curves = {each.job.name: of_job(each.job.name, falling(each.value or 0)) for each in records}

    assert texts_of(analysed(records, curves=curves), "could have stopped") == []


# -- in the report ----------------------------------------------------------------------------------------------------


def test_curves_come_below_the_main_chart_unless_nothing_was_searched() -> None:
    several = outlines(reported({0.1: falling(0.1), 0.2: falling(0.2)}))
    one = reported({0.1: falling(0.1)})

    assert [each.kind for each in several][:3] == ["value by parameter", "history", "learning curves"]
    assert outlines(one)[0].kind == "learning curves"
    assert picture(one).kind == "learning curves"


def test_report_json_holds_the_curves_and_comes_back() -> None:
    found = reported({0.1: falling(0.1), 0.2: falling(0.2)})
    data = json.loads(json.dumps(to_dict(found)))

    assert data["groups"][0]["learning"]["curves"][0]["trial"] == 0
    assert from_dict(data) == found
    assert digest(found).groups[0].learning is None


def test_a_report_of_an_older_version_without_curves_is_read() -> None:
    found = analysed([trial(1, {"lr": 1}, 0.1)])
    data = to_dict(found)
    for key in ("machine_use", "savings"):
        del data[key]
    del data["trials"]["machine_use"]
    del data["groups"][0]["learning"]

    assert from_dict(data) == found


def test_a_page_of_sixty_trials_grows_by_less_than_15_percent() -> None:
    records = synthetic.records(60)
    draw = random.Random(3)
    curves = {}
    for each in records:
        end = each.value or 0.5
        loss = [value + draw.gauss(0, 0.004) for value in falling(end, 120)]
        names = {"validation:loss": steps(loss), "train:loss": steps(falling(end * 0.8, 120))}
        curves[each.job.name] = JobCurves(each.job.name, names)
    sweep = synthetic.sweep(records)
    without, beside = (
        files(analyse(sweep, records, as_of=at(100), curves=each))["report.html"] for each in ({}, curves)
    )

    assert b"learning-curves" in beside
    assert len(beside) <= 1.15 * len(without)


def test_the_axis_is_as_high_as_the_page_draws_it() -> None:
    assert learned(falling(0.1)).pixels == PIXELS
