"""Shared parts of the HTML of mails and reports."""

import re
from typing import Any

_JOINT = re.compile(r"(?<=[_:./-])")


def joints(text: str) -> list[str]:
    """A name in the parts between which it may break: `min_` `child_` `weight`."""
    return _JOINT.split(text)


def breakable(text: str) -> Any:
    """The name as HTML that may be parted at its joints, if there is little room."""
    from markupsafe import Markup, escape  # slow to load: not before there is HTML to be made

    return Markup("<wbr>").join(escape(part) for part in joints(text))
