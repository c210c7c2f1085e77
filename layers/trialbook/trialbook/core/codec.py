"""Frozen dataclasses to plain data and back, for JSON: what equals its field's default is left out.

Unknown keys are passed over on the way back, so that an older version of the code reads items of a newer one.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from trialbook.core.errors import InvalidInput
from trialbook.core.times import iso, parse_time

T = TypeVar("T")
_PLAIN = frozenset({str, int, float, bool, types.NoneType})


def pack(value: Any) -> Any:
    """Plain data: dicts, lists, texts, numbers, booleans."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {key: pack(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [pack(each) for each in value]
    defaults = _defaults(type(value))  # type: ignore[arg-type]
    return {name: pack(each) for name, default in defaults.items() if (each := getattr(value, name)) != default}


@cache
def _defaults(cls: type) -> dict[str, object]:
    return {
        field.name: field.default_factory() if field.default_factory is not MISSING else field.default
        for field in fields(cls)
    }


def unpack(cls: type[T], data: Mapping[str, Any]) -> T:
    """The dataclass back from what `pack` made of it. Raises TypeError where a field without default is missing."""
    readers = _readers(cls)  # type: ignore[arg-type]
    return cls(**{name: read(data[name]) for name, read in readers.items() if name in data})


def _moment(value: Any) -> datetime | None:
    try:
        return parse_time(value, "time")
    except InvalidInput as error:  # it is nobody's input: what was packed is not what is unpacked
        raise ValueError(str(error)) from error


def check_types(value: Any, hint: Any = None) -> None:
    """Raises TypeError where a field, however deep, holds what its type does not allow. `unpack` does not look: what
    the ledger wrote is right, and only what a person edited may not be."""
    if is_dataclass(value):
        for name, each in get_type_hints(type(value)).items():
            check_types(getattr(value, name), each)
    elif hint is not None and not _fits(value, hint):
        raise TypeError(f"{value!r} is no {hint}")


def _fits(value: Any, hint: Any) -> bool:
    origin, given = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in given)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(key, given[0]) and _fits(each, given[1]) for key, each in value.items()
        )
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, given[0]) for each in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if is_dataclass(value):
        check_types(value)
    return hint is Any or isinstance(value, hint)


@cache
def _readers(cls: type) -> dict[str, Callable[[Any], Any]]:
    hints = get_type_hints(cls)
    return {field.name: _reader(hints[field.name]) for field in fields(cls)}


def _reader(hint: Any) -> Callable[[Any], Any]:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = _reader(next(each for each in get_args(hint) if each is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        each = _reader(get_args(hint)[0])
        return lambda value: tuple(each(one) for one in value)
    if origin is Mapping:
        return MappingProxyType
    if hint is datetime:
        return _moment
    if hint is timedelta:
        return lambda value: timedelta(seconds=value)
    if is_dataclass(hint):
        return lambda value: unpack(hint, value)  # type: ignore[arg-type]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    return lambda value: value
