"""moto's answers, without trying a dozen spellings of each member of each answer.

moto looks for a member under up to twelve names, each made anew: a seventh of a replay's time, as a value of DynamoDB
has ten members, of which one is there. Of a dictionary the names depend on the member's place in the model alone.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.core.serialize import XFormedAttributePicker

_SPELLINGS: dict[tuple[Any, ...], tuple[str, ...]] = {}


@contextmanager
def remembered_spellings() -> Iterator[None]:
    """For the block, moto looks for a dictionary's member under the first name that is there."""
    original = XFormedAttributePicker.get_possible_keys

    def possible_keys(picker: XFormedAttributePicker, context: Any) -> Iterable[str]:
        given = context.obj
        if type(given) is not dict:
            return original(picker, context)
        place = (context.shape, context.key, *picker.alias_providers)
        names = _SPELLINGS.get(place)
        if names is None:
            names = _SPELLINGS[place] = tuple(dict.fromkeys(original(picker, context)))
        return next(((name,) for name in names if name in given), ())

    with patch.object(XFormedAttributePicker, "get_possible_keys", possible_keys):
        yield
