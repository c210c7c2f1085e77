"""Jobs as columns: what is a number becomes one."""

from datetime import datetime

import pytest

from tests.unit.samples import at, job, record
from trialbook.core.announcements import sweep_detail
from trialbook.core.sweeps import Sweep, SweepKind, recount
from trialbook.core.times import iso
from trialbook_book.columns import job_columns, numbers, sweep_columns
from trialbook_cli.outputs import sweep_line


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "2"], [1, 2]),
        (["1", "2.5"], [1.0, 2.5]),
        (["1", None], [1, None]),
        (["1", "x"], ["1", "x"]),
        (["007"], [7.0]),
        (["1_000"], ["1_000"]),
        (["nan"], ["nan"]),
        (["9223372036854775807"], [9223372036854775807]),
        (["12345678901234567890"], ["12345678901234567890"]),
        ([None], [None]),
        (["-0", "-3"], [0, -3]),
        (["1e-3"], [0.001]),
        (["²"], ["²"]),
    ],
)
def test_numbers_where_all_are(texts: list[str | None], expected: list[object]) -> None:
    found = numbers(texts)

    assert found == expected
    assert [type(each) for each in found] == [type(each) for each in expected]


def test_a_job_without_a_metric_or_hyperparameter_has_none_there() -> None:
    one = record(job("a", metrics={"loss": 0.5}, hyper_parameters={"eta": "1"}))
    other = record(job("b", status="Failed", hyper_parameters={"depth": "3"}))
    columns = job_columns([one, other])

    assert columns["metrics.loss"] == [0.5, None]
    assert columns["hyper_parameters.eta"] == [1, None]
    assert columns["hyper_parameters.depth"] == [None, 3]
    assert columns["status"] == ["Completed", "Failed"]
    assert len({len(values) for values in columns.values()}) == 1


@pytest.mark.parametrize(("end", "expected"), [(None, None), (7, at(7))])
def test_events_lines_and_columns_agree_on_when_a_sweep_ended(end: float | None, expected: datetime | None) -> None:
    records = [record(job("a", 0, 5)), record(job("b", 1, end))]
    sweep = recount(Sweep("churn@20261120T100000.000Z", SweepKind.LOOP, "churn"), records)
    text = expected and iso(expected)

    assert sweep_columns([sweep])["ended_at"] == [expected]
    assert (sweep_detail(sweep)["ended_at"], sweep_line(sweep)["ended_at"]) == (text, text)
