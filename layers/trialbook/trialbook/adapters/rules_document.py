"""The rules document: YAML in an SSM parameter. An invalid one never stops tracking: the last good one stays."""

from collections.abc import Callable, Iterator
from typing import Any

import yaml

from trialbook.core.checking import Path
from trialbook.core.errors import InvalidRules
from trialbook.core.rules import Rules, parse_rules


def read_rules(text: str) -> Rules:
    """The rules of a YAML document. Raises InvalidRules with a line for each problem."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise InvalidRules((f"{line}no valid YAML: {error.problem or error.context}",)) from error
    except yaml.YAMLError as error:
        raise InvalidRules((f"no valid YAML: {error}",)) from error
    lines = dict(_lines(node, ())) if node is not None else {}
    return parse_rules(document, lines)


def _lines(node: Any, path: Path) -> Iterator[tuple[Path, int]]:
    """The line of each path, counted from 1: that of the key where there is one."""
    if not path:
        yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            step = (*path, str(key.value))
            yield step, key.start_mark.line + 1
            yield from _lines(value, step)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*path, number), value.start_mark.line + 1
            yield from _lines(value, (*path, number))


class RulesSource:
    """The rules in force. `fetch` gives the document's text (None: there is none), `load_good` and `save_good` keep
    the last valid text; `on_invalid` is told the problems each time an invalid document is met."""

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
        """The rules of the document as it stands, or of the last good one."""
        text = self._fetch() or ""
        if self._rules is not None and text == self._text:
            return self._rules
        try:
            rules = read_rules(text)
        except InvalidRules as problems:
            self._on_invalid(problems)
            return self._last_good()
        self._text, self._rules = text, rules
        if text and self._load_good() != text:
            self._save_good(text)
        return rules

    def _last_good(self) -> Rules:
        if self._rules is None:
            self._rules = read_rules(self._load_good() or "")
        return self._rules
