"""The rules in force, of a document in an SSM parameter. An invalid one never stops tracking: the last good stays."""

from collections.abc import Callable

from trialbook.core.errors import InvalidRules, Unreachable
from trialbook.core.rules.document import Rules


class RulesSource:
    """The rules in force. `fetch` gives the document's text (None: there is none) or raises Unreachable; `load_good`
    and `save_good` keep the last valid text; `on_invalid` is given the problems each time an invalid one is met."""

    def __init__(
        self,
        fetch: Callable[[], str | None],
        load_good: Callable[[], str | None],
        save_good: Callable[[str], None],
        on_invalid: Callable[[InvalidRules], None],
    ) -> None:
        self._fetch, self._load_good, self._save_good, self._on_invalid = fetch, load_good, save_good, on_invalid
        self._text: str | None = None
        self._rules: Rules | None = None

    def __call__(self) -> Rules:
        """The rules of the document as it stands, or of the last good one. Raises Unreachable with neither known."""
        try:
            text = self._fetch() or ""
        except Unreachable:
            if self._rules is None and self._load_good() is None:
                raise
            return self._last_good()
        if self._rules is not None and text == self._text:
            return self._rules
        try:
            rules = _read(text)
        except InvalidRules as problems:
            self._on_invalid(problems)
            return self._last_good()
        self._text, self._rules = text, rules
        if text and self._load_good() != text:
            self._save_good(text)
        return rules

    def _last_good(self) -> Rules:
        if self._rules is None:
            try:
                self._rules = _read_kept(self._load_good() or "")
            except InvalidRules as problems:  # kept by an older version, and no document at all to this one
                self._on_invalid(problems)
                self._rules = Rules()
        return self._rules


def _read(text: str) -> Rules:
    if not text:
        return Rules()
    from trialbook.adapters.rules_document import read_rules  # 20 ms that a start without a document need not wait for

    return read_rules(text)


def _read_kept(text: str) -> Rules:
    if not text:
        return Rules()
    from trialbook.adapters.rules_document import read_kept_rules

    return read_kept_rules(text)
