"""Which message goes where: routes, owners, quiet hours, the default."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbook.adapters.rules_document import read_rules
from trialbook.core.errors import InvalidRules
from trialbook.core.message import Message, MessageKind, Mood
from trialbook.core.messages.routing import Defaults, destinations
from trialbook.core.rules.document import Rules
from trialbook.core.rules.quiet_hours import DAYS, Window, quiet_until

MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEFAULTS = Defaults("#training", "/trialbook/webhook", ("team@example.com",))


def message(**more: Any) -> Message:
    said: dict[str, Any] = {
        "id": "x",
        "about": "sweep/x",
        "kind": MessageKind.SWEEP,
        "mood": Mood.GOOD,
        "experiment": "churn-xgb",
        "title": "t",
        "subject": "s",
        "verdict": "v",
        "at": MONDAY_NOON,
        "event_type": "Report Ready",
        "tags": {"team": "growth", "owner": "Ana"},
        "metrics": {"validation:error": 0.2},
        "owner": "Ana",
    }
    return Message(**{**said, **more})


def sent(document: str, said: Message | None = None, now: datetime = MONDAY_NOON) -> list[str]:
    """The destinations as text: `slack #growth`, with mention and time where there are any."""
    found = destinations(said or message(), read_rules(document), DEFAULTS, now)
    return [
        " ".join(
            str(part)
            for part in (
                each.channel.value,
                each.address,
                each.mention and f"mentions {each.mention}",
                each.not_before and f"from {each.not_before:%a %H:%M}",
            )
            if part
        )
        for each in found
    ]


BY_DEFAULT = ["slack #training", "webhook /trialbook/webhook", "email team@example.com"]
OWNERS = "owners: {ana: {slack: U012AB3CD, email: ana@example.com}}\n"


@pytest.mark.parametrize(
    ("match", "is_taken"),
    [
        ("{experiment: 'churn-*'}", True),
        ("{experiment: 'CHURN-*'}", True),
        ("{experiment: fraud}", False),
        ("{tags: {team: 'gr*'}}", True),
        ("{tags: {team: growth, stage: '*'}}", False),
        ("{kind: sweep}", True),
        ("{kind: [job, alert]}", False),
        ("{event: [Report Ready, Job Failed]}", True),
        ("{event: Job Failed}", False),
        ("{status: finished}", True),
        ("{status: [failed, 'finished, with failures']}", False),
        ("{status: [failed, 'done, with failures']}", False),
        ("{status: done}", True),  # former words too
        ("{when: 'validation:error > 0.1'}", True),
        ("{when: 'validation:error <= 0.1'}", False),
        ("{when: 'validation:auc > 0'}", False),
        ("{experiment: 'churn-*', status: failed}", False),
        ("{}", True),
    ],
)
def test_a_route_takes_what_all_its_conditions_hold_for(match: str, is_taken: bool) -> None:
    found = sent(f"routes:\n  - match: {match}\n    to: [{{slack: '#growth'}}]")

    assert found == (["slack #growth"] if is_taken else BY_DEFAULT)


@pytest.mark.parametrize(
    ("case", "said", "expected"),
    [
        ("a sweep in progress is Slack's alone", {"mood": Mood.BUSY, "is_final": False}, BY_DEFAULT[:1]),
        ("what is final goes everywhere", {}, BY_DEFAULT),
        ("a revision that changes nothing is no new email", {"changes_answer": False}, BY_DEFAULT[:2]),
        ("a new best belongs in a thread", {"kind": MessageKind.NEW_BEST, "parent": "sweep/x"}, BY_DEFAULT[:1]),
        ("so does the report's file", {"kind": MessageKind.THREAD, "parent": "sweep/x"}, BY_DEFAULT[:1]),
        ("a job that finished is no email", {"kind": MessageKind.JOB}, BY_DEFAULT[:2]),
        ("a job that failed is one", {"kind": MessageKind.JOB, "mood": Mood.BAD}, BY_DEFAULT),
        ("an alert goes everywhere", {"kind": MessageKind.ALERT, "mood": Mood.BAD}, BY_DEFAULT),
        ("so does the weekly report", {"kind": MessageKind.BEST_TRIALS}, BY_DEFAULT),
    ],
)
def test_by_default_each_channel_gets_what_suits_it(case: str, said: dict[str, Any], expected: list[str]) -> None:
    assert sent("", message(**said)) == expected, case


@pytest.mark.parametrize(
    ("match", "is_reported"),
    [("{}", False), ("{experiment: 'churn*'}", False), ("{kind: job}", False), ("{event: Job Finished}", True)],
)
def test_a_completed_processing_job_is_reported_if_a_route_asks_for_it(match: str, is_reported: bool) -> None:
    said = message(kind=MessageKind.JOB, by_request=True, event_type="Job Finished", experiment="churn")

    assert sent("", said) == []
    assert sent(f"routes: [{{match: {match}, to: [{{slack: '#a', email: b@example.com}}]}}]", said) == (
        ["slack #a", "email b@example.com"] if is_reported else []
    )


@pytest.mark.parametrize(
    ("case", "document", "expected"),
    [
        ("every route that matches adds its own",
         "routes: [{to: [{slack: '#a'}]}, {to: [{email: [b@example.com, c@example.com]}]}]",
         ["slack #a", "email b@example.com", "email c@example.com"]),
        ("each destination once",
         "routes: [{to: [{slack: '#a'}, {slack: '#a'}]}, {to: [{slack: '#a', email: b@example.com}, {email: B@example.com}]}]",
         ["slack #a", "email b@example.com"]),
        ("an empty list: nowhere", "routes: [{match: {experiment: '*'}, to: []}]", []),
        ("silence does not silence other routes", "routes: [{to: []}, {to: [{slack: '#a'}]}]", ["slack #a"]),
        ("the owner is mentioned", f"{OWNERS}routes: [{{to: [{{slack: '#a'}}]}}]", ["slack #a mentions U012AB3CD"]),
        ("unless nobody is to be", f"{OWNERS}routes: [{{to: [{{slack: '#a', mention: nobody}}]}}]", ["slack #a"]),
        ("somebody else is", "routes: [{to: [{slack: '#a', mention: S0AB12CDE}]}]", ["slack #a mentions S0AB12CDE"]),
        ("the owner gets it", f"{OWNERS}routes: [{{to: [{{slack: owner, email: owner}}]}}]",
         ["slack U012AB3CD", "email ana@example.com"]),
        ("an owner that nobody knows leaves it to the default", "routes: [{to: [{email: owner}]}]", BY_DEFAULT),
        ("another tag may name the owner", "owner_tag: team\nroutes: [{to: [{slack: '#a'}]}]", ["slack #a"]),
        ("the default webhook", "routes: [{to: [{webhook: default}]}]", ["webhook /trialbook/webhook"]),
        ("another webhook", "routes: [{to: [{webhook: /trialbook/webhook-b}]}]", ["webhook /trialbook/webhook-b"]),
    ],
)  # fmt: skip
def test_routes_lead_to_their_destinations(case: str, document: str, expected: list[str]) -> None:
    assert sent(document) == expected, case


def test_a_threshold_waits_for_the_end_of_the_sweep() -> None:
    document = "routes: [{match: {when: 'validation:error > 0.1'}, to: [{slack: '#a'}]}]"

    assert sent(document, message(is_final=False)) == ["slack #training"]
    assert sent(document, message()) == ["slack #a"]


def test_a_route_that_names_kinds_or_events_widens_what_a_channel_gets() -> None:
    started = message(event_type="Sweep Started", mood=Mood.BUSY, is_final=False)

    assert sent("routes: [{to: [{email: a@example.com}]}]", started) == ["slack #training"]  # nobody else wants it yet
    assert sent("routes: [{match: {event: Sweep Started}, to: [{email: a@example.com}]}]", started) == [
        "email a@example.com"
    ]


NIGHT = "{from: '20:00', to: '08:00', zone: Europe/Berlin}"


@pytest.mark.parametrize(
    ("case", "hours", "now", "until"),
    [
        ("outside", NIGHT, "2026-11-23T12:00Z", None),
        ("in the evening, until the next morning", NIGHT, "2026-11-23T20:30Z", "Tue 07:00"),
        ("after midnight", NIGHT, "2026-11-24T02:00Z", "Tue 07:00"),
        ("it ends on the minute", NIGHT, "2026-11-24T07:00Z", None),
        ("it begins on the minute", NIGHT, "2026-11-23T19:00Z", "Tue 07:00"),
        ("summer time is an hour earlier", NIGHT, "2026-07-06T20:30Z", "Tue 06:00"),
        ("only on its days", "{from: '20:00', to: '08:00', zone: UTC, days: [sun]}", "2026-11-23T21:00Z", None),
        ("the morning after belongs to the day it began", "{from: '20:00', to: '08:00', zone: UTC, days: sun}", "2026-11-23T07:00Z", "Mon 08:00"),
        ("a night and the weekend are one", "[{from: '20:00', to: '08:00', zone: UTC}, {from: '00:00', to: '24:00', zone: UTC, days: [sat, sun]}]", "2026-11-27T21:00Z", "Mon 08:00"),
        ("what is excepted does not wait", "{from: '20:00', to: '08:00', zone: UTC, except: [sweep]}", "2026-11-23T21:00Z", None),
        ("nor what went well, if that is", "{from: '20:00', to: '08:00', zone: UTC, except: [alert, done]}", "2026-11-23T21:00Z", None),
        ("an hour that clocks skip", "{from: '01:00', to: '02:30', zone: Europe/Berlin}", "2026-03-29T00:30Z", "Sun 01:00"),
        ("an hour that clocks repeat", "{from: '01:00', to: '02:30', zone: Europe/Berlin}", "2026-10-25T01:15Z", "Sun 01:30"),
    ],
)  # fmt: skip
def test_in_quiet_hours_a_message_waits_for_their_end(case: str, hours: str, now: str, until: str | None) -> None:
    found = sent(f"quiet_hours: {hours}\nroutes: [{{to: [{{slack: '#a'}}]}}]", now=datetime.fromisoformat(now))

    assert found == [f"slack #a from {until}" if until else "slack #a"], case


@pytest.mark.parametrize("ends", ["02:00", "02:01", "02:30", "02:59", "03:00"])
def test_quiet_hours_that_end_while_clocks_are_set_forward_end_as_that_happens(ends: str) -> None:
    """In Berlin 02:00 is followed by 03:00 on that Sunday: none of these times but the last is ever shown."""
    rules = read_rules(f"quiet_hours: {{from: '22:00', to: '{ends}', zone: Europe/Berlin}}")
    now = datetime.fromisoformat("2026-03-29T00:30:00+01:00")

    found = quiet_until(rules.quiet_hours, message(), now)

    assert found == datetime.fromisoformat("2026-03-29T01:00:00+00:00")


CHANGES = ("2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00", "2026-03-08T07:00:00+00:00")


@given(
    st.sampled_from(CHANGES),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.integers(-1500, 1500),
)
def test_quiet_hours_always_end_with_the_last_second_that_is_in_them(
    change: str, zone: str, begins: int, ends: int, minutes: int
) -> None:
    window = Window(begins, ends, zone, tuple(range(7)))
    now = datetime.fromisoformat(change) + timedelta(minutes=minutes)
    end = window.end_of(now) if begins != ends and window.minutes < 1440 else None

    if end is not None:
        assert end > now
        assert window.end_of(end - timedelta(seconds=1)) is not None


def test_a_route_has_quiet_hours_of_its_own_and_the_default_route_those_of_the_document() -> None:
    night = datetime(2026, 11, 23, 22, tzinfo=UTC)
    document = f"quiet_hours: {NIGHT}\nroutes: [{{match: {{kind: alert}}, to: [{{slack: '#a'}}], quiet_hours: []}}]"

    assert sent(document, message(kind=MessageKind.ALERT), night) == ["slack #a"]
    assert sent(document, message(), night)[0] == "slack #training from Tue 07:00"


def test_a_message_does_not_wait_if_one_of_its_routes_need_not() -> None:
    night = datetime(2026, 11, 23, 22, tzinfo=UTC)
    document = f"quiet_hours: {NIGHT}\nroutes: [{{to: [{{slack: '#a'}}]}}, {{to: [{{slack: '#a'}}], quiet_hours: []}}]"

    assert sent(document, now=night) == ["slack #a"]


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
WINDOWS = st.builds(
    lambda begins, length, zone, days: Window(begins, (begins + length) % 1440 or 1440, zone, tuple(sorted(days))),
    st.integers(0, 1439),
    st.integers(1, 1439),
    ZONES,
    st.sets(st.integers(0, 6), min_size=1, max_size=6),
)
MOMENTS = st.integers(0, 366 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(st.lists(WINDOWS, max_size=1), MOMENTS)
def test_quiet_hours_never_keep_a_message_forever(windows: list[Window], now: datetime) -> None:
    """It is free at once, or at a moment to come, within nine days, at which no window holds it."""
    until = quiet_until(windows, message(), now)

    assert until is None or now < until <= now + timedelta(days=9)
    assert quiet_until(windows, message(), until or now) is None


ADDRESSES = st.sampled_from(["{slack: '#a'}", "{slack: '#b'}", "{slack: owner}", "{email: a@example.com}", "{email: owner}", "{webhook: default}"])  # fmt: skip
ROUTES = st.lists(
    st.tuples(
        st.sampled_from(["{}", "{kind: sweep}", "{experiment: 'churn*'}", "{experiment: other}", "{when: 'validation:error > 1'}"]),
        st.lists(ADDRESSES, min_size=1, max_size=4),
        st.sampled_from(["", f", quiet_hours: {NIGHT}"]),
    ),
    max_size=4,
)  # fmt: skip

LONGEST_NIGHT = timedelta(hours=13)  # from 20:00 to 08:00 when clocks go back


@given(ROUTES, st.booleans(), MOMENTS, st.sampled_from(MessageKind), st.sampled_from(Mood))
def test_a_message_is_never_lost_and_has_each_destination_once(
    routes: list[tuple[str, list[str], str]], owners: bool, now: datetime, kind: MessageKind, mood: Mood
) -> None:
    """Where no route silences it, it goes somewhere (what suits no channel but Slack goes there)."""
    lines = "".join(f"\n  - {{match: {match}, to: [{', '.join(to)}]{quiet}}}" for match, to, quiet in routes)
    document = f"quiet_hours: {NIGHT}\n{OWNERS if owners else ''}{f'routes:{lines}' if routes else ''}"
    said = message(kind=kind, mood=mood)
    found = destinations(said, read_rules(document), DEFAULTS, now)

    assert found
    assert len({(each.channel, each.address.casefold()) for each in found}) == len(found)
    assert all(each.not_before is None or now < each.not_before <= now + LONGEST_NIGHT for each in found)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("routes:\n  - to: [{slak: '#a'}]", "line 2: routes[0].to[0].slak: unknown key, expected one of slack, webhook, email, mention (did you mean 'slack'?)"),
        ("routes:\n  - match: {kind: sweep}", "line 2: routes[0]: has no to, expected where its messages go"),
        ("routes:\n  - to: [{slack: 'a b'}]", "line 2: routes[0].to[0].slack: is 'a b', expected '#channel' (in quotes)"),
        ("routes:\n  - to:\n    - slack: #a", "line 3: routes[0].to[0].slack: is None, expected '#channel' (in quotes)"),
        ("routes:\n  - to: [{email: nobody}]", "line 2: routes[0].to[0].email: is 'nobody', expected an email address"),
        ("routes:\n  - to: [{mention: owner}]", "line 2: routes[0].to[0]: names no channel, expected slack, webhook or email"),
        ("routes:\n  - to: [{slack: '#a', mention: ana}]", "line 2: routes[0].to[0].mention: is 'ana', expected owner, nobody"),
        ("routes:\n  - match: {kind: swep}\n    to: []", "line 2: routes[0].match.kind: is 'swep', expected one of sweep"),
        ("routes:\n  - match: {event: Sweep Ended}\n    to: []", "line 2: routes[0].match.event: is 'Sweep Ended', expected one of Sweep Started"),
        ("routes:\n  - match: {when: 'error above 3'}\n    to: []", "line 2: routes[0].match.when: is 'error above 3', expected a metric, <, <=, > or >=, and a number"),
        ("quiet_hours: {from: 20, to: '08:00', zone: UTC}", "line 1: quiet_hours.from: is 20, expected a time of day in quotes"),
        ("quiet_hours: {from: '20:00', to: '08:00'}", "line 1: quiet_hours.zone: is None, expected a time zone"),
        ("quiet_hours: {from: '20:00', to: '08:00', zone: Berlin}", "line 1: quiet_hours.zone: is 'Berlin', expected a time zone"),
        ("quiet_hours: {from: '00:00', to: '24:00', zone: UTC}", "line 1: quiet_hours: covers the whole week"),
        (
            "quiet_hours: [{from: '20:00', to: '08:00', zone: UTC}, {from: '08:00', to: '20:00', zone: UTC}]",
            "line 1: quiet_hours: covers the whole week",
        ),
        ("quiet_hours: {from: '08:00', to: '08:00', zone: UTC}", "line 1: quiet_hours: from and to are the same"),
        ("quiet_hours:\n  - {from: '20:00', to: '08:00', zone: UTC, days: [Monday]}", "line 2: quiet_hours[0].days: is 'Monday', expected one of mon"),
        ("owners:\n  ana: {slack: '@ana'}", "line 2: owners.ana.slack: is '@ana', expected a user's or group's id"),
        ("owners:\n  ana: {}", "line 2: owners.ana: says nothing, expected slack or email"),
        ("alerts:\n  - {name: a}", "line 2: alerts[0]: expected one of regression, failed, cost, no_metric, and one only"),
        ("alerts:\n  - {cost: 1, no_metric: true}", "line 2: alerts[0]: expected one of"),
        ("alerts:\n  - {failed: 20}", "line 2: alerts[0].failed: is 20, expected a share of the jobs"),
        ("alerts:\n  - {cost: '$5'}", "line 2: alerts[0].cost: is '$5', expected a number above 0"),
        ("alerts:\n  - {regression: {by: 2 %}}", "line 2: alerts[0].regression: has no against"),
        ("alerts:\n  - regression:\n      against: experiment\n      by: much", "line 4: alerts[0].regression.by: is 'much', expected a number"),
        ("alerts:\n  - {name: a, cost: 1}\n  - {name: a, cost: 2}", "line 3: alerts[1].name: is 'a', expected another name"),
    ],
)  # fmt: skip
def test_a_problem_names_line_key_value_and_what_was_expected(document: str, problem: str) -> None:
    with pytest.raises(InvalidRules) as invalid:
        read_rules(document)

    assert any(each.startswith(problem) for each in invalid.value.problems), invalid.value.problems


def test_a_webhooks_own_address_is_refused_without_being_shown() -> None:
    with pytest.raises(InvalidRules) as invalid:
        read_rules("routes:\n  - to: [{webhook: 'https://hooks.slack.com/services/T0/B0/secret'}]")

    (problem,) = invalid.value.problems
    assert problem.startswith("line 2: routes[0].to[0].webhook: expected default, or the name of an SSM SecureString")
    assert "secret" not in problem


def test_without_any_rule_nothing_waits() -> None:
    found = destinations(message(), Rules(), DEFAULTS, MONDAY_NOON)

    assert [each.not_before for each in found] == [None, None, None]
    assert DAYS[0] == "mon"
