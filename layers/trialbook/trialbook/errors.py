"""The errors of the Python API. All of them are TrialbookErrors."""

import shlex
import sys
from collections.abc import Sequence
from enum import StrEnum

from trialbook.core.errors import InvalidInput, InvalidRules, TrialbookError, shown
from trialbook.core.formats import NewerFormat

__all__ = [
    "InvalidArgument",
    "InvalidInput",
    "InvalidRules",
    "Listing",
    "MissingPart",
    "NewerFormat",
    "NoSuchStack",
    "StackFailed",
    "TrialbookError",
    "UnknownName",
]


class Listing(StrEnum):
    """What lists the names that were expected; the value says how in Python."""

    NAMES = "book.experiments() and book.sweeps() list names."
    EXPERIMENTS = "book.experiments() lists names."
    JOBS = "Iterate over book[NAME] for the jobs of a sweep or experiment."
    NOTHING = ""


class UnknownName(InvalidInput):
    """Nothing in the book has the name, or several things have.

    `near` are names that it may be a typo or the beginning of; `plainly` is the problem without any name in it.
    """

    def __init__(
        self,
        name: str,
        problem: str,
        near: Sequence[str] = (),
        listing: Listing = Listing.NOTHING,
        *,
        plainly: str = "",
    ) -> None:
        super().__init__("name", name, "a name that the book has")
        self.problem = problem
        self.plainly = plainly or problem
        self.near = tuple(near)
        self.listing = listing

    def __str__(self) -> str:
        return f"{self.problem} {self.listing}".rstrip()


class InvalidArgument(InvalidInput):
    """An argument is not what it must be."""


class NoSuchStack(InvalidArgument):
    """CloudFormation has no stack of the name."""

    def __init__(self, stack: str) -> None:
        super().__init__("stack", stack, "a deployed stack, or a folder that demo, replay, export or backfill wrote")


class StackFailed(InvalidArgument):
    """The stack is there, but its creation failed."""


# The parts of Trialbook that are installed apart, by the libraries that only they need.
PARTS = {
    "boto3": "operate",
    "jinja2": "report",
    "markupsafe": "report",
    "mcp": "mcp",
    "moto": "laptop",
    "pandas": "pandas",
    "pyarrow": "parquet",
    "pydantic": "mcp",
    "slack_sdk": "operate",
    "vl_convert": "report",
    "werkzeug": "laptop",
}


class MissingPart(TrialbookError):
    """A part of Trialbook is not installed."""

    def __init__(self, part: str, what: str = "This") -> None:
        python = shlex.quote(sys.executable or "python")  # another pip would install it elsewhere
        super().__init__(f"{what} needs the part {part}: {python} -m pip install {shown(f'trialbook[{part}]')}")
        self.part = part

    @classmethod
    def of(cls, error: ModuleNotFoundError, what: str, part: str | None = None) -> "MissingPart | None":
        """The part that a missing library belongs to, or `part` if it is one of any; None for other modules."""
        found = PARTS.get((error.name or "").partition(".")[0])
        return None if found is None else cls(part or found, what)
