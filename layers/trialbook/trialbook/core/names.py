"""Names that SageMaker takes for experiments and trials."""

import re
from hashlib import sha256

LONGEST = 120
_VALID = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}")


def is_valid_name(name: str) -> bool:
    """Whether SageMaker takes it as the name of an experiment or a trial."""
    return len(name) <= LONGEST and _VALID.fullmatch(name) is not None


def valid_name(text: str, longest: int = LONGEST) -> str:
    """The text itself if it is a valid name, otherwise its letters and digits with a hash of the whole text.

    The hash keeps different texts apart that differ in other characters or behind the cut only. Names that differ in
    case only are one name to SageMaker and to the ledger alike (`same_name`).
    """
    if len(text) <= longest and is_valid_name(text):
        return text
    mark = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    readable = re.sub(r"[^a-zA-Z0-9]+", "-", text)[: longest - len(mark) - 1].strip("-")
    return f"{readable}-{mark}" if readable else f"x-{mark}"


def same_name(name: str) -> str:
    """A key that two names share if SageMaker does not distinguish them: it compares without regard to case."""
    return name.casefold()


def shard_name(name: str, number: int) -> str:
    """The n-th shard of an experiment or trial that is full: the name itself, then `<name>-2`, `<name>-3`."""
    if number == 1:
        return name
    suffix = f"-{number}"
    return valid_name(name, LONGEST - len(suffix)) + suffix
