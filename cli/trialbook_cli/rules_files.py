"""Rules documents in files."""

from pathlib import Path

from trialbook.adapters.rules_document import read_rules
from trialbook.core.errors import InvalidInput, InvalidRules
from trialbook.core.rules.document import Rules


def read_rules_file(path: Path) -> Rules:
    """The rules in a file. Raises InvalidInput where it can't be read, InvalidRules with file and line otherwise."""
    try:
        return read_rules(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("rules", str(path), f"a YAML file ({error})") from error
    except InvalidRules as error:
        raise InvalidRules(tuple(f"{path}: {problem}" for problem in error.problems)) from error
