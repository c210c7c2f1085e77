"""The book as Python programs and the command line ask it: a deployed ledger, or one in a folder."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialbook.core.job_names import base_job_name
from trialbook.core.jobs import JobKey, JobKind
from trialbook.core.messages.texts import visible
from trialbook.core.names import same_name
from trialbook.core.places import Place, plain_name
from trialbook.errors import InvalidArgument, Listing, UnknownName
from trialbook_book.jobs import Experiment, Experiments, Sweep, Sweeps
from trialbook_book.paged import PagedLedger
from trialbook_book.records import Record

if TYPE_CHECKING:
    from botocore.session import Session

    from trialbook.adapters.s3 import Readable
    from trialbook.core.curves.series import JobCurves
    from trialbook.core.rules.document import Rules
    from trialbook.core.sweeps import Record as LedgerRecord
    from trialbook.core.sweeps import Sweep as SweepFacts
    from trialbook.services import Services
    from trialbook_book.curves import Curves
    from trialbook_book.stacks import Deployed

_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]*|arn:.*")


class Book:
    """A lab book to ask. Made by `Book.open`; nothing is called before the first question."""

    def __init__(
        self, ledger: PagedLedger, stack: "Deployed | None" = None, source: str = "", folder: Path | None = None
    ) -> None:
        self.ledger = ledger
        self.stack = stack
        self.source = source
        self.folder = folder

    @staticmethod
    def open(
        source: str | Path | None = None,
        *,
        stack: str = "trialbook",
        table: str | None = None,
        folder: str | Path | None = None,
        profile: str | None = None,
        region: str | None = None,
        fresh: bool = False,
    ) -> "Book":
        """The book in a folder that demo, replay, an export or a backfill wrote, or of a deployed stack.

        `source` is either; `folder` and `stack` say which, `table` names the ledger's table itself. With `fresh`,
        CloudFormation is asked for the table even if it was a moment ago: for those who write. Raises InvalidArgument
        if the book is not there."""
        if source is not None and folder is None and _is_folder(source):
            folder = source
        elif isinstance(source, str):
            stack = source
        if folder is not None:
            from trialbook_book.folder import open_folder

            path = Path(folder).expanduser()
            return Book(open_folder(path), source=f"folder {folder}", folder=path)
        session = session_of(profile, region, "" if source is None else f"; {source} is no folder with a book")
        where = session.get_config_variable("region")
        if table:
            return Book(_ledger(session, table), source=f"table {table} in {where}")
        from trialbook_book.stacks import deployed

        found = deployed(session, stack, fresh=fresh)
        return Book(_ledger(session, found.table), found, f"stack {stack} in {found.account}, {found.region}")

    def experiments(self) -> Experiments:
        """All experiments by name, with what their best job is worth."""
        return Experiments(lambda: (Experiment(self, each.name, each) for each in self.ledger.experiments))

    def sweeps(self, experiment: str | None = None) -> Sweeps:
        """The sweeps of an experiment, or all of them, in order of time."""
        return Sweeps(lambda: (Sweep(self, each.id, each) for each in self._sweeps(experiment)))

    def _sweeps(self, experiment: str | None) -> "Iterator[SweepFacts]":
        yield from self.ledger.sweeps_of(experiment) if experiment else self.ledger.sweeps()

    def __getitem__(self, name: str) -> Sweep | Experiment:
        """The sweep or experiment of that name or unambiguous prefix. Raises UnknownName."""
        return self.find(name)

    def __contains__(self, name: object) -> bool:
        """Whether a sweep or experiment has the name, whatever its upper and lower case."""
        return isinstance(name, str) and any(self._exact(name))

    def __len__(self) -> int:
        return len(self.experiments())

    def __iter__(self) -> Iterator[Experiment]:
        return iter(self.experiments())

    def __repr__(self) -> str:
        return f"<Book {visible(self.source)}>"

    def _repr_html_(self) -> str:
        from trialbook_book.html import MOST_EXPERIMENTS, book_html

        page = self.ledger.experiments_page(MOST_EXPERIMENTS)
        return book_html(self.source, page.entries, are_all=not page.cursor)

    def _ipython_key_completions_(self) -> list[str]:
        return [each.name for each in self.experiments()]

    def sweep(self, name: str) -> Sweep:
        """A sweep and its jobs. Raises UnknownName if no sweep has the name or alone begins so."""
        found = self.find(name)
        if isinstance(found, Sweep):
            return found
        said = f"{found.name} is an experiment; its sweeps are {self._sweep_names(found.name)}."
        raise UnknownName(name, said, plainly="It is an experiment.")

    def experiment(self, name: str) -> Experiment:
        """An experiment and its jobs, ranked by its own objective. Raises UnknownName if there is none."""
        found = self.find(name)
        if isinstance(found, Experiment):
            return found
        raise UnknownName(name, f"{found.name} is a sweep of {found.experiment}.", plainly="It is a sweep.")

    def find(self, name: str) -> Sweep | Experiment:
        """The sweep or experiment of that name, whatever its upper and lower case, or the one that alone begins so.

        An exact name costs the Query that its first page needs anyway. Raises UnknownName, naming what is near.
        """
        from trialbook_book.suggestions import several, unknown_jobs

        for jobs in self._exact(name):
            return jobs
        if not name.strip():
            raise unknown_jobs(self.ledger, name)
        experiments = [each.name for each in self.ledger.experiments_like(name)]
        exact = _named(name, experiments)
        sweeps = [] if exact else self.ledger.sweeps_like(name)
        near = exact or _named(name, sweeps) or [*experiments, *sweeps]
        if len(near) == 1:
            return self._jobs(near[0], is_sweep=near[0] not in experiments)
        raise several(name, near) if near else unknown_jobs(self.ledger, name)

    def _exact(self, name: str) -> "Iterator[Sweep | Experiment]":
        """The sweep or experiment that has jobs under that very name."""
        for is_sweep in _likelier_first(name) if name.strip() else ():
            jobs = self._jobs(name, is_sweep=is_sweep)
            if jobs.first.entries:
                yield jobs

    def _jobs(self, name: str, *, is_sweep: bool) -> Sweep | Experiment:
        return Sweep(self, name) if is_sweep else Experiment(self, name)

    def _sweep_names(self, experiment: str) -> str:
        return ", ".join(sweep.id for sweep in self.ledger.sweeps_page(experiment, 3).entries) or "none"

    def job(self, name: str) -> Record:
        """A job by its name, in whatever account and region it ran, or by its ARN. Raises UnknownName if the ledger has
        none, or several of the name. Two requests."""
        keys = [_key_of_arn(name)] if name.startswith("arn:") else self._keys(name)
        found = sorted(self.ledger.records(keys), key=lambda record: record.key)
        if not found:
            raise UnknownName(name, f"No job is named {name!a}.", (), Listing.JOBS, plainly="No job has that name.")
        if len(found) > 1:
            arns = [_arn(each) for each in found]
            plainly = f"{len(found)} jobs have the name: give the ARN of one."
            raise UnknownName(
                name,
                f"{name!a} is not unique: give the ARN of one of {len(found)} jobs: {', '.join(arns)}.",
                arns,
                plainly=plainly,
            )
        return Record.of(found[0])

    def curves(self, job: "str | LedgerRecord") -> "Curves | None":
        """How a training job learned: its metrics by iteration or time, the use of its machines, and the end of its log
        if it failed. None if nothing was kept. Raises UnknownName."""
        from trialbook_book.curves import curves_of

        return curves_of((self.job(job) if isinstance(job, str) else job).key, self._kept())

    def log_end(self, job: "str | LedgerRecord") -> str:
        """The last lines of a failed training job's log, at most 2 KB, without secrets; empty if none were kept. Raises
        UnknownName."""
        from trialbook_book.curves import log_of

        return log_of((self.job(job) if isinstance(job, str) else job).key, self._kept())

    def _kept(self) -> "Callable[[str], bytes | None]":
        """Reads what capture_job keeps."""
        from trialbook_book.curves import from_bucket, from_folder

        return from_folder(self.folder) if self.folder else from_bucket(self.stack, self._open_bucket)

    def kept_curves(self, keys: "Collection[JobKey]") -> "Mapping[JobKey, JobCurves]":
        """The curves that are kept of jobs, by job, for a report; none in a table alone. Files that can't be read are
        left out."""
        from trialbook.adapters.captured import all_captured_curves

        files = self.kept_files()
        return all_captured_curves(keys, files) if files else {}

    def kept_files(self) -> "Readable | None":
        """A reader of what was kept of jobs, in the folder or the stack's bucket; None for a table alone."""
        from trialbook.adapters.s3 import Bucket
        from trialbook_book.curves import FolderStore

        if self.folder:
            return FolderStore(self.folder)
        bucket = self.stack.outputs.get("ReportsBucket") if self.stack else None
        return Bucket(self.ledger.session, bucket) if bucket else None

    def _open_bucket(self, name: str) -> "Callable[[str], bytes | None]":
        from trialbook.adapters.s3 import Bucket

        return Bucket(self.ledger.session, name).get

    def _keys(self, name: str) -> list[JobKey]:
        return [JobKey(each.account, each.region, kind, name) for each in self.places for kind in JobKind]

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where jobs are looked for by name: in every account and region whose jobs the book holds. A book that has not
        noted them yet is asked for its newest sweep."""
        noted = self.ledger.places.get()
        if noted.known and not noted.were_mixed:
            return noted.known
        newest = [Place(each.account, each.region) for each in self.ledger.sweeps_page(None, 1).entries]
        stack = [Place(self.stack.account, self.stack.region)] if self.stack else []
        first = (Place.of(each.key) for each in islice(self.ledger.jobs(), 0 if noted.known or newest else 1))
        return tuple(dict.fromkeys((*noted.known, *stack, *newest, *first)))

    def services(self) -> "Services":
        """Services for use cases that only read: no prices but the rules' own."""
        from trialbook.adapters.sagemaker import SageMaker
        from trialbook.services import Services

        rules = self.rules()
        return Services(self.ledger, lambda account, region: SageMaker(self.ledger.session, region), lambda: rules)

    def rules(self) -> "Rules":
        """The rules document in force. A folder or a table alone has the last valid one that the ledger kept."""
        from trialbook.adapters.rules_document import read_kept_rules, read_rules
        from trialbook.core.rules.document import Rules

        name = self.stack.outputs.get("RulesParameter") if self.stack else None
        if name is None:
            return read_kept_rules(self.ledger.notes.get("rules") or "")
        client: Any = self.ledger.session.create_client("ssm")
        try:
            text = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except client.exceptions.ParameterNotFound:
            return Rules()
        return read_rules(text)


def session_of(profile: str | None, region: str | None, besides: str = "") -> "Session":
    """A botocore session of a profile and region; of the environment's if they are not given."""
    from botocore.session import Session

    from trialbook.runtime.aws_clients import prepared

    session = prepared(Session(profile=profile))
    if region:
        session.set_config_variable("region", region)
    if not session.get_config_variable("region"):
        expected = f"an AWS region: region=, the profile's, or AWS_DEFAULT_REGION{besides}"
        raise InvalidArgument("region", None, expected)
    return session


def _is_folder(source: str | Path) -> bool:
    """Whether a book is to be looked for in a folder: no stack's name has a slash or a dot."""
    from trialbook_book.folder import has_book

    return isinstance(source, Path) or not _STACK.fullmatch(source) or has_book(Path(source).expanduser())


def _ledger(session: "Session", table: str) -> PagedLedger:
    return PagedLedger(table, region=session.get_config_variable("region"), session=session)


def _likelier_first(name: str) -> tuple[bool, bool]:
    """Whether to look for a sweep first. Loops and tags have @ and ~ in their id, tuning jobs a time as a rule."""
    plain = plain_name(name)
    is_sweep = "@" in name or "~" in name or base_job_name(plain) != plain
    return is_sweep, not is_sweep


def _named(name: str, candidates: Sequence[str]) -> list[str]:
    """Those of that name, whatever its upper and lower case; if there is none at home, those of other places."""
    exact = [each for each in candidates if same_name(each) == same_name(name)]
    return exact or [each for each in candidates if same_name(plain_name(each)) == same_name(name)]


def _arn(record: "LedgerRecord") -> str:
    key = record.key
    return record.job.arn or f"{key.kind.value} {key.name} in {key.account}, {key.region}"


def _key_of_arn(arn: str) -> JobKey:
    """The job of arn:aws:sagemaker:REGION:ACCOUNT:training-job/NAME."""
    parts = arn.split(":", 5)
    kinds = {kind.value.lower().removesuffix("job"): kind for kind in JobKind}
    word, _, name = parts[-1].partition("/")
    kind = kinds.get(word.replace("-", "").removesuffix("job"))
    if len(parts) != 6 or kind is None or not name:
        plainly = "The ARN of a job is like arn:aws:sagemaker:REGION:ACCOUNT:training-job/NAME."
        raise UnknownName(arn, f"{arn!a} is not the ARN of a job. {plainly}", plainly=plainly)
    return JobKey(parts[4], parts[3], kind, name)
