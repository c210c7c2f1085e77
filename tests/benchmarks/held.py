"""How much memory is held by what can be reached from some objects: to tell a program's memory from that of its stand-ins."""

import gc
import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

_CODE = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, CodeType, FrameType)


def megabytes_held(*roots: Any) -> float:
    """The size of the roots and of all that they refer to, each once. Code is passed over, and what only it refers to."""
    return sum(map(sys.getsizeof, _reached(roots))) / 1024 / 1024


def _reached(roots: tuple[Any, ...]) -> Iterator[Any]:
    seen: set[int] = set()
    left = list(roots)
    while left:
        each = left.pop()
        if id(each) in seen or isinstance(each, _CODE):
            continue
        seen.add(id(each))
        yield each
        left.extend(gc.get_referents(each))


def alive(package: str) -> int:
    """How many objects of the package's own classes there are."""
    gc.collect()
    return sum(str(type(each).__module__).partition(".")[0] == package for each in gc.get_objects())
