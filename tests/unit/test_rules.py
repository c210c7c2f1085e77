"""The rules document, checked."""

import time
import tracemalloc
from contextlib import suppress
from datetime import timedelta

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trialbook.adapters.rules_document import read_kept_rules, read_rules
from trialbook.adapters.rules_source import RulesSource
from trialbook.core.errors import InvalidRules, Unreachable
from trialbook.core.rules.document import Rules

# Each line's list has nine of the one before: a million values in 200 characters.
LAUGHS = "a0: &a0 [1]\n" + "".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]\n" for at in range(1, 7))
# fmt: off
KEYS = st.sampled_from([
    "version", "quiet_minutes", "rules", "experiments", "prices", "routes", "alerts", "quiet_hours", "owner_tag", "owners",
    "match", "job", "tags", "ignore", "trial", "experiment", "objective", "rank_stopped", "to", "when", "event", "status",
    "from", "zone", "days", "except", "above", "baseline", "kind", "churn", "slack", "email",
])
# fmt: on
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.binary(max_size=3) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def test_an_empty_document_has_every_default() -> None:
    assert read_rules("") == read_rules("# nothing\n") == Rules()


def test_the_first_section_that_says_something_wins() -> None:
    rules = read_rules(
        """
        quiet_minutes: 5
        experiments:
          "churn-*": {quiet_minutes: 20}
          "*": {quiet_minutes: 30, objective: minimize validation:error, rank_stopped: true}
        """
    )

    assert rules.quiet_period("Churn-xgb") == timedelta(minutes=20)
    assert rules.quiet_period("other") == timedelta(minutes=30)
    assert rules.rank_stopped("churn-xgb") is True
    objective = rules.objective("churn-xgb")
    assert objective is not None
    assert objective.label == "minimize validation:error"


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("rules:\n  - match: {jobb: x}\n    trial: a", "line 2: rules[0].match.jobb: unknown key, expected one of job, kind, image, role, account, region, tags (did you mean 'job'?)"),
        ("rules:\n  - match: {job: x}", "line 2: rules[0]: says nothing, expected experiment, trial or ignore"),
        ("rules:\n  - trial: x", "line 2: rules[0].match: missing, expected at least one condition"),
        ("rules:\n  - match: {job: x}\n    ignore: maybe", "line 3: rules[0].ignore: is 'maybe', expected true or false"),
        ("rules:\n  - match: {kind: Training}\n    trial: x", "line 2: rules[0].match.kind: is 'Training', expected one of TrainingJob,"),
        ("rules:\n  - match: {job: x}\n    trial: '{jb}'", "line 3: rules[0].trial: unknown placeholder {jb}"),
        ("rules: 7", "line 1: rules: is 7, expected a list"),
        ("experiments:\n\n  churn:\n    objective: lowest error", "line 4: experiments.churn.objective: is 'lowest error', expected 'minimize METRIC'"),
        ("quiet_minutes: 0", "line 1: quiet_minutes: is 0, expected a number above 0 and at most 1440"),
        ("version: 2", "line 1: version: is 2, expected one of 1"),
        ("- a", "line 1: document: is ['a'], expected a mapping"),
        ("prices:\n  ml.m5.xlarge: cheap", "line 2: prices.ml.m5.xlarge: is 'cheap', expected a number above 0"),
        ("a: [1", "line 1: no valid YAML"),
        ("version: 1\nowner_tag: 2026-13-45", "line 2: no valid YAML: '2026-13-45' is no timestamp, put it in quotes if it is a text"),
        ("quiet_minutes: !!int ''", "line 1: no valid YAML: '' is no int"),
        ("rules: &all [*all]", "line 1: the document is nested too deep, or one of its aliases holds itself"),
        (LAUGHS, "line 1: the document has more than 10,000 values, its aliases written out"),
        ("experiments:\n  1: {}", "line 1: experiments: is 1, expected a text as key"),
        ("version: 1\n? [a, b]\n: 1", "line 2: a sequence can't be a key, expected a text"),
        ("prices: {ml.m5.xlarge: .inf}", "line 1: prices.ml.m5.xlarge: is inf, expected a number above 0"),
        (f"owner_tag: 0x{'f' * 5000}", "line 1: no valid YAML: '0xfff"),
    ],
)  # fmt: skip
def test_a_problem_names_line_key_value_and_what_was_expected(document: str, problem: str) -> None:
    with pytest.raises(InvalidRules) as invalid:
        read_rules(document)

    assert any(each.startswith(problem) for each in invalid.value.problems), invalid.value.problems


def doubled(line: str, first: str, times: int = 9, levels: int = 9) -> str:
    """A document in which each line holds the anchor of the one before it several times."""
    lines = [line.format(at=at, inner=", ".join([f"*a{at - 1}"] * times)) for at in range(1, levels)]
    return "\n".join([first, *lines, ""])


@pytest.mark.parametrize(
    "document",
    [
        doubled("? &a{at} [{inner}]\n: 1", "? &a0 [1]\n: 1"),
        f"{LAUGHS}? *a6\n: 1\n",
        "a0: &a0 {x: 1}\n" + "".join(f"a{at}: &a{at} {{{', '.join([f'x: *a{at - 1}'] * 9)}}}\n" for at in range(1, 9)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{at}: &a{at} {{{', '.join([f'<<: *a{at - 1}'] * 9)}}}\n" for at in range(1, 9)),
        doubled("a{at}: &a{at} {{<<: [{inner}]}}", "a0: &a0 {x: 1}"),
        "a: &a {<<: *a}",
        "a: &a {<<: [*a, *a]}",
        "? &a [*a]\n: 1",
        "[" * 8000,
        "{a: " * 2000,
        "? [" * 2700,
        "- " * 4000,
        f"quiet_minutes: {':'.join(['59'] * 2700)}",
        f"rules: [{', '.join(['1'] * 2700)}]",
        f"!!set {{{', '.join(f'a{at}' for at in range(1300))}}}",
        f"version: !!int {'{=: ' * 40}1{'}' * 40}",
    ],
    ids=lambda document: f"{document[:20]!r}",
)
def test_any_document_that_a_parameter_holds_is_read_or_refused_at_once(document: str) -> None:
    assert len(document) <= 8192
    began = time.process_time()
    with suppress(InvalidRules):
        read_rules(document)
    took = time.process_time() - began
    tracemalloc.start()
    with suppress(InvalidRules):
        read_rules(document)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert took < 0.5
    assert peak < 50_000_000


@settings(max_examples=60)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_text_is_rules_or_a_problem_in_words(document: dict[str, object]) -> None:
    try:
        found: Rules | tuple[str, ...] = read_rules(yaml.safe_dump(document, allow_unicode=True))
    except InvalidRules as invalid:
        found = invalid.problems

    assert isinstance(found, Rules) or all(found)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(InvalidRules) as invalid:
        read_rules("quiet_minutes: x\nruls: []\nexperiments: []\n")

    assert len(invalid.value.problems) == 3


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        (
            "experiments:\n  churn: {quiet_minutes: 5}\n  wine: {quiet_minutes: 6}\n  churn: {quiet_minutes: 7}\n",
            ("line 4: churn: stands in line 2 already, expected each key once",),
        ),
        ("version: 1\nversion: 1", ("line 2: version: stands in line 1 already, expected each key once",)),
        (
            "rules:\n- match: {job: a, job: b}\n  trial: x\nquiet_minutes: soon",
            (
                "line 2: job: stands in line 2 already, expected each key once",
                "line 4: quiet_minutes: is 'soon', expected a number above 0 and at most 1440",
            ),
        ),
        (
            'prices: {a: 1, a: 2, "a": 3}',
            ("line 1: a: stands in line 1 already, expected each key once",) * 2,
        ),
        (
            "owners:\n  Ann: {email: ann@example.com}\n  ann: {email: ann@example.org}",
            ("line 3: owners.ann: stands in line 2 already as 'Ann'; upper and lower case are the same here",),
        ),
    ],
)
def test_a_repeated_key_is_a_problem_that_names_both_lines(document: str, problems: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRules) as invalid:
        read_rules(document)

    assert invalid.value.problems == problems


def test_keys_that_a_merge_or_an_alias_repeats_are_no_problem() -> None:
    rules = read_rules(
        "experiments:\n"
        "  churn: &usual {quiet_minutes: 5, rank_stopped: true}\n"
        "  wine: {<<: *usual, quiet_minutes: 7}\n"
        "  beer: *usual\n"
    )

    assert rules.quiet_period("wine") == timedelta(minutes=7)
    assert rules.rank_stopped("wine") is rules.rank_stopped("beer") is True


def test_a_document_that_an_older_version_took_stays_in_force_without_what_is_wrong_in_it_today() -> None:
    text = "quiet_minutes: 5\nquiet_minutes: 20\nprices: {ml.m5.xlarge: cheap, ml.c5.xlarge: 0.5}\n"
    met: list[InvalidRules] = []
    source = RulesSource(lambda: text, lambda: text, lambda good: None, met.append)

    rules = source()

    assert rules == read_kept_rules(text)
    assert rules.quiet == timedelta(minutes=20)
    assert rules.prices == {"ml.c5.xlarge": 0.5}
    assert len(met[0].problems) == 2


def test_an_invalid_document_leaves_the_last_good_one_in_force_even_after_a_cold_start() -> None:
    stored: dict[str, str] = {}
    texts = ["quiet_minutes: 20"]
    met: list[InvalidRules] = []

    def source() -> RulesSource:
        return RulesSource(
            lambda: texts[-1], lambda: stored.get("good"), lambda text: stored.update(good=text), met.append
        )

    warm = source()
    before = warm()
    texts.append("quiet_minutes: soon")
    after, cold = warm(), source()()

    assert before.quiet == after.quiet == cold.quiet == timedelta(minutes=20)
    assert len(met) == 2


def test_a_document_that_cannot_be_read_leaves_what_was_read_last_in_force_even_after_a_cold_start() -> None:
    stored: dict[str, str] = {}
    texts: list[str | None] = ["quiet_minutes: 20"]

    def fetch() -> str:
        if texts[-1] is None:
            raise Unreachable("for a test")
        return texts[-1]

    def source() -> RulesSource:
        return RulesSource(
            fetch, lambda: stored.get("good"), lambda text: stored.update(good=text), lambda problems: None
        )

    warm = source()
    before = warm()
    texts.append(None)
    after, cold = warm(), source()()
    stored.clear()

    assert before.quiet == after.quiet == cold.quiet == timedelta(minutes=20)
    with pytest.raises(Unreachable):
        source()()


def test_without_any_good_document_an_invalid_one_means_the_defaults() -> None:
    assert RulesSource(lambda: "a: [", lambda: None, lambda text: None, lambda problems: None)() == Rules()
    assert RulesSource(lambda: "a: [", lambda: "b: [", lambda text: None, lambda problems: None)() == Rules()
