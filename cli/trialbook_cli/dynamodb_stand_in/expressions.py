"""Conditions of a request, refused where DynamoDB refuses them."""

from collections.abc import Mapping
from typing import Any

from trialbook_book.conditions import Condition, UnknownCondition
from trialbook_book.table import key_terms
from trialbook_cli.dynamodb_stand_in.refusals import invalid

_ON_KEYS = frozenset({"=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"})
_NOTHING: Mapping[str, Any] = {}


class Expressions:
    """The conditions of a request, and whether all of its names and values are used."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._request = request
        self._names: Mapping[str, str] = request.get("ExpressionAttributeNames", _NOTHING)
        self._values: Mapping[str, Any] = request.get("ExpressionAttributeValues", _NOTHING)
        self._used: set[str] = set()

    def condition(self, parameter: str) -> Condition:
        """The condition in a parameter of the request. Raises Refused."""
        try:
            condition = Condition(self._request.get(parameter), self._names, self._values)
        except UnknownCondition as error:
            raise invalid(f"Invalid {parameter}: {error}") from None
        for token in condition.term.tokens() if condition.term else ():
            if token[0] == "#" and token not in self._names:
                raise invalid(
                    f"Invalid {parameter}: An expression attribute name used in the document path is not defined; "
                    f"attribute name: {token}"
                )
            if token[0] == ":" and token not in self._values:
                raise invalid(
                    f"Invalid {parameter}: An expression attribute value used in expression is not defined; "
                    f"attribute value: {token}"
                )
            self._used.add(token)
        return condition

    def projection(self) -> list[str] | None:
        """The names of the attributes that are wanted; None for all."""
        text = self._request.get("ProjectionExpression")
        if text is None:
            return None
        tokens = [each.strip() for each in text.split(",")]
        for token in tokens:
            if token[:1] == "#" and token not in self._names:
                raise invalid(
                    "Invalid ProjectionExpression: An expression attribute name used in the document path is not "
                    f"defined; attribute name: {token}"
                )
        self._used.update(tokens)
        return [self._names.get(each, each) for each in tokens]

    def key_condition(self, keys: tuple[str, ...]) -> Condition:
        """The condition on an index's keys: the partition's is equal to a value. Raises Refused."""
        condition = self.condition("KeyConditionExpression")
        terms = key_terms(condition)
        first = terms.get(keys[0])
        if first is None or first.operator != "=":
            raise invalid(f"Query condition missed key schema element: {keys[0]}")
        if not set(terms) <= set(keys):
            raise invalid(f"Query condition missed key schema element: {keys[-1]}")
        if not {each.operator for each in terms.values()} <= _ON_KEYS:
            raise invalid("Invalid operator used in KeyConditionExpression")
        for term in terms.values():
            if not all(next(iter(condition.value(each).values())) for each in term.operands[1:]):
                raise invalid(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
                    f"an empty string value. Key: {condition.name(term.operands[0])}"
                )
        return condition

    def check(self) -> None:
        """Raises Refused for a name or value that no expression uses."""
        for parameter, given in (("Names", self._names), ("Values", self._values)):
            unused = sorted(set(given) - self._used)
            if unused:
                names = f"{{{', '.join(unused)}}}"
                raise invalid(f"Value provided in ExpressionAttribute{parameter} unused in expressions: keys: {names}")
