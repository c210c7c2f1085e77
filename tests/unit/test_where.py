"""Conditions on jobs, as people write them."""

import pytest

from tests.unit.samples import job, record
from trialbook.core.errors import InvalidInput
from trialbook_book.where import parse_where

RECORD = record(
    job(
        "Churn-7",
        0,
        6,
        status="Failed",
        metrics={"validation:auc": 0.9, "train:loss": "NaN"},
        hyper_parameters={"eta": "0.05", "booster": "gbtree", "depth": "10"},
        failure_reason="AlgorithmError: out of memory",
    )
)


def holds(text: str) -> bool:
    return all(term.holds(RECORD) for term in parse_where(text))


@pytest.mark.parametrize(
    "text",
    [
        "eta<0.1",
        "eta < 0.1 and status=Failed",
        "eta<=0.05 AND depth>=10",
        "depth>9",  # as a number: as a text, "10" would come before "9"
        "booster=GBTREE",
        "booster!=dart",
        "validation:auc>0.8",
        "missing!=1",
        "minutes=6",
        "failure~*memory*",
        "job~churn-?",
        "started>=2026-11-20",
        "booster='gbtree'",
        "booster!='this or that'",
        "train:loss=NaN",
        "train:loss=nan and train:loss!=0.5",
    ],
)
def test_it_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text", ["eta>0.1", "eta<0.1 and status=Completed", "missing=1", "missing<1", "train:loss<1", "train:loss!=NaN"]
)
def test_it_does_not_hold(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eta",
        "eta<",
        "<1",
        "eta<0.1 and",
        "and",
        "eta<0.1 or depth>9",
        "booster='dart' or booster='gbtree'",
        "eta<0.1 || depth>9",
        "eta<1 & eta>0",
    ],
)
def test_unreadable_files_are_named(text: str) -> None:
    with pytest.raises(InvalidInput, match="where is"):
        parse_where(text)
