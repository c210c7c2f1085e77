"""A small part of what `make fuzz` runs."""

import pytest

from tests.fuzz.__main__ import run
from tests.fuzz.boundaries import BOUNDARIES


@pytest.mark.parametrize("name", BOUNDARIES)
def test_hostile_input_is_read_or_refused_in_words_and_at_once(name: str) -> None:
    outcomes, findings = run(name, 60 if name in ("slack", "ses", "books") else 150)

    assert findings == {}
    assert len(outcomes) >= 1
