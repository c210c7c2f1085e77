"""A mistake in a command's arguments."""

from collections.abc import Sequence

from trialbook.core.errors import TrialbookError


class UsageError(TrialbookError):
    """A mistake that a sentence explains better than field, value and expectation."""

    def __init__(self, problem: str, plainly: str = "", near: Sequence[str] = ()) -> None:
        """For agents, `plainly` is the problem without any text of a job's in it; `near` are texts of jobs."""
        super().__init__(problem)
        self.plainly = plainly
        self.near = tuple(near)
