"""DynamoDB's conditions on an item: comparisons, BETWEEN, IN, the functions, AND, OR and NOT, of attributes at the top.

A text is parsed once, whatever values it is asked with: a program has few texts and asks each of them often.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any

Value = Mapping[str, Any]
Item = Mapping[str, Value]
_TOKEN = re.compile(r"\s*(\(|\)|,|<=|>=|<>|=|<|>|#\w+|:\w+|\w+)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {"=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_ORDERED = frozenset({"S", "N", "B"})  # the types that < and its kin compare
_FUNCTIONS = {"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2}


class UnknownCondition(ValueError):
    """The text is none of DynamoDB's conditions, or one that this module does not know."""


@dataclass(frozen=True, slots=True)
class Operand:
    """An attribute's name (`#0`, `pk`), or a value's (`:0`); with `is_size`, the size of what is there."""

    token: str
    is_size: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """A comparison or function and what it is about. Where it joins other terms, they are in `terms`."""

    operator: str
    operands: tuple[Operand, ...] = ()
    terms: tuple["Term", ...] = ()

    def tokens(self) -> Iterator[str]:
        """All names in it."""
        for operand in self.operands:
            yield operand.token
        for term in self.terms:
            yield from term.tokens()


@lru_cache(1024)
def parse(text: str) -> Term:
    """The condition in a text. Raises UnknownCondition."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._tokens: list[str] = []
        end = 0
        while found := _TOKEN.match(text, end):
            self._tokens.append(found[1])
            end = found.end()
        if text[end:].strip():
            raise UnknownCondition(f"{text!r}: {text[end:].strip()[:20]!r} is not known")

    def whole(self) -> Term:
        found = self._any()
        if self._at < len(self._tokens):
            raise UnknownCondition(f"{self._text!r}: {self._tokens[self._at]!r} was not expected")
        return found

    def _next(self, *expected: str) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else "its end"
        if expected and token.upper() not in expected:
            raise UnknownCondition(f"{self._text!r}: {token!r} stands where {' or '.join(expected)} was expected")
        self._at += 1
        return token

    def _follows(self, word: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at].upper() == word
        self._at += found
        return found

    def _any(self) -> Term:
        terms = [self._all()]
        while self._follows("OR"):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else Term("OR", terms=tuple(terms))

    def _all(self) -> Term:
        terms = [self._one()]
        while self._follows("AND"):
            terms.append(self._one())
        return terms[0] if len(terms) == 1 else Term("AND", terms=tuple(terms))

    def _one(self) -> Term:
        if self._follows("("):
            inner = self._any()
            self._next(")")
            return inner
        if self._follows("NOT"):
            return Term("NOT", terms=(self._one(),))
        if self._at + 1 < len(self._tokens) and self._tokens[self._at + 1] == "(" and not self._is_size():
            return self._function(self._next())
        first = self._operand()
        if self._follows("BETWEEN"):
            low = self._operand()
            self._next("AND")
            return Term("BETWEEN", (first, low, self._operand()))
        if self._follows("IN"):
            return Term("IN", (first, *self._in_brackets()))
        return Term(self._next(*_COMPARE), (first, self._operand()))

    def _function(self, name: str) -> Term:
        operands = self._in_brackets()
        if _FUNCTIONS.get(name) != len(operands):
            raise UnknownCondition(f"{self._text!r}: {name} of {len(operands)} is not known")
        return Term(name, operands)

    def _in_brackets(self) -> tuple[Operand, ...]:
        self._next("(")
        operands = [self._operand()]
        while self._follows(","):
            operands.append(self._operand())
        self._next(")")
        return tuple(operands)

    def _is_size(self) -> bool:
        return self._tokens[self._at].lower() == "size"

    def _operand(self) -> Operand:
        word = self._next()
        if word.lower() == "size" and self._follows("("):
            found = Operand(self._next(), is_size=True)
            self._next(")")
            return found
        if not (word[0] in "#:_" or word[0].isalpha()):
            raise UnknownCondition(f"{self._text!r}: {word!r} stands where an attribute or value was expected")
        return Operand(word)


class Condition:
    """A condition with its names and values; `holds` says it of an item, None being an item that is not there."""

    def __init__(self, text: str | None, names: Mapping[str, str], values: Mapping[str, Value]) -> None:
        self.term = parse(text) if text else None
        self._names, self._values = names, values

    def holds(self, item: Item | None) -> bool:
        """Whether the item meets the condition."""
        return self.term is None or self._test(self.term, item or {})

    def names(self) -> set[str]:
        """The attributes that it is about."""
        tokens = self.term.tokens() if self.term else ()
        return {self._names.get(token, token) for token in tokens if token[0] != ":"}

    def name(self, operand: Operand) -> str:
        """The attribute that the operand is."""
        return self._names.get(operand.token, operand.token)

    def value(self, operand: Operand) -> Value:
        """The value that the operand is."""
        return self._values[operand.token]

    def _of(self, operand: Operand, item: Item) -> Value | None:
        found = self._values[operand.token] if operand.token[0] == ":" else item.get(self.name(operand))
        if operand.is_size and found is not None:
            return _size(found)
        return found

    def _test(self, term: Term, item: Item) -> bool:
        match term.operator:
            case "AND":
                return all(self._test(each, item) for each in term.terms)
            case "OR":
                return any(self._test(each, item) for each in term.terms)
            case "NOT":
                return not self._test(term.terms[0], item)
            case "attribute_exists":
                return self.name(term.operands[0]) in item
            case "attribute_not_exists":
                return self.name(term.operands[0]) not in item
        return self._test_of_values(term.operator, [self._of(operand, item) for operand in term.operands])

    @staticmethod
    def _test_of_values(operator: str, operands: list[Value | None]) -> bool:
        first, *others = operands
        match operator:
            case "BETWEEN":
                return _compared(first, ">=", others[0]) and _compared(first, "<=", others[1])
            case "IN":
                return any(_compared(first, "=", each) for each in others)
            case "attribute_type":
                return first is not None and next(iter(first)) == _inner(others[0])
            case "begins_with":
                return _begins(first, others[0])
            case "contains":
                return _contains(first, others[0])
        return _compared(first, operator, others[0])


def _compared(one: Value | None, operator: str, other: Value | None) -> bool:
    """What is not there is unequal to all, and neither less nor greater; so are values of two types."""
    if one is None or other is None:
        return operator == "<>"
    if operator in ("=", "<>"):
        return _COMPARE[operator](_comparable_as_equal(one), _comparable_as_equal(other))
    kind = next(iter(one))
    return kind in _ORDERED and kind in other and _COMPARE[operator](comparable(one), comparable(other))


def _begins(one: Value | None, start: Value | None) -> bool:
    if one is None or start is None:
        return False
    kind = next(iter(one))
    return kind in ("S", "B") and kind in start and bool(comparable(one).startswith(comparable(start)))


def _contains(one: Value | None, wanted: Value | None) -> bool:
    if one is None or wanted is None:
        return False
    ((kind, inner),) = one.items()
    if kind in ("S", "B"):
        return kind in wanted and comparable(wanted) in comparable(one)
    if kind == "L":
        return any(_compared(each, "=", wanted) for each in inner)
    return kind in ("SS", "NS", "BS") and any(_compared({kind[0]: each}, "=", wanted) for each in inner)


def _size(value: Value) -> Value | None:
    ((kind, inner),) = value.items()
    if kind == "S":
        return {"N": str(len(inner.encode("utf-8", "surrogatepass")))}
    if kind == "B":
        return {"N": str(len(comparable(value)))}
    return {"N": str(len(inner))} if kind in ("L", "M", "SS", "NS", "BS") else None


def _inner(value: Value | None) -> Any:
    return None if value is None else next(iter(value.values()))


def comparable(value: Value) -> Any:
    """A typed value as Python compares it in DynamoDB's order: texts go by code points, which is the order of their
    UTF-8 bytes; numbers are exact. Binary values may be bytes, or Base64 as on the wire."""
    ((kind, inner),) = value.items()
    if kind == "N":
        return Decimal(inner)
    return b64decode(inner) if kind == "B" and isinstance(inner, str) else inner


def _comparable_as_equal(value: Value) -> Any:
    """A typed value as Python compares it for equality: with its type, sets without an order."""
    ((kind, inner),) = value.items()
    if kind in ("SS", "NS", "BS"):
        return kind, frozenset(comparable({kind[0]: each}) for each in inner)
    if kind == "L":
        return kind, tuple(_comparable_as_equal(each) for each in inner)
    if kind == "M":
        return kind, {name: _comparable_as_equal(each) for name, each in inner.items()}
    return kind, comparable(value)
