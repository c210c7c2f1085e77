"""The best-trial report of a period, weekly as a rule: what ended, which experiments have a new best, what it took."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trialbook.core.analysis.arithmetic import share_of
from trialbook.core.analysis.parameters import shown_value
from trialbook.core.analysis.wording import cut, dollars, listed, plural
from trialbook.core.announcements import BEST_TRIALS, Announcement
from trialbook.core.codec import pack, unpack
from trialbook.core.hyper_parameters import searched
from trialbook.core.message import Link, Message, MessageKind, Mood, Section, Table
from trialbook.core.numbers import apart, gap, percent, shown, shown_text
from trialbook.core.objectives import Objective
from trialbook.core.seeds import without_seeds
from trialbook.core.sweeps import Counts, Record

REPORT_NOTES = "best-trials"  # the event's id, which is also the name of the ledger's note of the report, begins so
MOST_EXPERIMENTS = 50  # each in a row of its own; an event holds 256 KB
_MOST_CHANGES = 12  # hyperparameters
_LONGEST = 120  # characters of a value


@dataclass(frozen=True, slots=True)
class Ended:
    """A sweep, or a job by itself, that ended in the period."""

    experiment: str
    is_sweep: bool
    counts: Counts
    cost_usd: float | None
    unpriced_jobs: int


@dataclass(frozen=True, slots=True)
class Standing:
    """An experiment's best job at the end of the period, and at its beginning."""

    experiment: str
    objective: Objective | None = None
    best: Record | None = None
    former: Record | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A best trial."""

    job_name: str
    value: float
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """A hyperparameter that differs between the best trial and the one before; None where a job has none of it."""

    parameter: str
    before: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """The jobs that ended, and their time and cost. `cost_usd` sums what has a price; `unpriced_jobs` have none."""

    sweeps: int
    jobs: int
    failed: int
    cost_usd: float | None
    unpriced_jobs: int


@dataclass(frozen=True, slots=True)
class ExperimentWeek:
    """An experiment in the period. `best` is None while nothing ranks, `former` if nothing ranked before. `changes`
    are what differs between the two, of `changed` in all."""

    experiment: str
    metric: str | None
    type: str | None
    best: Trial | None
    former: Trial | None
    is_new: bool
    changes: tuple[Change, ...]
    changed: int
    taken: Taken


@dataclass(frozen=True, slots=True)
class BestTrials:
    """The report. Its `experiments` are those in which something ended, new bests first; beyond MOST_EXPERIMENTS they
    are counted in `left_out`, and in the totals."""

    since: datetime
    until: datetime
    experiments: tuple[ExperimentWeek, ...]
    left_out: int
    new_bests: int
    taken: Taken


def best_trials(
    ended: Sequence[Ended], standings: Iterable[Standing], since: datetime, until: datetime
) -> BestTrials | None:
    """The report of what ended from `since` until before `until`; None if nothing did."""
    if not ended:
        return None
    by_name = {each.experiment: each for each in standings}
    names = sorted({each.experiment for each in ended})
    experiments = [
        _week(by_name.get(name, Standing(name)), [each for each in ended if each.experiment == name]) for name in names
    ]
    experiments.sort(key=lambda each: (not each.is_new, -each.taken.jobs, each.experiment))
    return BestTrials(
        since,
        until,
        experiments=tuple(experiments[:MOST_EXPERIMENTS]),
        left_out=len(experiments[MOST_EXPERIMENTS:]),
        new_bests=sum(each.is_new for each in experiments),
        taken=_taken(ended),
    )


def _taken(ended: Sequence[Ended]) -> Taken:
    counts = sum((each.counts for each in ended), Counts())
    costs = [each.cost_usd for each in ended if each.cost_usd is not None]
    return Taken(
        sweeps=sum(each.is_sweep for each in ended),
        jobs=counts.jobs,
        failed=counts.failed,
        cost_usd=sum(costs) if costs else None,
        unpriced_jobs=sum(each.unpriced_jobs for each in ended),
    )


def _week(standing: Standing, ended: Sequence[Ended]) -> ExperimentWeek:
    best, former, objective = standing.best, standing.former, standing.objective
    is_new = best is not None and (former is None or former.key != best.key)
    changes = _changes(former, best) if is_new and former is not None and best is not None else ()
    return ExperimentWeek(
        experiment=standing.experiment,
        metric=objective.metric if objective else None,
        type=objective.type.value if objective else None,
        best=_trial(best),
        former=_trial(former) if is_new else None,
        is_new=is_new,
        changes=changes[:_MOST_CHANGES],
        changed=len(changes),
        taken=_taken(ended),
    )


def _trial(record: Record | None) -> Trial | None:
    if record is None or record.experiment_value is None:
        return None
    return Trial(record.job.name, record.experiment_value, record.job.ended_at)


def _changes(former: Record, best: Record) -> tuple[Change, ...]:
    before, now = (each.job.hyper_parameters for each in (former, best))
    return tuple(
        Change(cut(name, _LONGEST), _cut(before.get(name)), _cut(now.get(name)))
        for name in without_seeds(searched([former.job, best.job]))
    )


def _cut(text: str | None) -> str | None:
    return None if text is None else cut(shown_value(text), _LONGEST)


def announcement(report: BestTrials) -> Announcement:
    """The report as an event. There is one for each day on which a period ends."""
    return Announcement(f"{REPORT_NOTES}/{report.until:%Y-%m-%d}", BEST_TRIALS, pack(report))


def from_detail(detail: Mapping[str, object]) -> BestTrials:
    """The report that an event's detail holds. Raises TypeError where a field is missing."""
    return unpack(BestTrials, detail)


# -- the message ----------------------------------------------------------------------------------------------------

PageOf = Callable[[str], str | None]


def best_trials_message(report: BestTrials, page_of: PageOf = lambda experiment: None) -> Message:
    """The report's message. `page_of` gives the link to an experiment's report, None if there are no links."""
    period = f"{report.since:%Y-%m-%d} to {report.until:%Y-%m-%d}"
    date = f"{report.until:%Y-%m-%d}"
    answer = _answer(report)
    return Message(
        id=f"best-trials/{date}",
        about=f"best-trials/{date}",
        kind=MessageKind.BEST_TRIALS,
        mood=Mood.GOOD,
        experiment="all experiments",
        title=f"Best trials, {period}",
        subject=f"Best trials to {date}: {answer}",
        verdict=f"{answer if report.new_bests else answer.capitalize()}.",  # names of experiments stay as they are
        sentences=(f"{_spelt(report.taken)}.",) if len(report.experiments) > 1 else (),  # one says it by itself
        at=report.until,
        sections=(*(_section(each, page_of) for each in report.experiments), *_rest(report)),
    )


def _answer(report: BestTrials) -> str:
    of = len(report.experiments) + report.left_out
    new = [each for each in report.experiments if each.is_new]
    if not new:
        return f"no new best in {plural(of, 'experiment')}"
    if report.new_bests == 1 and new[0].best is not None:
        return f"{new[0].experiment} has a new best, {new[0].metric} {shown(new[0].best.value)}"
    return f"{plural(report.new_bests, 'new best', 'new bests')}: {listed([each.experiment for each in new], 3)}"


def _rest(report: BestTrials) -> tuple[Section, ...]:
    return (Section(f"And {plural(report.left_out, 'more experiment')}"),) if report.left_out else ()


def _spelt(taken: Taken) -> str:
    """`2 sweeps, 65 jobs, 3 failed, at least $4.20 (estimate)`."""
    parts = [plural(taken.sweeps, "sweep")] if taken.sweeps else []
    parts.append(plural(taken.jobs, "job"))
    parts.append(f"{taken.failed:,} failed" if taken.failed else "none failed")
    if taken.cost_usd is None:
        parts.append("cost unknown")
    else:
        least = "at least " if taken.unpriced_jobs else ""
        parts.append(f"{least}{dollars(taken.cost_usd)} (estimate)")
    return ", ".join(parts)


def _section(week: ExperimentWeek, page_of: PageOf) -> Section:
    url = page_of(week.experiment)
    return Section(
        title=_headline(week),
        sentences=(*_compared(week), f"{_spelt(week.taken)}."),
        table=_table(week),
        links=(Link("All sweeps of this experiment", url),) if url else (),
    )


def _headline(week: ExperimentWeek) -> str:
    if week.best is None:
        return f"{week.experiment}: nothing is ranked"
    what = "new best" if week.is_new else "best is still"
    return f"{week.experiment}: {what} {week.metric} {shown(week.best.value)}"


def _compared(week: ExperimentWeek) -> tuple[str, ...]:
    best, former = week.best, week.former
    if best is None:
        return ("No job has an objective value. Set the tag trialbook:objective, or name one in the rules document.",)
    if former is None:
        if week.is_new:
            return (f"{best.job_name} is the first trial that ranks.",)
        return (f"Best trial: {best.job_name}{f', since {best.ended_at:%Y-%m-%d}' if best.ended_at else ''}.",)
    margin = apart(best.value, former.value)
    if margin == 0:
        return (f"{best.job_name} equals the previous best.",)
    share = share_of(margin, former.value)
    part = "" if share is None else f" ({percent(share)})"
    return (f"{best.job_name} is better than the previous best by {gap(margin, former.value)}{part}.",)


def _table(week: ExperimentWeek) -> Table | None:
    """The former best beside the new one: the value, and the hyperparameters that differ."""
    best, former = week.best, week.former
    if best is None or former is None:
        return None
    left = week.changed - len(week.changes)
    return Table(
        headers=("", "before", "now"),
        rows=(
            (week.metric or "", shown(former.value), shown(best.value)),
            *((each.parameter, _value(each.before), _value(each.now)) for each in week.changes),
        ),
        numbers=(1, 2),
        caption=f"{plural(left, 'more hyperparameter')} differ." if left > 0 else "",
    )


def _value(text: str | None) -> str:
    return "none" if text is None else shown_text(text)
