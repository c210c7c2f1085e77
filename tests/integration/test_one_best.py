"""Every surface names the same best: `best`, tables, an experiment's page, the index, the weekly report, alerts."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stored import facts_of, put_facts
from tests.unit.samples import ACCOUNT, REGION, START, at, job
from trialbook.adapters.eventbridge import EventBus
from trialbook.adapters.rules_document import read_rules
from trialbook.adapters.s3 import Bucket
from trialbook.build_report import build_report
from trialbook.core import report_keys
from trialbook.core.announcements import BEST_TRIAL_CHANGED, SWEEP_FINISHED, Announcement, of_sweep
from trialbook.core.jobs import Job, JobKey, JobKind, TuningDefinition, TuningJob
from trialbook.core.sweeps import Record, Sweep, SweepState, start_of
from trialbook.ledger.bookkeeper import Bookkeeper
from trialbook.ledger.leading import list_experiment
from trialbook.ledger.old_items import write_anew
from trialbook.post_best_trials import post_best_trials
from trialbook.services import Services
from trialbook_book.book import Book
from trialbook_book.folder import FolderLedger, Table

ERROR, AUC, OWN = "validation:error", "validation:auc", "my:loss"
DEFINITIONS = {
    ERROR: TuningDefinition(None, ERROR, "Minimize"),
    AUC: TuningDefinition(None, AUC, "Maximize"),
    OWN: TuningDefinition(None, OWN, "Minimize"),
}
LABELS = {ERROR: f"minimize {ERROR}", AUC: f"maximize {AUC}", OWN: f"minimize {OWN}"}
RULES = (
    "",
    f"experiments: {{churn: {{objective: 'minimize {ERROR}'}}}}",
    f"experiments: {{churn: {{objective: 'maximize {AUC}'}}}}",
    "experiments: {churn: {rank_stopped: true}}",
)
GAP = 60  # minutes between sweeps: longer than the quiet period


@dataclass
class Store:
    """A bucket in memory."""

    name: str = "reports"
    objects: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, content: bytes) -> None:
        self.objects[key] = content

    def replace(self, key: str, make: Callable[[], bytes]) -> None:
        self.put(key, make())

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)


@dataclass
class Bus:
    """A bus that keeps what is published."""

    published: list[Announcement] = field(default_factory=list)

    def publish(self, announcements: Sequence[Announcement]) -> None:
        self.published += announcements


@dataclass(frozen=True)
class Made:
    """A sweep to make: who names its objective (a known metric where nobody does), and its jobs' status and values."""

    how: str
    metric: str
    jobs: tuple[tuple[str, float], ...]


MADE = st.builds(
    Made,
    st.sampled_from(["tuning job", "tag", "nobody"]),
    st.sampled_from([ERROR, AUC, OWN]),
    st.lists(
        st.tuples(
            st.sampled_from(["Completed", "Completed", "Completed", "Stopped", "Failed"]),
            st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5]),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)


class World:
    """An experiment `churn` with these sweeps, recorded job by job, and closed one after the other."""

    def __init__(self, made: Sequence[Made], rules: str) -> None:
        self.ledger = FolderLedger(Table())
        self.rules = read_rules(rules)
        self.services = Services(self.ledger, cast(Any, None), lambda: self.rules)
        self.bucket, self.bus = Store(), Bus()
        keeper = Bookkeeper(self.ledger, self.rules, self._tuning_job)
        self.announced: list[Announcement] = []
        for number, each in enumerate(made):
            self.metric = each.metric
            before: dict[str, Sweep] = {sweep.id: sweep for sweep in self.ledger.all_sweeps()}
            for one in jobs_of(each, number):
                keeper.enter(one, None)
                self._listen(before)
            self._close(number)

    def _tuning_job(self, key: JobKey, name: str) -> TuningJob:
        tuning = job(name, 0, 1, kind=JobKind.TUNING)
        return TuningJob(
            replace(tuning, key=JobKey(ACCOUNT, REGION, JobKind.TUNING, name)), None, (DEFINITIONS[self.metric],)
        )

    def _listen(self, before: dict[str, Sweep]) -> None:
        for sweep in self.ledger.all_sweeps():
            if before.get(sweep.id) != sweep:
                self.announced += of_sweep(before.get(sweep.id), sweep)
                before[sweep.id] = sweep

    def _close(self, number: int) -> None:
        for sweep in list(self.ledger.all_sweeps()):
            if sweep.state is SweepState.CLOSED:
                continue
            done = replace(
                sweep,
                state=SweepState.CLOSED,
                revision=sweep.revision + (not sweep.is_single),
                closed_at=at(number * GAP + 30),
                version=sweep.version + 1,
            )
            self.ledger.write(sweeps=[(done, None)])
            list_experiment("churn", self.ledger, self.rules)
            if not done.is_single:
                detail = {"id": done.id, "sweep": {"sweep": done.id}}
                envelope = {"detail-type": SWEEP_FINISHED, "detail": detail}
                build_report(envelope, self.services, cast(Bucket, self.bucket), cast(EventBus, self.bus))

    @property
    def records(self) -> list[Record]:
        return list(self.ledger.jobs())

    @property
    def book(self) -> Book:
        return Book(self.ledger)

    def weekly(self) -> Mapping[str, Any]:
        moment = START + timedelta(days=5)
        post_best_trials(moment, self.services, cast(Bucket, self.bucket), cast(EventBus, self.bus))
        (found,) = (each.detail for each in self.bus.published if each.type == "Best Trials")
        (churn,) = found["experiments"]
        return cast(Mapping[str, Any], churn)

    def page(self) -> str | None:
        found = self.bucket.get(f"{report_keys.of_experiment('churn')}/{report_keys.PAGE}")
        return None if found is None else found.decode()


def jobs_of(made: Made, number: int) -> Iterator[Job]:
    """Their names are those of one base, so that all are in one experiment."""
    for place, (status, value) in enumerate(made.jobs):
        start = number * GAP + place
        more: dict[str, Any] = {"tags": {"trialbook:experiment": "churn"}, "hyper_parameters": {"eta": str(place)}}
        if made.how == "tuning job":
            more["tuning_job"] = f"tune-{number}"
        if made.how == "tag":
            more["tags"]["trialbook:objective"] = LABELS[made.metric]
        metrics = {} if status == "Failed" else {made.metric: value}
        yield job(f"churn-{number}-{place}", start, start + 5, status=status, metrics=metrics, **more)


def best_of(records: Sequence[Record], label: str) -> Record | None:
    """The best by brute force: by metric, type and statistic, whoever named them; ties go to the earlier."""
    same = [each for each in records if each.is_in_experiments_ranking and _label(each) == label]
    sign = 1 if label.startswith("minimize") else -1
    return min(same, key=lambda each: (sign * (each.experiment_value or 0), start_of(each.job)), default=None)


def _label(record: Record) -> str | None:
    return record.experiment_objective.label if record.experiment_objective else None


def name_of(record: Record | None) -> str | None:
    return None if record is None else record.job.name


@settings(max_examples=20)
@given(st.lists(MADE, min_size=1, max_size=4), st.sampled_from(RULES))
def test_every_surface_always_names_the_same_best(made: list[Made], rules: str) -> None:
    world = World(made, rules)
    jobs = world.book.experiment("churn")
    best = jobs.best()
    entry, weekly, page = world.ledger.experiments.get("churn"), world.weekly(), world.page()

    assert entry is not None
    assert name_of(best) == entry.best_job
    assert name_of(next(jobs.records())) == name_of(best) or best is None
    assert (weekly["best"] or {}).get("job_name") == entry.best_job
    if best is None:
        assert not any(each.is_in_experiments_ranking for each in world.records)
        assert page is None or "nothing is ranked yet" in page
        return
    assert best.objective is not None
    assert name_of(best) == name_of(best_of(world.records, best.objective.label))
    assert best.objective.label == (entry.objective.label if entry.objective else None)
    if page is not None and world.bus.published[-2:]:
        newest = max(world.ledger.all_sweeps(), key=lambda sweep: sweep.closed_at or START)
        if not newest.is_single:  # a single job closes without a page being made
            heading = page.partition("<h1>")[2].partition("</h1>")[0]
            assert re.sub(r"<[^>]+>", "", heading).endswith(f" by {best.job.name}")
            assert page.count(f'<td class="job">{best.job.name}</td>') >= (
                1 if best.sweep and is_listed(world, best) else 0
            )


def is_listed(world: World, best: Record) -> bool:
    """Whether its sweep is no single job."""
    return not next(each for each in world.ledger.all_sweeps() if each.id == best.sweep).is_single


@settings(max_examples=20)
@given(st.lists(MADE, min_size=1, max_size=4), st.sampled_from(RULES))
def test_alerts_and_announcements_always_speak_of_the_same_best(made: list[Made], rules: str) -> None:
    world = World(made, rules)
    records = world.records

    for sweep in world.ledger.all_sweeps():
        if sweep.objective is None or sweep.began_at is None:
            continue
        before = [each for each in records if start_of(each.job) < sweep.began_at]
        expected = name_of(best_of(before, sweep.objective.label))
        assert name_of(world.ledger.best_before(sweep, sweep.objective)) == expected
        found = [
            each.detail["new"]["job_name"]
            for each in world.announced
            if each.type == BEST_TRIAL_CHANGED and each.detail["sweep"]["sweep"] == sweep.id
        ]
        if sweep.best is not None and not sweep.is_single:
            assert found[-1] == sweep.best.job_name == name_of(next(world.ledger.ranking(sweep.id)))


@settings(max_examples=12)
@given(st.lists(MADE, min_size=1, max_size=4), st.sampled_from(RULES), st.integers(1, 4))
def test_pages_of_an_experiment_always_hold_each_job_once_its_leading_objective_first(
    made: list[Made], rules: str, limit: int
) -> None:
    jobs = World(made, rules).book.experiment("churn")
    found: list[Record] = []
    cursor = None
    while True:
        page = jobs.page(limit, cursor)
        found += page.entries
        cursor = page.cursor
        if cursor is None:
            break

    assert found == list(jobs.records())
    assert [list(jobs.page(limit, skip).entries) for skip in range(len(found) + 2)] == [
        found[skip : skip + limit] for skip in range(len(found) + 2)
    ]
    assert jobs.count() == len(found)
    assert len({each.key for each in found}) == len(found) == sum(len(each.jobs) for each in made)
    if jobs.leading is not None:
        own = [jobs.leading.is_like(each.objective) and each.value is not None for each in found]
        assert own == sorted(own, reverse=True)


def test_a_tuning_jobs_best_and_a_loops_are_ranked_together_whoever_named_the_metric() -> None:
    tuned = Made("tuning job", ERROR, (("Completed", 0.3), ("Completed", 0.2)))
    loop = Made("nobody", ERROR, (("Completed", 0.25), ("Completed", 0.1)))

    for made in ([tuned, loop], [loop, tuned]):
        world = World(made, "")
        page = world.page()

        assert page is not None
        assert name_of(world.book.experiment("churn").best()) == f"churn-{made.index(loop)}-1"
        assert "1 sweep is ranked by something else" not in page


def test_the_page_of_an_experiment_whose_jobs_all_failed_is_made_where_rules_name_the_metric() -> None:
    failed = Made("nobody", ERROR, (("Failed", 0.1), ("Failed", 0.1)))

    page = World([failed, failed], RULES[1]).page()

    assert page is not None
    assert "nothing is ranked yet" in page


def test_until_it_is_ranked_anew_an_experiment_has_the_best_by_what_its_jobs_were_ranked_by() -> None:
    tuned = Made("tuning job", ERROR, (("Completed", 0.3), ("Completed", 0.2)))
    world = World([tuned], "")
    world.rules = read_rules(RULES[2])

    assert name_of(world.book.experiment("churn").best()) == "churn-0-1"
    list_experiment("churn", world.ledger, world.rules)
    entry = world.ledger.experiments.get("churn")
    assert entry is not None
    assert entry.best_job == "churn-0-1"


def test_ranks_of_an_older_version_are_moved_once() -> None:
    world = World([Made("nobody", ERROR, (("Completed", 0.3), ("Completed", 0.2)))], "")
    client: Any = world.ledger.table.connection._client
    table = client._table
    for item in [item for item in table.items.values() if item["item"]["S"] == "job"]:
        table.put(item | {name: {"S": "1" + item[name]["S"][1:]} for name in ("experiment_rank", "sweep_rank")})

    moved = [write_anew("churn", world.ledger.table) for _ in range(2)]

    assert moved == [2, 0]
    assert [each.job.name for each in world.ledger.experiment_ranking("churn")] == ["churn-0-1", "churn-0-0"]


@pytest.mark.parametrize("name", ["sweep_rank", "experiment_rank"])
def test_a_book_in_a_folder_that_an_older_version_left_ranks_as_today(name: str) -> None:
    world = World([Made("nobody", ERROR, (("Completed", 0.3), ("Completed", 0.2)))], "")
    items = [dict(item) for item in world.ledger.items()]
    for item in items:
        if "packed_facts" in item:
            put_facts(item, facts_of(item))  # which were in plain text
        if item["item"]["S"] == "job":
            item[name] = {"S": "1" + item[name]["S"][1:]}
    table = Table()
    table.load(items)

    assert name_of(Book(FolderLedger(table)).experiment("churn").best()) == "churn-0-1"
