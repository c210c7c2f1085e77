"""Items of older formats are read as today's."""

from typing import Any

import pytest

from trialbook.core.formats import FORMAT, STEPS, NewerFormat, upgraded


def renames(kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {"name": facts["title"]} if kind == "job" else facts


def counts_on(kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {**facts, "number": facts.get("number", 0) + 1}


LATER = {1: renames, 2: counts_on}


@pytest.mark.parametrize(
    ("written_as", "facts"),
    [(None, {"title": "a"}), (1, {"title": "a"}), (2, {"name": "a"}), (3, {"name": "a", "number": 1})],
)
def test_every_older_format_becomes_todays_step_by_step(written_as: int | None, facts: dict[str, Any]) -> None:
    assert upgraded("job", facts, written_as, LATER, 3) == {"name": "a", "number": 1}


def test_a_step_sees_what_kind_of_item_it_is() -> None:
    assert upgraded("sweep", {"title": "a"}, 1, LATER, 2) == {"title": "a"}


def test_a_newer_format_is_refused_with_what_to_do() -> None:
    with pytest.raises(NewerFormat, match=r"job has format 4, .* up to 3: deploy the newer one again"):
        upgraded("job", {}, 4, LATER, 3)


def test_there_is_a_step_from_each_format_to_the_next() -> None:
    assert set(STEPS) == set(range(1, FORMAT))
