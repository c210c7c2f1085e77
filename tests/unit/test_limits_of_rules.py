"""Thresholds and tolerances are compared with the numbers that were meant, and written as the user wrote them."""

import struct
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.sample_messages import SWEEP
from trialbook.adapters.rules_document import read_rules
from trialbook.core.analysis.differences import difference
from trialbook.core.analysis.model import Against
from trialbook.core.objectives import Objective, ObjectiveSource, ObjectiveType
from trialbook.core.rules.alerts import AlertRule, Regression
from trialbook.core.rules.routes import Threshold

LOSS = Objective("loss", ObjectiveType.MINIMIZE, ObjectiveSource.RULES)


def single(value: float) -> float:
    """As SageMaker reports a final metric: float32, widened."""
    (narrow,) = struct.unpack("<f", struct.pack("<f", value))
    return float(narrow)


@pytest.mark.parametrize(
    ("value", "sign", "limit", "holds"),
    [
        (0.9, ">=", "0.9", True),
        (0.9, ">", "0.9", False),
        (0.9, "<", "0.9", False),
        (0.1, ">", "0.1", False),
        (0.1, "<=", "0.1", True),
        (0.89999, ">=", "0.9", False),
        (0.90001, ">", "0.9", True),
        (1e-5, "<=", "1e-5", True),
        (float("inf"), ">", "1", False),
        (float("nan"), "<", "1", False),
    ],
)
def test_a_threshold_reads_a_float32_as_the_decimal_it_represents(
    value: float, sign: str, limit: str, holds: bool
) -> None:
    message = replace(SWEEP, metrics={"m": single(value)}, is_final=True)

    assert Threshold("m", sign, Decimal(limit)).holds(message) is holds


@pytest.mark.parametrize(
    ("best", "before", "regression", "is_broken"),
    [
        (0.51, 0.5, Regression("experiment", absolute=0.01), False),
        (0.5101, 0.5, Regression("experiment", absolute=0.01), True),
        (0.31, 0.3, Regression("experiment", absolute=0.01), False),
        (0.255, 0.25, Regression("experiment", relative=Decimal("0.02")), False),
        (0.714, 0.7, Regression("experiment", relative=Decimal("0.02")), False),
        (0.7141, 0.7, Regression("experiment", relative=Decimal("0.02")), True),
    ],
)
@pytest.mark.parametrize("as_reported", [float, single])
def test_worse_by_exactly_what_is_allowed_is_allowed(
    best: float, before: float, regression: Regression, is_broken: bool, as_reported: type[float]
) -> None:
    found = difference(Against.EXPERIMENT, as_reported(best), as_reported(before), "a", None, LOSS)

    assert regression.is_broken(found.margin, found.relative) is is_broken


@pytest.mark.parametrize(
    ("share", "failed", "total", "is_allowed"),
    [
        ("12.5%", 1, 8, True),
        ("12.5 %", 2, 8, False),
        ("29%", 29, 100, True),
        ("7%", 7, 100, True),
        ("7%", 8, 100, False),
    ],
)
def test_as_many_failed_jobs_as_are_allowed_are_allowed(share: str, failed: int, total: int, is_allowed: bool) -> None:
    (rule,) = read_rules(f"alerts: [{{name: a, failed: {share}}}]").alerts

    assert rule.allows_failed(failed, total) is is_allowed


@pytest.mark.parametrize(
    ("written", "expected"), [("12.5 %", "12.5%"), ("12.50%", "12.50%"), ("0.25%", "0.25%"), ("7%", "7%")]
)
def test_a_share_is_shown_as_it_was_written(written: str, expected: str) -> None:
    (rule, other) = read_rules(
        f"alerts: [{{name: a, failed: {written}}}, {{name: b, regression: {{against: experiment, by: {written}}}}}]"
    ).alerts

    assert rule.limit == f"{expected} of the jobs failed"
    assert other.limit == f"{expected} worse than the experiment's previous best"


def test_a_tolerance_is_shown_with_all_its_digits() -> None:
    rule = AlertRule("a", regression=Regression("experiment", absolute=0.0123456))

    assert rule.limit == "0.0123456 worse than the experiment's previous best"
