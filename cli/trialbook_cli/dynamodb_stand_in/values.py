"""Values as DynamoDB has them: their size, and numbers in one spelling."""

from collections.abc import Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Rounded
from functools import lru_cache
from math import ceil
from typing import Any

from trialbook_cli.dynamodb_stand_in.refusals import Refused, invalid, invalid_value

LARGEST_ITEM = 400 * 1024  # bytes, names and values
_OF_A_CONTAINER = 3  # bytes that a list or map takes, and one more for each member
_DIGITS = 38
_EXACT = Context(prec=_DIGITS, traps=[Inexact, InvalidOperation, Overflow, Rounded])
_GREATEST, _LEAST = 125, -130  # a number's power of ten
_SETS = {"SS": "string", "NS": "number", "BS": "binary"}


def size_of_item(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Bytes of an item, as DynamoDB counts them for its limit and for capacity units."""
    size = 0
    for name, value in item.items():
        size += _length(name)
        text = value.get("S")  # what most values are: a replay counts hundreds for each job
        size += size_of(value) if text is None else _length(text)
    return size


def size_of(value: Mapping[str, Any]) -> int:
    """Bytes of a value."""
    ((kind, inner),) = value.items()
    match kind:
        case "S":
            return _length(inner)
        case "N":
            return _size_of_number(inner)
        case "B":
            return int(len(inner) // 4 * 3 - inner.count("=", -2))
        case "L":
            return _OF_A_CONTAINER + sum(1 + size_of(each) for each in inner)
        case "M":
            return _OF_A_CONTAINER + sum(1 + _length(name) + size_of(each) for name, each in inner.items())
        case "SS" | "NS" | "BS":
            return sum(size_of({kind[0]: each}) for each in inner)
    return 1


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=65_536)
def _size_of_number(text: str) -> int:
    """A byte for two digits, counted from pairs that begin at the point; one more; one for the sign."""
    sign, digits, exponent = Decimal(text).as_tuple()
    written = "".join(map(str, digits)).rstrip("0")
    if not written:
        return 1
    assert isinstance(exponent, int)
    power = exponent + len(digits) - len(written)
    return ceil((len(written) + power % 2) / 2) + 1 + sign


def as_kept(item: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """An item as DynamoDB keeps it: numbers in one spelling. Raises Refused for what it does not keep."""
    return {name: _kept(value) for name, value in item.items()}


def _kept(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, inner),) = value.items()
    match kind:
        case "N":
            return {"N": number(inner)}
        case "L":
            return {"L": [_kept(each) for each in inner]}
        case "M":
            return {"M": as_kept(inner)}
        case "SS" | "NS" | "BS":
            if not inner:
                raise invalid_value(f"An {_SETS[kind]} set  may not be empty")
            if len(set(inner)) < len(inner):
                raise invalid_value(f"Input collection [{', '.join(inner)}] contains duplicates.")
            return {kind: [number(each) for each in inner] if kind == "NS" else inner}
    return dict(value)


def number(text: str) -> str:
    """A number as DynamoDB spells it. Raises Refused."""
    if text.isdigit() and text[0] != "0" and len(text) <= _DIGITS and text[-1] != "0":
        return text  # the usual one
    try:
        read = Decimal(text)
        if not read.is_finite():
            raise _no_number(text)
        exact = _EXACT.normalize(read)
    except (Inexact, Rounded):
        raise invalid("Attempting to store more than 38 significant digits in a Number") from None
    except InvalidOperation:
        raise _no_number(text) from None
    if exact and exact.adjusted() > _GREATEST:
        raise invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if exact and exact.adjusted() < _LEAST:
        raise invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    return f"{exact or abs(exact):f}"


def _no_number(text: str) -> Refused:
    return invalid(f"The parameter cannot be converted to a numeric value: {text}")
