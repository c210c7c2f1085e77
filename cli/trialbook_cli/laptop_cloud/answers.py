"""moto's answers, without making the same names again for each of them.

moto looks for a member under up to twelve names: a seventh of a replay's time, as a value of DynamoDB has ten members,
of which one is there. Of a dictionary the names depend on the member's place in the model alone. At each request it
also lists the methods of a class and spells operations in Python's way: a twentieth.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from typing import Any
from unittest.mock import patch

from moto.core.serialize import XFormedAttributePicker
from moto.core.utils import camelcase_to_underscores, method_names_from_class

_SPELLINGS: dict[tuple[Any, ...], tuple[str, ...]] = {}
_IN_PYTHON = cache(camelcase_to_underscores)
_RECEIPTS = count(1)
_REMEMBERED = {
    "moto.core.responses.camelcase_to_underscores": _IN_PYTHON,
    "moto.sqs.models.camelcase_to_underscores": _IN_PYTHON,
    "moto.core.responses.method_names_from_class": cache(method_names_from_class),
    "moto.sqs.models.generate_receipt_handle": lambda: f"receipt-{next(_RECEIPTS):012}",  # else 185 random letters
}


@contextmanager
def remembered_spellings() -> Iterator[None]:
    """For the block, moto looks for a dictionary's member under the first name that is there, and spells names once."""
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

    with ExitStack() as until_end:
        until_end.enter_context(patch.object(XFormedAttributePicker, "get_possible_keys", possible_keys))
        for name, function in _REMEMBERED.items():
            until_end.enter_context(patch(name, function))
        yield
