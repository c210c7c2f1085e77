"""The book as Python programs and the command line ask it: a deployed ledger, or one in a folder."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialbook.core.errors import InvalidInput
from trialbook.core.experiments import Experiment
from trialbook.core.job_names import base_job_name
from trialbook.core.jobs import JobKey, JobKind
from trialbook.core.names import same_name
from trialbook.core.objectives import Objective
from trialbook.core.places import Place, plain_name
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record, Sweep
from trialbook_book.columns import Columns, job_columns, sweep_columns
from trialbook_book.paged import Page, PagedLedger

if TYPE_CHECKING:
    import pandas as pd
    from botocore.session import Session

    from trialbook.core.analysis.model import Analysis
    from trialbook.services import Services
    from trialbook_book.stacks import Deployed


class Book:
    """A lab book to ask. Made by `Book.open`; nothing is called before the first question."""

    def __init__(self, ledger: PagedLedger, stack: "Deployed | None" = None) -> None:
        self.ledger = ledger
        self.stack = stack

    @staticmethod
    def open(
        stack: str = "trialbook",
        *,
        table: str | None = None,
        folder: str | Path | None = None,
        profile: str | None = None,
        region: str | None = None,
        fresh: bool = False,
    ) -> "Book":
        """The book of a deployed stack; with `table`, of that table; with `folder`, the one that a replay, an export or
        a backfill left there. With `fresh`, CloudFormation is asked for the table even if it was a moment ago: for
        those who write. Raises InvalidInput if the book is not there."""
        if folder is not None:
            from trialbook_book.folder import open_folder

            return Book(open_folder(Path(folder)))
        session = session_of(profile, region)
        if table:
            return Book(_ledger(session, table))
        from trialbook_book.stacks import deployed

        found = deployed(session, stack, fresh=fresh)
        return Book(_ledger(session, found.table), found)

    def experiments(self) -> Iterator[Experiment]:
        """All experiments by name, with what their best job is worth."""
        yield from self.ledger.experiments

    def sweeps(self, experiment: str | None = None) -> Iterator[Sweep]:
        """The sweeps of an experiment, or all of them, in order of time."""
        yield from self.ledger.sweeps_of(experiment) if experiment else self.ledger.sweeps()

    def sweep(self, name: str) -> "Jobs":
        """A sweep's jobs. Raises InvalidInput where no sweep has the name or alone begins so."""
        found = self.find(name)
        if not found.is_sweep:
            raise InvalidInput(
                "sweep", name, f"a sweep; it is an experiment, whose sweeps are {self._sweep_names(name)}"
            )
        return found

    def experiment(self, name: str) -> "Jobs":
        """An experiment's jobs, ranked by its own objective. Raises InvalidInput where there is none."""
        found = self.find(name)
        if found.is_sweep:
            raise InvalidInput("experiment", name, "an experiment; it is a sweep")
        return found

    def find(self, name: str) -> "Jobs":
        """The sweep or experiment of that name, whatever its upper and lower case, or the one that alone begins so.

        An exact name costs the Query that its first page needs anyway. Raises InvalidInput, naming what is near.
        """
        if not name.strip():
            raise InvalidInput("NAME", name, _expected([]))
        for is_sweep in _likelier_first(name):
            jobs = Jobs(self, name, is_sweep)
            if jobs.first.entries:
                return jobs
        likely = self.ledger.experiments_like(name)
        experiments = [each.name for each in likely]
        exact = _named(name, experiments)
        sweeps = [] if exact else self.ledger.sweeps_like(name)
        exact = exact or _named(name, sweeps)
        near = exact or [*experiments, *sweeps]
        if len(near) == 1:
            return Jobs(self, near[0], not experiments or near[0] not in experiments)
        raise InvalidInput("NAME", name, _expected(near))

    def _sweep_names(self, experiment: str) -> str:
        return ", ".join(sweep.id for sweep in self.ledger.sweeps_page(experiment, 3).entries) or "none"

    def job(self, name: str) -> Record:
        """A job by its name, in whatever account and region it ran, or by its ARN. Raises InvalidInput where the ledger
        has none, or several of the name. Two requests."""
        keys = [_key_of_arn(name)] if name.startswith("arn:") else self._keys(name)
        found = sorted(self.ledger.records(keys), key=lambda record: record.key)
        if not found:
            expected = (
                "the whole name or ARN of a job that the ledger has: trialbook trials NAME --columns job lists them"
            )
            raise InvalidInput("JOB", name, expected)
        if len(found) > 1:
            raise InvalidInput("JOB", name, f"the ARN of one of {len(found)} jobs: {', '.join(map(_arn, found))}")
        return found[0]

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
        """What use cases that only read ask for: no prices are looked up but the rules' own."""
        from trialbook.adapters.sagemaker import SageMaker
        from trialbook.services import Services

        rules = self.rules()
        return Services(self.ledger, lambda account, region: SageMaker(self.ledger.session, region), lambda: rules)

    def rules(self) -> Rules:
        """The rules document in force. A folder or a table alone has the last valid one that the ledger kept."""
        from trialbook.adapters.rules_document import read_kept_rules, read_rules

        name = self.stack.outputs.get("RulesParameter") if self.stack else None
        if name is None:
            return read_kept_rules(self.ledger.notes.get("rules") or "")
        client: Any = self.ledger.session.create_client("ssm")
        try:
            text = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except client.exceptions.ParameterNotFound:
            return Rules()
        return read_rules(text)


class Jobs:
    """The jobs of a sweep or an experiment, best first."""

    def __init__(self, book: Book, name: str, is_sweep: bool) -> None:
        self.book, self.name, self.is_sweep = book, name, is_sweep

    @cached_property
    def first(self) -> Page[Record]:
        """The best job alone: one Query that reads one item; of an experiment also its entry."""
        if self.is_sweep:
            return self.book.ledger.ranking_page(self.name, 1)
        page = self._ahead[1]
        return Page(tuple(map(_in_experiment, page.entries)), page.cursor)

    @property
    def leading(self) -> Objective | None:
        """What an experiment is ranked by, as its page and the weekly report have it. None of a sweep, and until an
        experiment's first sweep or single job has closed: then the first objective by name leads."""
        return None if self.is_sweep else self._ahead[0]

    @cached_property
    def _ahead(self) -> tuple[Objective | None, Page[Record]]:
        return self.book.ledger.experiment_ahead(self.name)

    def page(self, limit: int, cursor: str | None = None) -> Page[Record]:
        """Some jobs, best first, and where to go on. Jobs that do not rank come last."""
        if self.is_sweep:
            return self.book.ledger.ranking_page(self.name, limit, cursor)
        page = self.book.ledger.experiment_ranking_page(self.name, limit, cursor, self.leading)
        return Page(tuple(map(_in_experiment, page.entries)), page.cursor)

    def best(self) -> Record | None:
        """The best job, None where no job ranks."""
        ranked = [record for record in self.first.entries if record.ranks and record.value is not None]
        return ranked[0] if ranked else None

    def records(self) -> Iterator[Record]:
        """All jobs, best first; a Query for each megabyte."""
        ledger = self.book.ledger
        if self.is_sweep:
            yield from ledger.ranking(self.name)
        else:
            yield from map(_in_experiment, ledger.experiment_records(self.name, self.leading))

    def to_columns(self) -> Columns:
        """All jobs as columns."""
        return job_columns(list(self.records()))

    def to_pandas(self) -> "pd.DataFrame":
        """All jobs as a DataFrame, best first: times with zone, numbers as numbers. Needs the extra `pandas`."""
        return frame(self.to_columns())

    def analysis(self) -> "Analysis":
        """A sweep's analysis, as its report tells it. Raises InvalidInput for an experiment."""
        from trialbook.build_report import analysis_of

        sweep = self.book.ledger.sweep(self.name) if self.is_sweep else None
        if sweep is None:
            raise InvalidInput("sweep", self.name, f"a sweep, such as {self.book._sweep_names(self.name)}")  # noqa: SLF001
        return analysis_of(sweep, list(self.records()), self.book.services())


def frame(columns: Columns) -> "pd.DataFrame":
    """Columns as a DataFrame. Raises InvalidInput where pandas is not installed."""
    try:
        import pandas as pd
    except ImportError:
        raise InvalidInput("pandas", "not installed", "pip install 'trialbook[pandas]'") from None
    made = pd.DataFrame(columns)
    for name, values in columns.items():
        if name in ("started_at", "ended_at"):
            made[name] = pd.to_datetime(made[name], utc=True)
        elif any(isinstance(value, int) for value in values) and None in values:
            is_whole = not any(isinstance(value, float) for value in values)
            made[name] = pd.array(values, dtype="Int64") if is_whole else made[name].astype("float64")
    return made


def sweeps_frame(sweeps: Sequence[Sweep]) -> "pd.DataFrame":
    """Sweeps as a DataFrame."""
    return frame(sweep_columns(sweeps))


def session_of(profile: str | None, region: str | None) -> "Session":
    """A botocore session of a profile and region; of the environment's where they are not given."""
    from botocore.session import Session

    from trialbook.runtime.aws_clients import prepared

    session = prepared(Session(profile=profile))
    if region:
        session.set_config_variable("region", region)
    if not session.get_config_variable("region"):
        raise InvalidInput("--region", None, "an AWS region: --region, the profile's, or AWS_DEFAULT_REGION")
    return session


def _ledger(session: "Session", table: str) -> PagedLedger:
    return PagedLedger(table, region=session.get_config_variable("region"), session=session)


def _likelier_first(name: str) -> tuple[bool, bool]:
    """Whether to look for a sweep first. Loops and tags have @ and ~ in their id, tuning jobs a time as a rule."""
    plain = plain_name(name)
    is_sweep = "@" in name or "~" in name or base_job_name(plain) != plain
    return is_sweep, not is_sweep


def _named(name: str, candidates: Sequence[str]) -> list[str]:
    """Those of that name, whatever its upper and lower case; where there is none at home, those of other places."""
    exact = [each for each in candidates if same_name(each) == same_name(name)]
    return exact or [each for each in candidates if same_name(plain_name(each)) == same_name(name)]


def _arn(record: Record) -> str:
    key = record.key
    return record.job.arn or f"{key.kind.value} {key.name} in {key.account}, {key.region}"


def _in_experiment(record: Record) -> Record:
    """An experiment's job, told with the objective that it is ranked by there."""
    return replace(record, objective=record.experiment_objective, value=record.experiment_value)


def _expected(near: Sequence[str]) -> str:
    if near:
        return f"the name of a sweep or an experiment; it fits {', '.join(near[:5])}{' …' if len(near) > 5 else ''}"
    return "the name of a sweep or an experiment: trialbook experiments and trialbook sweeps list them"


def _key_of_arn(arn: str) -> JobKey:
    """The job of arn:aws:sagemaker:REGION:ACCOUNT:training-job/NAME."""
    parts = arn.split(":", 5)
    kinds = {kind.value.lower().removesuffix("job"): kind for kind in JobKind}
    word, _, name = parts[-1].partition("/")
    kind = kinds.get(word.replace("-", "").removesuffix("job"))
    if len(parts) != 6 or kind is None or not name:
        raise InvalidInput("JOB", arn, "an ARN such as arn:aws:sagemaker:REGION:ACCOUNT:training-job/NAME")
    return JobKey(parts[4], parts[3], kind, name)
