"""The moments in answers of AWS: those that botocore would read, in UTC."""

import math
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from trialbook.runtime.aws_clients import prepared

SECONDS = st.floats(-60_000_000_000, 250_000_000_000) | st.integers(-60_000_000_000, 250_000_000_000)
_SESSION = prepared(botocore.session.Session())


def moment(value: Any) -> Any:
    """What clients of the session take a timestamp for."""
    parser = _SESSION.get_component("response_parser_factory").create_parser("json")
    shape = _SESSION.get_service_model("sagemaker").shape_for("Timestamp")
    return parser._parse_shape(shape, value)


@given(SECONDS)
def test_seconds_are_always_the_moment_that_botocore_reads(seconds: float) -> None:
    read: Any = parse_timestamp
    assert moment(seconds) == read(seconds)


def test_a_moment_is_in_utc() -> None:
    assert moment(1795169700.5) == datetime(2026, 11, 20, 10, 15, 0, 500_000, UTC)
    assert moment(1795169700.5).tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-11-20T10:15:00Z", "2026-11-20T11:15:00+01:00", "1795169700"])
def test_a_text_is_read_as_botocore_reads_it(text: str) -> None:
    assert moment(text) == datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e30, "soon", None])
def test_what_means_no_moment_stays_as_it_is(value: Any) -> None:
    assert moment(value) is value
