"""Regular expressions that most starts do not need."""

import re
from typing import Any, cast


class _Late:
    def __init__(self, source: str, flags: int) -> None:
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        """Python asks for what is not there, which is each of the pattern's methods once."""
        found = getattr(re.compile(self._source, self._flags), name)
        setattr(self, name, found)
        return found


def late(source: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern that is compiled when it is first used. A long one takes up to two milliseconds, which a cold start
    saves that does not use it."""
    return cast("re.Pattern[str]", _Late(source, flags))
