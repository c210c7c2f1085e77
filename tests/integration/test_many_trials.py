"""A sweep as large as any tuning job can be."""

from tests import synthetic
from tests.unit.analysing import analysed


def test_ten_thousand_trials_have_an_analysis() -> None:
    found = synthetic.records(10_000)
    analysis = analysed(found, sweep=synthetic.sweep(found))

    assert analysis.counts.jobs == 10_000
    assert analysis.groups[0].importance is not None
    assert analysis.groups[0].importance.effects[0].parameter == "learning_rate"
