"""The rules document is YAML: its text becomes rules, or a list of problems that name their lines."""

from collections.abc import Iterator
from typing import Any

import yaml

from trialbook.core.errors import InvalidRules, shown
from trialbook.core.rules.checker import Path
from trialbook.core.rules.document import Rules, rules_and_problems

_MOST_VALUES = 20_000  # a parameter has 8 KB; only aliases of aliases make more of them, and then without end
_MERGE = "tag:yaml.org,2002:merge"  # `<<`, which may come several times


class _Loader(yaml.SafeLoader):
    """Says where a value stands that looks like a date or a number and is none; PyYAML lets Python's own error out."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
            what = f"{shown(node.value)} is no {node.tag.rpartition(':')[2]}, put it in quotes if it is a text"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from error


def read_rules(text: str) -> Rules:
    """The rules of a YAML document. Raises InvalidRules with a line for each problem."""
    rules, problems = _read(text)
    if problems:
        raise InvalidRules(problems)
    return rules


def read_kept_rules(text: str) -> Rules:
    """The rules of a document that was valid when it was kept. A newer version checks more than the one that kept it:
    what that finds wrong is left out, all else stays in force. Raises InvalidRules where it can't be read at all."""
    return _read(text)[0]


def _read(text: str) -> tuple[Rules, tuple[str, ...]]:
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()  # read once, for its lines and for its values
        lines, repeated = _lines(node), _repeated(node)
        document = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise InvalidRules((f"{line}no valid YAML: {error.problem or error.context}",)) from error
    except yaml.YAMLError as error:
        raise InvalidRules((f"no valid YAML: {error}",)) from error
    except RecursionError as error:
        raise InvalidRules(("the document is nested too deep, or one of its aliases holds itself",)) from error
    finally:
        if loader is not None:
            loader.dispose()
    rules, problems = rules_and_problems(document, lines)
    return rules, (*repeated, *problems)


def _lines(document: Any) -> dict[Path, int]:
    """The line of each path, counted from 1: that of the key where there is one."""
    found: dict[Path, int] = {}
    for path, line in _walked(document, ()) if document is not None else ():
        found[path] = line
        if len(found) > _MOST_VALUES:
            raise InvalidRules((f"the document has more than {_MOST_VALUES:,} values, its aliases written out",))
    return found


def _repeated(document: Any) -> tuple[str, ...]:
    """A problem for each key that its mapping has twice: PyYAML would take the last and drop the others in silence."""
    found: list[str] = []
    waiting, met = [document], set()
    while waiting:
        node = waiting.pop()
        if not isinstance(node, yaml.CollectionNode) or id(node) in met:
            continue  # an alias: it was looked through where it is written out
        met.add(id(node))
        if isinstance(node, yaml.MappingNode):
            found += _repeated_in(node)
            waiting += [value for _, value in reversed(node.value)]
        else:
            waiting += reversed(node.value)
    return tuple(found)


def _repeated_in(mapping: Any) -> Iterator[str]:
    first: dict[tuple[str, str], int] = {}
    for key, _ in mapping.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
            line = key.start_mark.line + 1
            before = first.get((key.tag, key.value))
            if before is not None:
                yield f"line {line}: {key.value}: stands in line {before} already, expected each key once"
            first.setdefault((key.tag, key.value), line)


def _walked(node: Any, path: Path) -> Iterator[tuple[Path, int]]:
    if not path:
        yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            step = (*path, str(key.value))
            yield step, key.start_mark.line + 1
            yield from _walked(value, step)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*path, number), value.start_mark.line + 1
            yield from _walked(value, (*path, number))
