"""A mistake in a command's arguments."""

from trialbook.core.errors import TrialbookError


class UsageError(TrialbookError):
    """A mistake that a sentence explains better than field, value and expectation."""
