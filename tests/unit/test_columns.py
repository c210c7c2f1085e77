"""Jobs as columns: what is a number becomes one."""

import pytest

from tests.unit.making import job, record
from trialbook_book.columns import job_columns, numbers


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
