"""Patterns that are compiled when they are first used."""

import re
from unittest.mock import patch

import pytest

from trialbook.core.patterns import late


def test_a_pattern_is_compiled_once_and_not_before_its_first_use() -> None:
    with patch("re.compile", wraps=re.compile) as compiled:
        pattern = late(r"job-(?P<number>\d+)")
        assert compiled.call_count == 0

        found = pattern.fullmatch("job-12")
        assert found is not None
        assert found["number"] == "12"
        assert pattern.fullmatch("job") is None
        assert compiled.call_count == 1


def test_a_pattern_has_all_that_a_compiled_one_has() -> None:
    pattern = late("A+", re.IGNORECASE)

    assert pattern.sub("b", "xaAx") == "xbx"
    assert [each[0] for each in pattern.finditer("a-AA")] == ["a", "AA"]
    assert pattern.pattern == "A+"
    with pytest.raises(AttributeError, match="nothing"):
        pattern.nothing  # type: ignore[attr-defined]  # noqa: B018
