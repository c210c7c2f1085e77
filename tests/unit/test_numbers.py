"""How numbers are read, shown and compared."""

import json
import math
import struct
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialbook.core.numbers import (
    aligned,
    apart,
    full,
    gap,
    meant,
    number_of,
    percent,
    shown,
    shown_text,
    told_apart,
    whole_percent,
)

CASES: dict[str, list[Any]] = json.loads((Path(__file__).parents[1] / "numbers.json").read_text(encoding="utf-8"))
DOUBLES = st.floats(min_value=-1.79e308, max_value=1.79e308)  # beyond, four digits round to infinity


@pytest.mark.parametrize(("given", "expected"), CASES["shown"])
def test_a_number_is_shown_as_the_table_says(given: str, expected: str) -> None:
    assert shown(json.loads(given)) == expected


@pytest.mark.parametrize(("given", "expected"), CASES["full"])
def test_a_number_in_full_is_as_the_table_says(given: str, expected: str) -> None:
    assert full(json.loads(given)) == expected


@pytest.mark.parametrize(("column", "expected"), CASES["aligned"])
def test_points_lie_below_each_other(column: list[str], expected: list[str]) -> None:
    assert aligned(column) == expected


@given(st.integers(min_value=-(10**300), max_value=10**300))
def test_whole_numbers_are_always_read_and_shown_digit_by_digit(number: int) -> None:
    assert number_of(str(number)) == number
    assert shown_text(str(number)) == shown(number) == full(number) == str(number)


@given(DOUBLES)
def test_shown_values_are_exact_to_four_digits(number: float) -> None:
    assert math.isclose(float(shown(number)), number, rel_tol=5.01e-4, abs_tol=1e-323)


@given(DOUBLES)
def test_a_number_in_full_always_reads_as_the_same(number: float) -> None:
    back = float(full(number))

    assert back == number or _single(back) == number


@given(st.decimals(min_value=-1000, max_value=1000, places=4, allow_nan=False))
def test_a_float32_always_means_the_decimal_it_was_made_of(number: Decimal) -> None:
    if len(number.normalize().as_tuple().digits) <= 6:
        assert meant(_single(float(number))) == number


def _single(value: float) -> float:
    (narrow,) = struct.unpack("<f", struct.pack("<f", value)) if abs(value) < 3e38 else (value,)
    return float(narrow)


def test_two_numbers_are_as_far_apart_as_their_decimals() -> None:
    assert apart(0.3, 0.1) == 0.2
    assert apart(_single(0.51), _single(0.5)) == 0.01


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (0.03959208, 0.04019196, "0.0006"),  # shown as 0.03959 and 0.04019
        (0.86, 0.84, "0.02"),
        (0.2604, 0.25, "0.0104"),
        (100, 97, "3"),
        (1.2344, 1.2346, "0.0002"),  # less than the digits that are shown
        (0.2, 0.2, "0"),
    ],
)
def test_a_gap_has_the_decimals_of_the_values_beside_it(one: float, other: float, expected: str) -> None:
    assert gap(apart(one, other), other) == expected


@example(1.79e308, -7.499999999999817e305)
@example(-1e27, -0.5)  # 29 digits, of which Decimal rounds 28
@given(DOUBLES, DOUBLES)
def test_any_two_numbers_have_a_gap(one: float, other: float) -> None:
    between = apart(one, other)
    shown = min(
        float(gap(between, other)), max(between, sys.float_info.max)
    )  # rounded up, it may pass the greatest one
    assert math.isclose(shown, between, rel_tol=0.5, abs_tol=1e-300)


def test_two_numbers_get_the_digits_that_distinguish_them() -> None:
    assert told_apart(0.96121, 0.96122) == "0.96121"
    assert told_apart(0.9612, 0.5) == "0.9612"
    assert told_apart(2, 2.0000004) == "2"


@pytest.mark.parametrize(
    ("share", "limit", "expected"),
    [
        (0.12, None, "12%"),
        (0.015, None, "1.5%"),
        (0.0004, None, "0.04%"),
        (0.00001, None, "below 0.01%"),
        (Fraction(199, 200), None, "99.5%"),
        (Fraction(9999, 10000), None, "over 99.9%"),
        (1.004, None, "100.4%"),
        (1, None, "100%"),
        (0, None, "0%"),
        (2.5, None, "250%"),
        (0.126, "0.125", "13%"),
        (0.1251, "0.125", "13%"),
        (0.291, "0.29", "29.1%"),
        (0.2899, "0.29", "28.99%"),
        (Fraction(1, 3), "0.33", "33.3%"),
    ],
)
def test_a_share_is_never_rounded_across_a_limit(share: float | Fraction, limit: str | None, expected: str) -> None:
    assert percent(share, None if limit is None else Decimal(limit)) == expected


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_share_that_is_not_all_never_reads_as_all(part: int, whole: int) -> None:
    text = percent(Fraction(part, whole))

    assert (text == "100%") == (part == whole)
    assert text != "0%"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (1e-9, "<1%"), (0.005, "<1%"), (0.0099, "<1%"), (0.01, "1%"), (0.36, "36%"), (1.0, "100%")],
)
def test_a_share_that_is_an_estimate_is_a_whole_percent(share: float, text: str) -> None:
    assert whole_percent(share) == text
