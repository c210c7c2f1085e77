"""Rules documents in files."""

from pathlib import Path

from trialbook.adapters.rules_document import read_rules
from trialbook.core.errors import InvalidRules
from trialbook.core.rules.document import Rules
from trialbook_cli.usage_error import UsageError


def read_rules_file(path: Path) -> Rules:
    """The rules in a file. Raises UsageError if it can't be read, InvalidRules with file and line if it is invalid."""
    return _read(path)[1]


def read_rules_text(path: Path) -> str:
    """The text of a valid rules document. Raises as `read_rules_file`; a deployed function ignores an invalid one."""
    return _read(path)[0]


def _read(path: Path) -> tuple[str, Rules]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"Rules document {path} can't be read: {reason}.") from error
    try:
        return text, read_rules(text)
    except InvalidRules as error:
        raise InvalidRules(tuple(f"{path}: {problem}" for problem in error.problems)) from error
