"""The deployment that is checked, and what a check finds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import Session

from trialbook_book.book import Book
from trialbook_book.stacks import Deployed


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding, and what to do about it."""

    level: Level
    what: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the stack."""

    logical_id: str
    physical_id: str
    type: str


@dataclass(frozen=True)
class Deployment:
    """A deployment: its book, its stack, and clients for its services.

    `slack` makes auth.test's call with a token; `trouble` gives Slack's word for what keeps messages from a channel.
    """

    book: Book
    stack: Deployed
    name: str
    now: datetime
    slack: Callable[[str], Mapping[str, Any]]
    trouble: Callable[[str, str], str | None] = lambda token, channel: None
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client of the person's own session."""
        if service not in self._clients:
            session: Session = self.book.ledger.session
            self._clients[service] = session.create_client(service)
        return self._clients[service]

    @cached_property
    def description(self) -> Mapping[str, Any]:
        """The stack as CloudFormation describes it."""
        found: Mapping[str, Any] = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return found

    @cached_property
    def all_resources(self) -> tuple[Resource, ...]:
        """The stack's resources, without those that a deletion removed."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        summaries: Iterable[Mapping[str, str]] = (each for page in pages for each in page["StackResourceSummaries"])
        return tuple(
            Resource(each["LogicalResourceId"], each.get("PhysicalResourceId", ""), each["ResourceType"])
            for each in summaries
            if each.get("ResourceStatus") != "DELETE_COMPLETE"
        )

    def resources(self, kind: str) -> list[Resource]:
        """The stack's resources of a CloudFormation type."""
        return [each for each in self.all_resources if each.type == kind]

    def parameter(self, name: str) -> str:
        """A parameter's value, empty if the stack has none of that name."""
        given = {each["ParameterKey"]: each["ParameterValue"] for each in self.description.get("Parameters", [])}
        return str(given.get(name, ""))


_MISSING = ("NotFound", "NonExistent", "DoesNotExist", "NoSuch")


def is_missing(error: Exception) -> bool:
    """Whether AWS says that something is not there. Each service has a code of its own for it."""
    if not isinstance(error, ClientError):
        return False
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code == "404" or any(word in code for word in _MISSING)


def missing(what: str, todo: str) -> Finding:
    """A resource that the stack made is missing."""
    return Finding(Level.PROBLEM, f"{what} is missing: somebody deleted it", todo)
