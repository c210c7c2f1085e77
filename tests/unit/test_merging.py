"""What is known of a job, joined from observations."""

from dataclasses import replace
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.samples import at, job
from trialbook.core.jobs import Job, NotDescribed
from trialbook.core.merging import merge


def observation(status: str, minute: int, described: bool) -> Job:
    made = job(start=0, end=minute if status != "InProgress" else None, status=status, metrics={})
    is_described = described and made.is_terminal
    refused = NotDescribed.REFUSED if made.is_terminal and not is_described else None
    seen = replace(made, described=is_described, not_described=refused)
    return replace(seen, last_modified_at=at(minute), tags={"team": "growth"})


observations = st.lists(
    st.builds(observation, st.sampled_from(["InProgress", "Completed", "Stopping"]), st.integers(0, 9), st.booleans()),
    min_size=1,
    max_size=5,
)


@given(observations, st.randoms())
def test_the_order_and_repetition_of_observations_does_not_show(seen: list[Job], random: object) -> None:
    other = seen + seen
    random.shuffle(other)  # type: ignore[attr-defined]

    assert _joined(other) == _joined(seen)


def _joined(seen: list[Job]) -> Job:
    known: Job | None = None
    for each in seen:
        known = merge(known, each)
    assert known is not None
    return known


def test_terminal_is_sticky_and_describe_beats_the_event() -> None:
    late_start = observation("InProgress", 9, False)
    event = replace(observation("Failed", 5, False), failure_reason="AlgorithmError")
    described = replace(
        observation("Failed", 5, True), failure_reason="AlgorithmError: out of memory", billable_seconds=60
    )

    for order in permutations((late_start, event, described)):
        joined = _joined(list(order))
        assert (joined.status, joined.failure_reason, joined.billable_seconds) == (
            "Failed",
            described.failure_reason,
            60,
        )


def test_tags_of_the_event_stay_though_describe_has_none() -> None:
    event, described = observation("Completed", 5, False), replace(observation("Completed", 5, True), tags={})

    assert merge(event, described).tags == merge(described, event).tags == {"team": "growth"}


def test_a_job_recreated_under_a_deleted_ones_name_starts_a_new_life() -> None:
    old, new = job(end=5), job(start=60, end=None)

    assert merge(old, new) == merge(new, old) == new


def test_a_job_described_later_is_no_longer_called_refused() -> None:
    refused = replace(job(metrics={}), described=False, not_described=NotDescribed.REFUSED)

    assert [merge(*pair).not_described for pair in ((refused, job()), (job(), refused))] == [None, None]
