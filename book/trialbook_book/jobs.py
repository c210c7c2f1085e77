"""Sweeps and experiments with their jobs, as Python and the command line ask for them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, SupportsIndex, overload

from trialbook.core.experiments import Experiment as ExperimentFacts
from trialbook.core.messages.texts import visible
from trialbook.core.numbers import shown
from trialbook.core.objectives import Objective
from trialbook.core.sweeps import Counts, SweepKind, SweepState
from trialbook.core.sweeps import Record as LedgerRecord
from trialbook.core.sweeps import Sweep as SweepFacts
from trialbook.errors import UnknownName
from trialbook_book.asked import Asked
from trialbook_book.columns import Columns, job_columns
from trialbook_book.listing import Listing
from trialbook_book.paged import After, Page
from trialbook_book.records import Record, Records, records_of

if TYPE_CHECKING:
    import pandas as pd

    from trialbook.core.analysis.model import Analysis
    from trialbook_book.curves import CurvesOfJobs
    from trialbook_book.plots import Plot
    from trialbook_book.reports import Report


class Jobs:
    """The jobs of a sweep or an experiment, best first: a sequence of records, read once and then kept."""

    is_sweep = False

    def __init__(self, book: Asked, name: str) -> None:
        self.book, self.name = book, name

    @property
    def first(self) -> Page[Record]:
        """The best job alone, with the facts that `best` shows: one Query that reads one row; of an experiment also
        its entry's."""
        raise NotImplementedError

    def page(self, limit: int, after: After = None) -> Page[Record]:
        """Some jobs, best first, and where to continue. Jobs that do not rank come last. `after` is the cursor of the
        page before, or the number of jobs to skip."""
        raise NotImplementedError

    def count(self) -> int:
        """The number of jobs, without reading them; a Query for each megabyte."""
        raise NotImplementedError

    def records(self) -> Iterator[Record]:
        """All jobs, best first, read again; a Query for each megabyte."""
        raise NotImplementedError

    def latest(self) -> "Sweep":
        """The sweep itself; of an experiment, its latest sweep."""
        raise NotImplementedError

    # -- a sequence of records ----------------------------------------------------------------------------------------

    @cached_property
    def _all(self) -> Records:
        return Records(self.records())

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._all)

    @overload
    def __getitem__(self, at: SupportsIndex) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> Records: ...
    def __getitem__(self, at: SupportsIndex | slice) -> Record | Records:
        return self._all[at]

    def __contains__(self, job: object) -> bool:
        """Whether a job is among them, given as record or by name."""
        return any(job in (record, record.name) for record in self._all)

    # -- answers ------------------------------------------------------------------------------------------------------

    def best(self) -> Record | None:
        """The best job, None if no job ranks."""
        ranked = [record for record in self.first.entries if record.ranks and record.value is not None]
        return self.whole(ranked[0]) if ranked else None

    def whole(self, record: Record) -> Record:
        """The record with all its facts, by one request."""
        found = self.book.ledger.record(record.key)
        return record if found is None else Record.of(self._seen(found))

    def _seen(self, record: LedgerRecord) -> LedgerRecord:
        """A job as its ranking has it."""
        return record

    def analysis(self) -> "Analysis":
        """The analysis, as the report tells it. Of an experiment, that of its latest sweep."""
        return self.latest().analysis()

    def plot(self, kind: str | None = None) -> "Plot":
        """A chart of the report's page, by default the one that tells most; a notebook shows it. `plots()` has all.
        Raises InvalidArgument for a kind of chart that the sweep has none of."""
        from trialbook_book.plots import plot_of

        return plot_of(self.analysis(), kind)

    def plots(self) -> "dict[str, Plot]":
        """All charts of the report's page by kind, the one that tells most first."""
        from trialbook_book.plots import plots_of

        return plots_of(self.analysis())

    def report(self, folder: str | Path | None = None) -> "Report":
        """The report: its page, picture and figures, written to a folder if one is given. Of an experiment, that of its
        latest sweep. Raises MissingPart if what draws is not installed."""
        from trialbook_book.reports import Report

        report = Report(self.analysis())
        if folder is not None:
            report.save(folder)
        return report

    def curves(self, limit: int | None = None) -> "CurvesOfJobs":
        """How the jobs learned, best first: of all, or of the `limit` best ones, as far as curves were kept. Two
        GetObject of S3 for each job."""
        from trialbook_book.curves import CurvesOfJobs

        records = self._all if limit is None else self.page(limit).entries
        return CurvesOfJobs(kept for record in records if (kept := self.book.curves(record)) is not None)

    def to_columns(self) -> Columns:
        """All jobs as columns."""
        return job_columns(self._all)

    def to_pandas(self) -> "pd.DataFrame":
        """All jobs as a DataFrame, best first: times with zone, numbers as numbers. Metrics and hyperparameters are
        columns of their own names; if a name is taken, of `metrics.NAME` and `hyper_parameters.NAME`. Raises
        MissingPart if pandas is not installed."""
        return self._all.to_pandas()

    def _said(self, counts: Counts | None) -> str:
        """The facts that were read already, for a repr: no repr makes a call."""
        said = [visible(self.name)]
        if counts is not None:
            said.append(f"{counts.completed} of {counts.jobs} completed")
        return ", ".join(said)


class Sweep(Jobs):
    """A sweep: what the ledger holds of it, and its jobs, best first."""

    is_sweep = True

    def __init__(self, book: Asked, name: str, facts: SweepFacts | None = None) -> None:
        super().__init__(book, name)
        if facts is not None:
            self.facts = facts

    @cached_property
    def facts(self) -> SweepFacts:
        """The sweep as the ledger holds it. Raises UnknownName if it has been deleted."""
        found = self.book.ledger.sweep(self.name)
        if found is None:
            plainly = "The sweep has been deleted."
            raise UnknownName(self.name, f"Sweep {self.name} has been deleted.", plainly=plainly)
        return found

    @property
    def id(self) -> str:
        """The sweep's name."""
        return self.name

    @property
    def kind(self) -> SweepKind:
        """The reason why its jobs are a sweep."""
        return self.facts.kind

    @property
    def experiment(self) -> str:
        """The experiment's name."""
        return self.facts.experiment

    @property
    def state(self) -> SweepState:
        """Whether it is finished."""
        return self.facts.state

    @property
    def counts(self) -> Counts:
        """Jobs by status."""
        return self.facts.counts

    @property
    def objective(self) -> Objective | None:
        """The objective that ranks its jobs."""
        return self.facts.objective

    @property
    def began_at(self) -> datetime | None:
        """When its first job was launched."""
        return self.facts.began_at

    @property
    def ended_at(self) -> datetime | None:
        """When its last job ended; None while jobs run."""
        return self.facts.ended_at

    @cached_property
    def first(self) -> Page[Record]:
        """The best job alone, with the facts that `best` shows: one Query that reads one row."""
        page = self.book.ledger.best_shown(self.name)
        return Page(records_of(page.entries), page.cursor)

    def page(self, limit: int, after: After = None) -> Page[Record]:
        """Some jobs, best first, and where to continue. Jobs that do not rank come last. `after` is the cursor of the
        page before, or the number of jobs to skip."""
        page = self.book.ledger.ranking_page(self.name, limit, after)
        return Page(records_of(page.entries), page.cursor)

    def count(self) -> int:
        """The number of jobs, without reading them; a Query for each megabyte."""
        return self.book.ledger.ranking_count(self.name)

    def records(self) -> Iterator[Record]:
        """All jobs, best first, read again; a Query for each megabyte."""
        yield from map(Record.of, self.book.ledger.ranking(self.name))

    def latest(self) -> "Sweep":
        """The sweep itself."""
        return self

    @cached_property
    def _analysis(self) -> "Analysis":
        from trialbook.build_report import analysis_of, with_logs

        files = self.book.kept_files()
        found = analysis_of(self.facts, list(self._all), self.book.services(), self.book.kept_curves)
        return with_logs(found, self.facts, files) if files else found

    def analysis(self) -> "Analysis":
        """The analysis, as the report tells it."""
        return self._analysis

    def __repr__(self) -> str:
        facts: SweepFacts | None = vars(self).get("facts")
        best = f", best {_worth(facts.objective, facts.best.value)}" if facts and facts.best else ""
        return f"<Sweep {self._said(facts.counts if facts else None)}{best}>"

    def _repr_html_(self) -> str:
        from trialbook_book.html import MOST_ANALYSED, ROWS, large_sweep_html, sweep_html

        if self.counts.jobs > MOST_ANALYSED:
            return large_sweep_html(self.facts, self.page(ROWS).entries)
        return sweep_html(self.analysis(), self[:ROWS], len(self))


class Sweeps(Listing[Sweep]):
    """Sweeps in order of time."""

    def to_pandas(self) -> "pd.DataFrame":
        """The sweeps as a DataFrame."""
        from trialbook_book.frames import sweeps_frame

        return sweeps_frame([each.facts for each in self])

    def _repr_html_(self) -> str:
        from trialbook_book.html import sweeps_html

        return sweeps_html([each.facts for each in self])


class Experiment(Jobs):
    """An experiment: what its entry in the ledger says, and its jobs, best first."""

    def __init__(self, book: Asked, name: str, facts: ExperimentFacts | None = None) -> None:
        super().__init__(book, name)
        if facts is not None:
            self.facts = facts

    @cached_property
    def facts(self) -> ExperimentFacts:
        """The experiment's entry in the ledger."""
        found = self.book.ledger.experiments_like(self.name)
        return next((each for each in found if each.name == self.name), ExperimentFacts(self.name))

    @property
    def counts(self) -> Counts:
        """Jobs by status, over all sweeps."""
        return self.facts.counts

    @property
    def objective(self) -> Objective | None:
        """The objective that ranks the experiment."""
        return self.facts.objective

    @property
    def best_job(self) -> str | None:
        """The best job's name."""
        return self.facts.best_job

    @property
    def best_value(self) -> float | None:
        """The best job's value."""
        return self.facts.best_value

    @property
    def last_at(self) -> datetime | None:
        """When a job was last seen in it."""
        return self.facts.last_at

    @property
    def leading(self) -> Objective | None:
        """The objective that ranks the experiment on its page and in the weekly report. None until an experiment's
        first sweep or single job has closed: then the first objective by name leads."""
        return self._ahead[0]

    @cached_property
    def _ahead(self) -> tuple[Objective | None, Page[LedgerRecord]]:
        return self.book.ledger.experiment_ahead(self.name)

    @cached_property
    def first(self) -> Page[Record]:
        """The best job alone, with the facts that `best` shows, and the experiment's entry: one Query."""
        page = self._ahead[1]
        return Page(records_of(map(_in_experiment, page.entries)), page.cursor)

    def page(self, limit: int, after: After = None) -> Page[Record]:
        """Some jobs, best first, and where to continue. Jobs that do not rank come last. `after` is the cursor of the
        page before, or the number of jobs to skip."""
        page = self.book.ledger.experiment_ranking_page(self.name, limit, after, self.leading)
        return Page(records_of(map(_in_experiment, page.entries)), page.cursor)

    def count(self) -> int:
        """The number of jobs, without reading them; a Query for each megabyte."""
        return self.book.ledger.experiment_ranking_count(self.name)

    def records(self) -> Iterator[Record]:
        """All jobs, best first, read again; a Query for each megabyte."""
        found = self.book.ledger.experiment_records(self.name, self.leading)
        yield from (Record.of(_in_experiment(record)) for record in found)

    def _seen(self, record: LedgerRecord) -> LedgerRecord:
        return _in_experiment(record)

    def sweeps(self) -> Sweeps:
        """Its sweeps, in order of time."""
        return Sweeps(lambda: (Sweep(self.book, each.id, each) for each in self.book.ledger.sweeps_of(self.name)))

    def latest(self) -> Sweep:
        """Its latest sweep. Raises UnknownName if it has none."""
        latest = self.book.ledger.sweeps_page(self.name, 1).entries
        if not latest:
            plainly = "The experiment has no sweep."
            raise UnknownName(self.name, f"Experiment {self.name} has no sweep.", plainly=plainly)
        return Sweep(self.book, latest[0].id, latest[0])

    def __repr__(self) -> str:
        facts: ExperimentFacts | None = vars(self).get("facts")
        value = facts.best_value if facts else None
        best = f", best {_worth(facts.objective, value)}" if facts and value is not None else ""
        return f"<Experiment {self._said(facts.counts if facts else None)}{best}>"

    def _repr_html_(self) -> str:
        from trialbook_book.html import ROWS, experiment_html

        return experiment_html(self.facts, self.page(ROWS).entries)


class Experiments(Listing[Experiment]):
    """Experiments by name."""

    def to_pandas(self) -> "pd.DataFrame":
        """The experiments as a DataFrame."""
        from trialbook_book.frames import experiments_frame

        return experiments_frame([each.facts for each in self])

    def _repr_html_(self) -> str:
        from trialbook_book.html import experiments_html

        return experiments_html([each.facts for each in self])


def _worth(objective: Objective | None, value: float) -> str:
    return f"{visible(objective.metric)} {shown(value)}" if objective else shown(value)


def _in_experiment(record: LedgerRecord) -> LedgerRecord:
    """An experiment's job, with the objective that it is ranked by there."""
    return replace(record, objective=record.experiment_objective, value=record.experiment_value)
