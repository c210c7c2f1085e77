"""Advice stays within what values can be."""

import pytest

from tests.unit.analysing import analysed, trial
from trialbook.core.analysis.limits import is_quantity, limits
from trialbook.core.analysis.model import Advice


def edges(name: str, values: list[float]) -> list[Advice]:
    """The advice about a hyperparameter whose trials rank in the order of its values."""
    made = analysed([trial(n, {name: value}, 0.1 * (n + 1)) for n, value in enumerate(values)])
    return [each for each in made.groups[0].advice if each.kind == "edge of range"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("dropout", [0.0, 0.1, 0.2, 0.3]),
        ("hidden_dropout_prob", [0, 0.1, 0.3]),
        ("attentionDropout", [0, 0.1, 0.3]),
        ("dropout", [1.0, 0.5, 0.2]),
        ("subsample", [1.0, 0.9, 0.8]),
        ("colsample_bytree", [1, 0.9, 0.8]),
        ("feature_fraction", [1, 0.9, 0.8]),
        ("weight_decay", [0, 0.001, 0.01]),
        ("reg_lambda", [0, 0.5, 1.5]),
        ("gamma", [0.0, 0.5, 1.5]),
        ("momentum", [0.0, 0.5, 0.9]),
        ("label_smoothing", [0.0, 0.1, 0.2]),
        ("num_layers", [1, 2, 3]),
        ("batch_size", [1, 8, 16]),
        ("epochs", [1, 2, 4]),
        ("seed", [1, 2, 3]),
        ("random_state", [7, 8, 9]),
    ],
)
def test_no_advice_goes_beyond_what_a_value_can_be(name: str, values: list[float]) -> None:
    assert edges(name, values) == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("dropout", [0.3, 0.2, 0.1]),
        ("subsample", [0.5, 0.8, 1.0]),
        ("weight_decay", [0.1, 0.01, 0.0]),
        ("num_layers", [8, 4, 1]),
        ("shift", [0.0, 0.1, 0.2]),
        ("learning_rate", [0.1, 0.01, 0.05]),
        ("seed_ratio", [0.1, 0.2, 0.3]),
    ],
)
def test_where_there_is_more_to_try_it_is_said(name: str, values: list[float]) -> None:
    assert len(edges(name, values)) == 1


def test_a_range_that_ends_where_values_do_is_not_to_be_widened() -> None:
    assert limits("dropout") == (0, 1)
    assert is_quantity("seed_ratio")
    assert not is_quantity("data_seed")
