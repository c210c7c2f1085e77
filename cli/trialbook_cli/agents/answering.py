"""A question of an agent, from its arguments to an answer that fits. Whatever is wrong becomes a problem in words of
Trialbook's own, with other people's text beside it."""

import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from pynamodb.exceptions import PynamoDBException

from trialbook.core.analysis.serialised import to_dict
from trialbook.core.curves.stored import to_data
from trialbook.core.errors import InvalidInput
from trialbook.core.sweeps import Sweep
from trialbook.errors import Listing, MissingPart, UnknownName
from trialbook_book.book import Book
from trialbook_book.names import find_job_or_sweep, find_jobs_or_job, find_sweep
from trialbook_cli.agents.data import Answer, Nearby
from trialbook_cli.agents.data import Source as Answered
from trialbook_cli.agents.fitting import UNLIMITED, fitted, plain
from trialbook_cli.agents.tools import TOOLS, Excerpt
from trialbook_cli.comparison import best_record
from trialbook_cli.curve_facts import NOTHING_KEPT
from trialbook_cli.details import job_line_in_detail, log_end, sweep_line_in_detail
from trialbook_cli.errors import explained, lacks_region, no_region
from trialbook_cli.opening import Opening
from trialbook_cli.options import Source
from trialbook_cli.usage_error import UsageError

_TOOLS = {tool.name: tool for tool in TOOLS}
_LONGEST_PATH = 200
_LISTING = {
    Listing.NAMES: "list_experiments_and_sweeps lists names.",
    Listing.EXPERIMENTS: "list_experiments_and_sweeps lists names.",
    Listing.JOBS: "trials lists the jobs of a sweep or experiment.",
    Listing.NOTHING: "",
}
_EXPECTED = {  # by the type of pydantic's error, with what its context has
    "missing": "a value; it is needed",
    "string_type": "a string",
    "string_too_long": "at most {max_length} characters",
    "tuple_type": 'an array of strings, such as ["one", "two"]',
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}
_UNEXPECTED = "Trialbook failed; `trialbook` on the command line with the same question shows why."


class Answering:
    """Answers questions about one book, opened at the first one and again if its files have changed."""

    def __init__(self, source: Source) -> None:
        self._opening = Opening(source)

    def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """A tool's answer, at most 4 KB."""
        tool = _TOOLS.get(name)
        if tool is None:
            return self._problem(f"There is no such tool. There are {', '.join(_TOOLS)}.")

        def ask() -> dict[str, Any]:
            known = [each.name for each in fields(tool.arguments)]
            if not set(arguments) <= set(known):
                return self._problem(f"There is no such argument. There are {', '.join(known)}.")
            asked: Any = TypeAdapter(tool.arguments).validate_python(_without_nulls(arguments))
            rows = tool.ask(self._opening.book(), asked)
            return fitted(lambda most: self._answer(rows(most)), tool.rest)

        return self._asked(ask)

    def read(self, kind: str, name: str) -> dict[str, Any]:
        """A resource: the figures of a sweep's report, a job's curves, or everything about a job; nothing left out."""
        read = _RESOURCES.get(kind)
        if read is None:
            return self._problem("There is no such resource.")

        def ask() -> dict[str, Any]:
            return plain(self._answer(Excerpt(read(self._opening.book(), name))), UNLIMITED, "")

        return self._asked(ask)

    def _asked(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return ask()
        except UnknownName as error:
            problem = f"{error.plainly} {_LISTING[error.listing]}".rstrip()
            return self._problem(problem, Nearby(error.near) if error.near else None)
        except ValidationError as error:
            return self._problem(_wrong(error))
        except UsageError as error:
            return self._problem(error.plainly or _UNEXPECTED, Nearby(error.near) if error.near else None)
        except InvalidInput as error:
            return self._problem(no_region() if lacks_region(error) else f"{error.field}: expected {error.expected}.")
        except (BotoCoreError, ClientError, PynamoDBException) as error:
            return self._problem(explained(error))
        except MissingPart as error:
            return self._problem(f"{error}.")
        except Exception:  # noqa: BLE001 an agent's session goes on; its log has the reason
            traceback.print_exc(file=sys.stderr)
            return self._problem(_UNEXPECTED)

    def _answer(self, excerpt: Excerpt) -> Answer[Any]:
        return Answer(self._answered(), excerpt.content, left_out=excerpt.left_out)

    def _problem(self, problem: str, near: Nearby | None = None) -> dict[str, Any]:
        return fitted(lambda most: Answer(self._answered(), near, problem), "Give more of the name.")

    def _answered(self) -> Answered:
        source = self._opening.source
        if source.book is not None:
            return Answered("folder", _end(str(source.book)))
        opened = self._opening.opened
        stack = opened.stack if opened else None
        account = stack.account if stack else None
        region = stack.region if stack else source.region
        return Answered(*(("table", source.table) if source.table else ("stack", source.stack)), account, region)


def _without_nulls(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are given: some clients send null for each one that is not."""
    return {name: value for name, value in arguments.items() if value is not None}


def _wrong(error: ValidationError) -> str:
    """Which arguments are wrong and what was expected, without other people's text."""
    said = {str(each["loc"][0]): _expected(each) for each in error.errors(include_input=False)}
    return "; ".join(f"{name}: expected {expected}" for name, expected in said.items()) + "."


def _expected(error: ErrorDetails) -> str:
    return _EXPECTED.get(error["type"], "another value").format(**error.get("ctx", {}))


def _end(path: str) -> str:
    """The path, or its end if it is long: an answer has room for little else than the answer."""
    return path if len(path) <= _LONGEST_PATH else f"…{path[1 - _LONGEST_PATH :]}"


def _report(book: Book, name: str) -> Mapping[str, Any]:
    return to_dict(find_sweep(book, name).analysis())


def _curves(book: Book, name: str) -> Mapping[str, Any]:
    kept = book.curves(best_record(find_jobs_or_job(book, name)))
    if kept is None:
        raise UsageError(NOTHING_KEPT, NOTHING_KEPT)
    return {**to_data(kept), "log": kept.log}


def _in_detail(book: Book, name: str) -> Mapping[str, Any]:
    found = find_job_or_sweep(book, name)
    if isinstance(found, Sweep):
        return sweep_line_in_detail(found, ())
    return job_line_in_detail(found, book.ledger.attachments.get(found.key), (), log_end(book, found))


_RESOURCES: Mapping[str, Callable[[Book, str], Mapping[str, Any]]] = {
    "report": _report,
    "curves": _curves,
    "job": _in_detail,
}
