"""Items of older formats are read as today's."""

import json
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


TOKEN, PASSWORD = "hf_" + "abcdefgh" * 4, "correct-horse"
GIVEN = {"lr": "0.1", "hf_token": TOKEN, "db_password": PASSWORD, "max_tokens": "512"}
OLD: dict[str, dict[str, Any]] = {
    "job": {
        "job": {
            "hyper_parameters": GIVEN,
            "tags": {"team": "growth", "api_key": PASSWORD},
            "failure_reason": f"train.py --db_password {PASSWORD} --hf-token {TOKEN} failed for {PASSWORD}",
        }
    },
    "sweep": {
        "best": {"job_name": "a", "rank": "0", "hyper_parameters": GIVEN},
        "definitions": [
            {"static_hyper_parameters": GIVEN, "ranges": [{"name": "hf_token", "values": [TOKEN, "none"]}]}
        ],
        "tuning_failure": f"denied for {TOKEN}",
    },
}


@pytest.mark.parametrize("kind", OLD)
@pytest.mark.parametrize("written_as", [None, 1, 2])
def test_items_from_before_secrets_were_masked_show_none(kind: str, written_as: int | None) -> None:
    found = json.dumps(upgraded(kind, OLD[kind], written_as))

    assert TOKEN not in found
    assert PASSWORD not in found
    assert '"lr": "0.1"' in found
    assert '"max_tokens": "512"' in found
    assert "[masked]" in found


def test_text_without_secrets_is_read_as_it_was_written() -> None:
    found = {"job": {"hyper_parameters": {"lr": "0.1"}, "tags": {"team": "growth"}, "channels": [{"name": "train"}]}}

    assert upgraded("job", found, 2) == found
