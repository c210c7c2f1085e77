"""Whatever YAML's grammar makes is read, or refused with its line, in bounded work."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings

from tests.unit.yaml_documents import MOST_BYTES, documents
from trialbook.adapters.rules_document import read_rules
from trialbook.core.errors import InvalidRules

# Calls of functions; a document of 8 KB needs some fifty for each of its characters, most of them to scan it.
MOST_CALLS = 1_500_000


class TooMuchWork(BaseException):
    """More calls than any document may need."""


@contextmanager
def counted() -> Iterator[list[int]]:
    """Counts the calls of functions, and stops what makes too many."""
    calls = [0]

    def count(frame: Any, event: str, argument: Any) -> None:
        calls[0] += event in ("call", "c_call")
        if calls[0] > MOST_CALLS:
            raise TooMuchWork

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def work(text: str) -> int:
    """How many calls it takes to read a document, or to refuse it by its lines."""
    with counted() as calls:
        try:
            read_rules(text)
        except InvalidRules as refused:
            problems = refused.problems
        else:
            problems = ()
    assert [each for each in problems if not re.match(r"line [1-9]\d*: .", each)] == []
    return calls[0]


@settings(max_examples=60)
@given(text=documents())
def test_every_yaml_document_is_read_or_refused_by_its_line_in_bounded_work(text: str) -> None:
    assert len(text) <= MOST_BYTES
    assert work(text) <= MOST_CALLS


ROOM = MOST_BYTES - 200
LONGEST = {
    "aliases in values": "\n".join(
        ["a0: &a0 [a]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 99))]
    ),
    "aliases in keys": "\n".join(
        ["a0: &a0 [a]", *(f"a{n}: &a{n} {{? [{', '.join([f'*a{n - 1}'] * 9)}] : 1}}" for n in range(1, 99))]
    ),
    "aliases in merges": "\n".join(
        ["a0: &a0 {a: 1}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 99))]
    ),
    "merges of long mappings": f"a: &a {{{', '.join(f'k{n}: 1' for n in range(400))}}}\nb: {{<<: [{', '.join(['*a'] * 1000)}]}}",
    "brackets": "[" * ROOM,
    "braces": "{a: " * (ROOM // 4),
    "lists in lists": "- " * (ROOM // 2),
    "keys in keys": "? " * (ROOM // 2),
    "a number": f"quiet_minutes: {'9' * ROOM}",
    "an octal number": f"quiet_minutes: 0{'7' * ROOM}",
    "a number to the base of 60": f"quiet_minutes: {'1:59' + ':59' * (ROOM // 3)}",
    "underscores": f"quiet_minutes: 1{'_' * ROOM}",
    "one long key": f"{'a' * 900}: 1",
    "an alias that holds itself": "a: &a [*a, *a]",
    "a key that holds itself": "? &a {? *a : 1}\n: 1",
    "equal keys": "a: 1\n" * (ROOM // 5),
    "documents": "---\n" * (ROOM // 4),
    "comments": "#\n" * (ROOM // 2),
    "tags": "!!set " * (ROOM // 6),
    "anchors": "&a " * (ROOM // 3),
    "quotes": '"\\x41' * (ROOM // 5),
    "a bell": "\n\na: \x07",
    "half a character": "a: '\ud800'",
    "an escape that is no character": 'a: "\\Uffffffff"',
    "half a character, escaped": 'a: "\\ud83d"',
    "a version with endless digits": f"%YAML 1.{'9' * ROOM}\n---\na: 1",
    "byte order marks": "\ufeff" * (ROOM // 3),
}


@pytest.mark.parametrize("name", LONGEST)
def test_the_longest_documents_of_each_kind_need_bounded_work(name: str) -> None:
    assert work(LONGEST[name][:MOST_BYTES]) <= MOST_CALLS


def test_a_character_in_two_escapes_is_that_character() -> None:
    """JSON, which YAML includes, writes it so."""
    rules = read_rules(r'experiments: {"\ud83d\ude00": {objective: minimize validation:error}}')

    assert [each.pattern for each in rules.experiments] == ["😀"]
