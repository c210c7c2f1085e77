"""Names as people type them: prefixes, a sweep's `#2`, an experiment for its latest sweep."""

import re
from itertools import islice

from trialbook.core.jobs import JobKind
from trialbook.core.names import same_name
from trialbook.core.sweeps import Sweep as SweepFacts
from trialbook.errors import Listing, UnknownName
from trialbook_book.book import Book
from trialbook_book.jobs import Jobs, Sweep
from trialbook_book.records import Record
from trialbook_book.suggestions import MOST_SHOWN, experiment_names, several, sweep_names, unknown

_RANKED = re.compile(r"(?P<name>[^#]+)#(?P<rank>[1-9][0-9]{0,5})")
_MOST_READ = 5000  # jobs of an experiment that a prefix is compared with
_SAME_LETTERS = 3  # with which a typo still begins like its name


def find_sweep(book: Book, name: str) -> Sweep:
    """The sweep of that name; the latest one of an experiment. Raises UnknownName."""
    return book.find(name).latest()


def find_experiment(book: Book, name: str) -> str:
    """The experiment of that name or unambiguous prefix. Raises UnknownName with the nearest names."""
    near = [each.name for each in book.ledger.experiments_like(name)] if name.strip() else []
    found = [each for each in near if same_name(each) == same_name(name)] or near
    if len(found) == 1:
        return found[0]
    if found:
        raise several(name, found, "experiments")
    raise unknown(name, "experiment", experiment_names(book.ledger), Listing.EXPERIMENTS)


def find_job_or_sweep(book: Book, name: str) -> Record | SweepFacts:
    """The job of that name, ARN or unambiguous prefix; NAME#2 is the second best of a sweep or experiment. Or the sweep
    of that name or unambiguous prefix; of an experiment's name, its latest sweep. Raises UnknownName with the nearest
    names."""
    exact = _ranked_or_exact_job(book, name) or book.ledger.sweep(name) or _latest_of(book, name)
    if exact is not None:
        return exact
    jobs, sweeps = jobs_like(book, name, MOST_SHOWN + 1), book.ledger.sweeps_like(name)
    if len(jobs) + len(sweeps) == 1:
        return jobs[0] if jobs else book.sweep(sweeps[0]).facts
    if jobs or sweeps:
        raise several(name, [*sweeps, *(each.job.name for each in jobs)])
    raise unknown(name, "job or sweep", [*_job_names(book, name), *sweep_names(book.ledger)], Listing.JOBS)


def find_jobs_or_job(book: Book, name: str) -> Jobs | Record:
    """A sweep or experiment, or a job that is not a tuning job: that name means its sweep. Raises UnknownName."""
    job = _ranked_or_exact_job(book, name)
    if job is not None and job.key.kind is not JobKind.TUNING:
        return job
    try:
        return book.find(name)
    except UnknownName:
        jobs = jobs_like(book, name, MOST_SHOWN + 1)
        if len(jobs) == 1:
            return jobs[0]
        fits = [*_fitting(book, name), *(each.job.name for each in jobs)]
        if fits:
            raise several(name, fits) from None
        known = [*experiment_names(book.ledger), *sweep_names(book.ledger), *_job_names(book, name)]
        raise unknown(name, "job, sweep or experiment", known, Listing.NAMES) from None


def _latest_of(book: Book, experiment: str) -> SweepFacts | None:
    """The latest sweep of the experiment that has exactly this name."""
    near = [each.name for each in book.ledger.experiments_like(experiment)] if experiment.strip() else []
    found = next((each for each in near if same_name(each) == same_name(experiment)), None)
    return None if found is None else next(iter(book.ledger.sweeps_page(found, 1).entries), None)


def _ranked_or_exact_job(book: Book, name: str) -> Record | None:
    if ranked := _RANKED.fullmatch(name):
        return _ranked(book.find(ranked["name"]), int(ranked["rank"]))
    try:
        return book.job(name)
    except UnknownName as error:
        if error.near or name.startswith("arn:"):
            raise
        return None


def jobs_like(book: Book, beginning: str, most: int) -> list[Record]:
    """Up to `most` jobs whose name begins so, from experiments whose names begin alike. Scans nothing."""
    wanted = same_name(beginning)
    if not wanted.strip():
        return []
    found = (
        record
        for experiment in _homes(book, wanted)
        for record in islice(book.ledger.experiment_records(experiment), _MOST_READ)
        if same_name(record.job.name).startswith(wanted) and record.key.kind is not JobKind.TUNING
    )
    unique = {record.key: Record.of(record) for record in islice(found, most)}
    return sorted(unique.values(), key=lambda record: record.key)


def _fitting(book: Book, prefix: str) -> list[str]:
    """The experiments and sweeps that begin so."""
    if not prefix.strip():
        return []
    return [*(each.name for each in book.ledger.experiments_like(prefix)), *book.ledger.sweeps_like(prefix)]


def _homes(book: Book, beginning: str) -> list[str]:
    """The experiments where a job of that prefix is likely: jobs are named after them as a rule."""
    words = beginning.split("-")
    known = [each.name for each in book.ledger.experiments_like(words[0])]
    return [
        each for each in known if beginning.startswith(same_name(each)) or same_name(each).startswith(beginning)
    ] or known


def _ranked(jobs: Jobs, rank: int) -> Record:
    entries = jobs.page(rank).entries
    if len(entries) < rank:
        raise UnknownName(
            f"{jobs.name}#{rank}",
            f"{jobs.name} has {len(entries)} jobs, so there is no #{rank}.",
            plainly=f"It has {len(entries)} jobs, so there is no #{rank}.",
        )
    return entries[rank - 1]


def _job_names(book: Book, name: str) -> list[str]:
    """Names of jobs that `name` may be a typo of: of experiments that begin with the same few letters."""
    return [
        record.job.name
        for experiment in book.ledger.experiments_like(same_name(name)[:_SAME_LETTERS])
        for record in islice(book.ledger.experiment_records(experiment.name), _MOST_READ)
    ]
