"""Numbers at the ends of what a float holds, and texts with what can't be drawn: analysed, drawn and written."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.analysing import analysed, swept, trial
from tests.unit.samples import at
from trialbook.core.analysis.digest import digest, to_data
from trialbook.core.analysis.experiment import experiment_report
from trialbook.core.analysis.serialised import to_dict
from trialbook.core.charts.choice import charts, picture
from trialbook.core.experiments import candidates
from trialbook.core.numbers import LARGEST, apart
from trialbook.core.sweeps import Record
from trialbook.report import experiment_files
from trialbook.report.sweep_page import sweep_page

ENDS = (LARGEST, -LARGEST, 1.7e308, -1.7e308, 8e307, 1e200, 1e155, -1e155, 1e-310, 5e-324, 0.0, 1.0, 2.0, -1.0)
VALUES = st.sampled_from(ENDS)


@st.composite
def sweeps(draw: st.DrawFn) -> list[Record]:
    """A sweep's trials, of which objective, metrics and hyperparameters lie anywhere."""
    pool = st.sampled_from(draw(st.lists(VALUES, min_size=1, max_size=6)))
    settings_of = st.one_of(pool, st.sampled_from([1, 2, 3, int(1.7e308), "a"]))
    metric = draw(st.sampled_from(["loss", "accuracy"]))
    return [
        trial(
            number,
            {"eta": draw(pool), "depth": draw(settings_of), "kind": draw(st.sampled_from("ab"))},
            draw(pool),
            metric=metric,
            metrics={"train:loss": draw(pool), "validation:loss": draw(pool)},
        )
        for number in range(draw(st.sampled_from([1, 2, 3, 8, 35])))
    ]


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from numbers(each)


@given(sweeps())
@settings(max_examples=60, deadline=None)
def test_an_analysis_its_charts_and_its_page_are_always_made_of_finite_numbers(records: list[Record]) -> None:
    made = analysed(records)
    drawn = [*charts(made), picture(made)]
    data = to_dict(made)

    assert all(map(math.isfinite, numbers([data, to_data(digest(made), alt_text=""), [dict(c.spec) for c in drawn]])))
    assert sweep_page(made, json.dumps(data, allow_nan=False), drawn[-1], b"")


@given(sweeps(), sweeps())
@settings(max_examples=40, deadline=None)
def test_an_experiment_of_such_sweeps_always_has_its_page(one: list[Record], other: list[Record]) -> None:
    both = [replace(swept(records), id=name) for name, records in (("one", one), ("other", other))]
    best = sorted([*one, *other], key=lambda each: each.experiment_rank)
    digests = [digest(analysed(records)) for records in (one, other)]
    report = experiment_report("exp", next(iter(candidates(both)), None), both, best, digests, at(999))

    assert set(experiment_files(report)) == {"report.html", "report.json"}


def test_a_margin_that_no_float_holds_is_the_largest_one() -> None:
    assert apart(LARGEST, -LARGEST) == LARGEST
    assert apart(-1.0, 1.0) == 2.0


def test_steps_between_tiny_values_are_distinct_on_the_axis() -> None:
    made = analysed([trial(number, {"eta": number}, value * 1e-15) for number, value in enumerate([3, 2, 1])])
    again = replace(swept([]), id="s2")
    report = experiment_report(
        "exp",
        next(iter(candidates([swept([trial(n, {"eta": n}, n * 1e-15) for n in range(1, 4)])])), None),
        [again],
        [],
        [digest(made), digest(made)],
        at(999),
    )
    page = experiment_files(report)["report.html"].decode()

    assert "e-15" in page


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)


@given(st.lists(st.text(st.characters(categories=("Cc", "Cs", "Cn", "Zl", "Zp", "L")), max_size=6), min_size=4))
@settings(max_examples=40, deadline=None)
def test_undrawable_values_never_reach_a_chart(words: list[str]) -> None:
    records = [
        trial(number, {f"o{words[0]}": words[number], "p": number % 2}, number / 10) for number in range(len(words[:4]))
    ]
    made = analysed(records)

    for chart in [*charts(made), picture(made)]:
        assert not [each for each in texts(dict(chart.spec)) if any(c in each for c in "\x00\x1b\x7f\x85\uffff\u2028")]
        json.dumps(chart.spec, ensure_ascii=False).encode()
