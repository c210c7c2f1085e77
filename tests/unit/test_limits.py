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
        ("dropout", [0.0, 0.1, 0.2, 0.3, 0.4]),
        ("hidden_dropout_prob", [0, 0.1, 0.2, 0.3, 0.4]),
        ("attentionDropout", [0, 0.1, 0.2, 0.3, 0.4]),
        ("dropout", [1.0, 0.8, 0.6, 0.4, 0.2]),
        ("subsample", [1.0, 0.9, 0.8, 0.7, 0.6]),
        ("colsample_bytree", [1, 0.9, 0.8, 0.7, 0.6]),
        ("feature_fraction", [1, 0.9, 0.8, 0.7, 0.6]),
        ("weight_decay", [0, 0.001, 0.01, 0.05, 0.1]),
        ("reg_lambda", [0, 0.5, 1.5, 2, 3]),
        ("gamma", [0.0, 0.5, 1.5, 2, 3]),
        ("momentum", [0.0, 0.3, 0.5, 0.7, 0.9]),
        ("label_smoothing", [0.0, 0.1, 0.2, 0.3, 0.4]),
        ("num_layers", [1, 2, 3, 4, 5]),
        ("batch_size", [1, 8, 16, 24, 32]),
        ("epochs", [1, 2, 4, 6, 8]),
        ("seed", [1, 2, 3, 4, 5]),
        ("random_state", [7, 8, 9, 10, 11]),
    ],
)
def test_no_advice_goes_beyond_what_a_value_can_be(name: str, values: list[float]) -> None:
    assert edges(name, values) == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("dropout", [0.3, 0.25, 0.2, 0.15, 0.1]),
        ("subsample", [0.5, 0.6, 0.7, 0.8, 0.9]),
        ("weight_decay", [0.1, 0.05, 0.01, 0.005, 0.001]),
        ("num_layers", [8, 6, 4, 3, 2]),
        ("shift", [0.0, 0.1, 0.2, 0.3, 0.4]),
        ("learning_rate", [0.1, 0.05, 0.02, 0.01, 0.005]),
        ("seed_ratio", [0.1, 0.2, 0.3, 0.4, 0.5]),
    ],
)
def test_further_combinations_to_try_are_mentioned(name: str, values: list[float]) -> None:
    assert len(edges(name, values)) == 1


def test_a_range_that_ends_where_values_do_is_not_to_be_widened() -> None:
    assert limits("dropout") == (0, 1)
    assert is_quantity("seed_ratio")
    assert not is_quantity("data_seed")
