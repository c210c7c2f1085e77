"""EventBridge's patterns as the laptop cloud matches them: as moto does, without copies."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from moto.events.models import EventPattern

from trialbook_cli.laptop_cloud.patterns import matches

NAMES = st.sampled_from(["source", "detail", "status", "name", "$"])
VALUES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["a", "ab", "", "A"])
EVENTS = st.recursive(VALUES | st.lists(VALUES, max_size=2), lambda inner: st.dictionaries(NAMES, inner, max_size=3))
FILTERS = st.one_of(
    VALUES,
    st.booleans().map(lambda there: {"exists": there}),
    st.sampled_from([{"prefix": "a"}, {"suffix": "b"}, {"anything-but": ["a"]}, {"numeric": [">", 0]}]),
)
PATTERNS = st.recursive(
    st.lists(FILTERS, min_size=1, max_size=2), lambda inner: st.dictionaries(NAMES, inner, min_size=1)
)


@given(st.dictionaries(NAMES, EVENTS, max_size=3), st.dictionaries(NAMES, PATTERNS, max_size=2))
def test_an_event_always_matches_a_pattern_as_it_does_in_moto(event: dict[str, Any], given: dict[str, Any]) -> None:
    pattern: Any = EventPattern.load(json.dumps(given))

    assert matches(pattern, event) == pattern.matches_event(event)


def test_one_of_several_alternatives_within_a_structure_is_enough() -> None:
    given = {"detail": {"$or": [{"SecondaryStatus": ["Starting"]}, {"TrainingJobStatus": ["Completed"]}]}}
    pattern: Any = EventPattern.load(json.dumps(given))

    assert matches(pattern, {"detail": {"TrainingJobStatus": "Completed"}})
    assert not matches(pattern, {"detail": {"TrainingJobStatus": "InProgress"}})
