"""Names for experiments and trials."""

import re
from string import ascii_letters, digits

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialbook.core.names import is_valid_name, shard_name, valid_name


@pytest.mark.parametrize("name", ["churn", "Churn-2", "a", "a" * 120, "a--b"])
def test_a_valid_name_stays_as_it_is(name: str) -> None:
    assert valid_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "my_churn", "a.b", "team/churn", "-a", "a-", "a" * 121, "größe", "\n", "<script>"]
)
def test_an_invalid_name_becomes_a_valid_one(name: str) -> None:
    made = valid_name(name)

    assert made != name
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}", made)


@given(st.text(max_size=200), st.text(max_size=200))
def test_different_texts_never_fall_together_unless_sagemaker_makes_them_one(one: str, other: str) -> None:
    if one.casefold() != other.casefold():
        assert valid_name(one).casefold() != valid_name(other).casefold()


def test_names_that_differ_in_punctuation_or_behind_the_cut_stay_apart() -> None:
    names = {valid_name(text) for text in ("my_churn", "my.churn", "my churn", "my-churn", "a" * 130, "a" * 131)}

    assert len(names) == 6


@given(st.text(ascii_letters + digits + "-", min_size=1, max_size=120).filter(is_valid_name), st.integers(1, 9999))
@example("a" * 120, 2)
@example(f"{'a' * 117}--b", 9999)
def test_a_shards_name_is_always_valid_and_its_own(name: str, number: int) -> None:
    assert is_valid_name(shard_name(name, number))
    assert (shard_name(name, number) == name) == (number == 1)
