"""The facts that messages are computed from, as `events_to_messages` reads them from the ledger and the report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from trialbook.core.executions import Execution
from trialbook.core.sweeps import Record, Sweep

if TYPE_CHECKING:  # the many classes of an analysis take a tenth of a start
    from trialbook.core.analysis.model import Analysis
    from trialbook.core.messages.best_trials import BestTrials

_NONE: Mapping[str, Record] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Report:
    """A closed sweep's report as it is in the bucket. `analysis` is its digest, `former` that of the revision
    before; `url` is the signed link to its page, None if there are none."""

    analysis: "Analysis"
    bucket: str
    folder: str
    alt_text: str
    url: str | None = None
    former: "Analysis | None" = None


@dataclass(frozen=True, slots=True)
class SweepFacts:
    """A sweep as the ledger holds it, its first jobs by rank, and its report where it stands. `baselines` are the jobs
    that alerts of the rules name, by name; `failed` its failed jobs, as far as they were read, where alerts ask why;
    `run_url` where its run in MLflow is seen."""

    sweep: Sweep
    top: tuple[Record, ...] = ()
    report: Report | None = None
    baselines: Mapping[str, Record] = field(default_factory=lambda: _NONE)
    failed: tuple[Record, ...] = ()
    run_url: str | None = None


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A single job, the experiment's best job before it, its price (US dollars an hour by instance type), where its run
    in MLflow is seen, and if it failed the end of its log, where a route shows it."""

    record: Record
    before: Record | None = None
    prices: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    baselines: Mapping[str, Record] = field(default_factory=lambda: _NONE)
    run_url: str | None = None
    log: str = ""


@dataclass(frozen=True, slots=True)
class WeekFacts:
    """The jobs that ended in a period, as the event has them, and the links to the experiments' reports, by name."""

    report: "BestTrials"
    pages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ExecutionFacts:
    """A pipeline's execution as the ledger holds it."""

    execution: Execution


Facts = SweepFacts | JobFacts | WeekFacts | ExecutionFacts


def version(facts: SweepFacts) -> int:
    """Grows with each change of the sweep, and once more when the report stands."""
    return 2 * facts.sweep.version + int(facts.report is not None)
