"""The rules document is YAML: its text becomes rules, or a list of problems that name their lines."""

from collections.abc import Iterator
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
