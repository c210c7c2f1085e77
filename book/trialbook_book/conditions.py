"""DynamoDB's conditions, as far as pynamodb writes them for the ledger: comparisons, beginnings, existence, AND, OR."""

import re
from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Any

Item = Mapping[str, Mapping[str, Any]]
_TOKEN = re.compile(r"\(|\)|,|<=|>=|<>|=|<|>|#\w+|:\w+|\w+")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {"=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


class Condition:
    """A condition with its names and values; `holds` tells of an item, None being an item that is not there."""

    def __init__(self, text: str | None, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        self._tokens, self._at = _TOKEN.findall(text or ""), 0
        self._names, self._values = names, values
        self._test = self._any() if self._tokens else lambda item: True

    def holds(self, item: Item | None) -> bool:
        """Whether the item meets the condition."""
        return self._test(item or {})

    def _next(self, *expected: str) -> str:
        token = str(self._tokens[self._at])
        if expected and token not in expected:
            raise ValueError(f"condition has {token!r} where {' or '.join(expected)} was expected")
        self._at += 1
        return token

    def _follows(self, word: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at].upper() == word
        self._at += found
        return found

    def _any(self) -> Callable[[Item], bool]:
        tests = [self._all()]
        while self._follows("OR"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)

    def _all(self) -> Callable[[Item], bool]:
        tests = [self._one()]
        while self._follows("AND"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def _one(self) -> Callable[[Item], bool]:
        if self._follows("("):
            inner = self._any()
            self._next(")")
            return inner
        if self._follows("NOT"):
            negated = self._one()
            return lambda item: not negated(item)
        token = self._next()
        return self._comparison(self._names.get(token, token)) if token.startswith("#") else self._function(token)

    def _comparison(self, name: str) -> Callable[[Item], bool]:
        if self._follows("BETWEEN"):
            low = comparable(self._values[self._next()])
            self._next("AND")
            high = comparable(self._values[self._next()])
            return lambda item: name in item and low <= comparable(item[name]) <= high
        compare = _COMPARE[self._next(*_COMPARE)]
        value = comparable(self._values[self._next()])
        return lambda item: name in item and compare(comparable(item[name]), value)

    def _function(self, function: str) -> Callable[[Item], bool]:
        self._next("(")
        name = self._names[self._next()]
        if function == "begins_with":
            self._next(",")
            start = comparable(self._values[self._next()])
            self._next(")")
            return lambda item: name in item and comparable(item[name]).startswith(start)
        self._next(")")
        match function:
            case "attribute_not_exists":
                return lambda item: name not in item
            case "attribute_exists":
                return lambda item: name in item
        raise ValueError(f"condition has {function!r}, which a folder's ledger does not know")


def comparable(value: Mapping[str, Any]) -> Any:
    """A typed value as Python compares it in DynamoDB's order: texts by their UTF-8 bytes."""
    ((kind, inner),) = value.items()
    if kind == "S":
        return inner.encode("utf-8", "surrogatepass")
    return float(inner) if kind == "N" else inner
