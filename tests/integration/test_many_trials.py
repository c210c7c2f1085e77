"""Sweeps of many trials, up to as many as any tuning job can have."""

from tests import synthetic
from tests.unit.analysing import analysed
from tests.unit.test_charts import rows, texts
from trialbook.core.charts.choice import charts


def test_ten_thousand_trials_have_an_analysis() -> None:
    found = synthetic.records(10_000)
    analysis = analysed(found, sweep=synthetic.sweep(found))

    assert analysis.counts.jobs == 10_000
    assert analysis.groups[0].importance is not None
    assert analysis.groups[0].importance.effects[0].parameter == "learning_rate"


def test_only_distinguishable_lines_are_drawn_and_the_picture_says_so() -> None:
    found = synthetic.records(1000)
    chart = next(
        each for each in charts(analysed(found, sweep=synthetic.sweep(found))) if each.kind == "parallel coordinates"
    )
    drawn = {row["trial"] for row in rows(chart.spec) if "trial" in row}

    assert len(drawn) <= 251
    assert any("250 of 950 drawn" in text for text in texts(chart.spec["title"]))
