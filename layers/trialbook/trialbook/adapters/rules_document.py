"""The rules document is YAML: its text becomes rules, or a list of problems that name their lines."""

from collections.abc import Iterator
from typing import Any

import yaml

from trialbook.core.errors import InvalidRules, shown
from trialbook.core.rules.checker import Path
from trialbook.core.rules.document import Rules
from trialbook.core.rules.parsing import rules_and_problems

_MOST_VALUES = 10_000  # a parameter has 8 KB; only aliases of aliases make more of them, and then without end
_DEEPEST = 50  # levels; a document that means something has eight
_TOO_DEEP = "the document is nested too deep, or one of its aliases holds itself"
_MERGE = "tag:yaml.org,2002:merge"  # `<<`, which may come several times


class _Loader(yaml.SafeLoader):
    """Says where a value or an escape stands that looks right and is not; PyYAML lets Python's own error out.
    Refuses what is nested too deep while it scans, as PyYAML's time grows with the square of the open brackets."""

    _depth = 0

    def fetch_flow_collection_start(self, token_class: Any) -> None:
        if self.flow_level >= _DEEPEST:
            raise _too_deep(self.get_mark())
        super().fetch_flow_collection_start(token_class)

    def scan_flow_scalar_non_spaces(self, double: Any, start_mark: Any) -> Any:
        """The characters up to the next space. Two escapes of one character, as JSON has them, become it."""
        try:
            text = "".join(super().scan_flow_scalar_non_spaces(double, start_mark))
            return [text.encode("utf-16", "surrogatepass").decode("utf-16")]
        except (ValueError, OverflowError) as error:
            raise yaml.scanner.ScannerError(None, None, "an escape is no character", self.get_mark()) from error

    def scan_yaml_directive_number(self, start_mark: Any) -> Any:
        try:
            return super().scan_yaml_directive_number(start_mark)
        except ValueError as error:
            raise yaml.scanner.ScannerError(None, None, "the version is no number", self.get_mark()) from error

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self._depth > _DEEPEST:
            raise _too_deep(self.get_mark())
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, int):
                float(value)  # raises OverflowError where no number of the document can be meant
            return value
        except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
            text = shown(node.value) if isinstance(node, yaml.ScalarNode) else f"a {node.id}"
            what = f"{text} is no {node.tag.rpartition(':')[2]}, put it in quotes if it is a text"
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
        place = f"line {mark.line + 1}: " if mark else ""
        raise InvalidRules((f"{place}no valid YAML: {error.problem or error.context}",)) from error
    except yaml.reader.ReaderError as error:  # a character that YAML does not allow
        line = text.count("\n", 0, error.position) + 1
        raise InvalidRules((f"line {line}: no valid YAML: {error.reason}",)) from error
    finally:
        if loader is not None:
            loader.dispose()
    rules, problems = rules_and_problems(document, lines)
    return rules, (*repeated, *problems)


def _lines(document: Any) -> dict[Path, int]:
    """The line of each path, counted from 1: that of the key if there is one.

    It walks the document with its aliases written out before anything is made of it, and so refuses what would take too
    long to read.
    """
    found: dict[Path, int] = {}
    if document is None:
        return found
    for count, (path, line) in enumerate(_walked(document)):
        if count >= _MOST_VALUES:
            what = f"the document has more than {_MOST_VALUES:,} values, its aliases written out"
            raise InvalidRules((f"line {line}: {what}",))
        found[path] = line
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


def _walked(document: Any) -> Iterator[tuple[Path, int]]:
    waiting: list[tuple[Path, Any, Any]] = [((), document, document)]  # the place's path, its value, where it stands
    while waiting:
        path, node, place = waiting.pop()
        if len(path) > _DEEPEST:
            raise _too_deep(place.start_mark)
        yield path, place.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            waiting.extend(((*path, _name(key)), value, key) for key, value in reversed(node.value))
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(((*path, at), value, value) for at, value in reversed(list(enumerate(node.value))))


def _name(key: Any) -> str:
    """A key's text. A list or a mapping as key is refused: no key is one, and its aliases would be written out."""
    if not isinstance(key, yaml.ScalarNode):
        line = key.start_mark.line + 1
        raise InvalidRules((f"line {line}: a {key.id} can't be a key, expected a text",))
    return str(key.value)


def _too_deep(mark: Any) -> InvalidRules:
    return InvalidRules((f"line {mark.line + 1}: {_TOO_DEEP}",))
