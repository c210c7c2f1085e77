"""The ways in which input can be wrong. The docstring of each class is its explanation."""


class TrialbookError(Exception):
    """The root of Trialbook's own errors."""


class InvalidInput(TrialbookError):
    """Someone else's data is not what it must be: names the field, the value and what was expected."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field} is {shown(value)}, expected {expected}")
        self.field = field
        self.value = value
        self.expected = expected


class MalformedEvent(InvalidInput):
    """The message is none that the function can handle; no retry can help, so it belongs in the dead-letter queue."""


class NotAJobEvent(MalformedEvent):
    """The message is no SageMaker job state change."""


class Unreachable(TrialbookError):
    """A service does not tell what is needed: try again later."""


class InvalidRules(TrialbookError):
    """The rules document can't be used; `problems` has a line each, with line number and key."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def shown(value: object, limit: int = 120) -> str:
    """A value as an error message may show it: repr, control characters escaped, cut at `limit` characters."""
    text = ascii(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
