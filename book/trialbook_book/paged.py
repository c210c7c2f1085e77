"""The ledger a page at a time, for people and programs that ask. A page begins after a cursor, which costs nothing, or
after so many entries, whose keys are read."""

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from botocore.session import Session

from trialbook.core.experiments import Experiment
from trialbook.core.job_names import base_job_name
from trialbook.core.names import same_name
from trialbook.core.objectives import Objective, rank_prefix
from trialbook.core.places import plain_name
from trialbook.core.sweeps import Record, Sweep
from trialbook.errors import InvalidArgument
from trialbook.ledger.items import read_experiment, read_record, read_shown, read_sweep
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.table import EXPERIMENTS, FIRST_RANK, SWEEPS, experiment_id, indexed_by, loops_pk, sweeps_id

T = TypeVar("T")
After = str | int | None  # the cursor of an earlier page, or how many entries to skip
_BEHIND = "~"  # sorts behind all that follows a prefix
_CANDIDATES = 20  # names listed if a beginning fits several


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some entries, and the cursor of those that follow; None at the end."""

    entries: tuple[T, ...]
    cursor: str | None = None


class PagedLedger(Ledger):
    """The ledger's reading side: for each page one Query, and one request for the items that its rows stand for."""

    def __init__(
        self, table: str, *, region: str | None = None, host: str | None = None, session: Session | None = None
    ) -> None:
        super().__init__(table, region=region, host=host)
        if session is not None:
            self.table.connection._local.session = session  # noqa: SLF001 pynamodb takes none otherwise

    def experiments_page(self, limit: int, after: After = None) -> Page[Experiment]:
        """Experiments by name."""
        return self._page(self._item, read_experiment, EXPERIMENTS, limit, after)

    def experiments_count(self) -> int:
        """How many experiments there are; a Query for each megabyte."""
        return int(self._item.count(EXPERIMENTS))

    def sweeps_page(self, experiment: str | None, limit: int, after: After = None) -> Page[Sweep]:
        """The sweeps of an experiment or all of them, latest first."""
        return self._page(*self._sweeps(experiment), limit, after, forward=False)

    def sweeps_count(self, experiment: str | None) -> int:
        """How many sweeps an experiment has, or the book; a Query for each megabyte."""
        index, _, partition = self._sweeps(experiment)
        return int(index.count(partition))

    def _sweeps(self, experiment: str | None) -> tuple[Any, Callable[[Any], Sweep], str]:
        if experiment is None:
            return self._item.in_time_order, read_sweep, SWEEPS
        return self._item.in_experiment, read_sweep, sweeps_id(experiment)

    def ranking_page(self, sweep_id: str, limit: int, after: After = None) -> Page[Record]:
        """The jobs of a sweep, best first."""
        return self._page(self._item.in_sweep, read_record, sweep_id, limit, after)

    def ranking_count(self, sweep_id: str) -> int:
        """How many jobs a sweep has, with the tuning job; a Query for each megabyte."""
        return int(self._item.in_sweep.count(sweep_id))

    def experiment_ranking_count(self, experiment: str) -> int:
        """How many jobs an experiment has; a Query for each megabyte."""
        jobs = self._item.experiment_rank >= FIRST_RANK
        return int(self._item.in_experiment.count(experiment_id(experiment), jobs))

    def best_shown(self, sweep_id: str) -> Page[Record]:
        """The best job of a sweep as `best` shows it, with some of its facts: one Query that reads one row."""
        rows = self._item.in_sweep.query(sweep_id, limit=1, page_size=1)
        found = self._shown(rows, sweep_id)
        return Page(found, _to_cursor(rows.last_evaluated_key) if found and rows.last_evaluated_key else None)

    def _shown(self, rows: Iterable[Any], partition: str) -> tuple[Record, ...]:
        """What rows of an index say of jobs; the jobs themselves where a row says nothing."""
        listed = list(rows)
        found = [read_shown(row) for row in listed]
        if None in found:
            return tuple(map(read_record, self.table.whole(listed, partition)))
        return tuple(each for each in found if isinstance(each, Record))

    def experiment_ranking_page(
        self, experiment: str, limit: int, after: After = None, leading: Objective | None = None
    ) -> Page[Record]:
        """The jobs of an experiment, best first: those by the leading objective before all others. A Query, and where
        the page holds others too, up to two more; and one request for the jobs themselves."""
        index, partition = self._item.in_experiment, experiment_id(experiment)
        ranges = self._ranges(leading)
        if isinstance(after, int):
            ranges, start = self._skip_in_ranges(partition, ranges, after)
        else:
            start = _from_cursor(after, index.Meta.index_name)
            if start is not None and leading is not None:
                ranges = ranges[_range_of(start["experiment_rank"]["S"], rank_prefix(leading)) :]
        found: list[Any] = []
        for at, condition in enumerate(ranges, 1):
            left = limit - len(found)
            rows = index.query(partition, condition, limit=left, page_size=left, last_evaluated_key=start)
            found += rows
            is_end = at == len(ranges) and not rows.last_evaluated_key
            if len(found) == limit or is_end:
                cursor = None if is_end or not found else _to_cursor(_key_of(found[-1]))
                return Page(tuple(map(read_record, self.table.whole(found, partition))), cursor)
            start = None
        return Page(tuple(map(read_record, self.table.whole(found, partition))))

    def _skip_in_ranges(self, partition: str, ranges: list[Any], count: int) -> tuple[list[Any], dict[str, Any] | None]:
        """The ranges that are left after so many entries, and the key after which the first of them continues."""
        for at, condition in enumerate(ranges):
            key, seen = self._skip(self._item.in_experiment, partition, count, condition)
            if seen == count:
                return ranges[at:], key
            count -= seen
        return [], None

    def _skip(
        self, source: Any, partition: str, count: int, condition: Any = None, *, forward: bool = True
    ) -> tuple[dict[str, Any] | None, int]:
        """The key of the last of the first `count` entries, and how many of them there are."""
        names = sorted({"pk", "sk", *indexed_by()[getattr(source.Meta, "index_name", None)]})
        last, seen = None, 0
        if count:
            rows = source.query(partition, condition, limit=count, scan_index_forward=forward, attributes_to_get=names)
            for last in rows:  # noqa: B007 the last one is what is wanted
                seen += 1
        return None if last is None else {name: {"S": getattr(last, name)} for name in names}, seen

    def experiment_ahead(self, experiment: str) -> tuple[Objective | None, Page[Record]]:
        """What leads in an experiment, and the page of its best job as `best` shows it: one Query, which reads the rows
        of its entry and one job; more where another objective leads than the first by name."""
        partition = experiment_id(experiment)
        rows = list(self._item.in_experiment.query(partition, limit=2, page_size=2))
        entry = next(map(self._entry, (row for row in rows if row.item == "experiment")), None)
        leading, first = entry.objective if entry else None, [row for row in rows if row.item == "job"][:1]
        if leading is not None and first and not first[0].experiment_rank.startswith(rank_prefix(leading)):
            return leading, self.experiment_ranking_page(experiment, 1, None, leading)
        return leading, Page(self._shown(first, partition), _to_cursor(_key_of(first[0])) if first else None)

    def _entry(self, row: Any) -> Experiment | None:
        """The experiment's entry that a row of the index stands for."""
        said = read_shown(row)
        return (
            said
            if isinstance(said, Experiment)
            else next(map(read_experiment, self._item.batch_get([(row.pk, row.sk)])))
        )

    def experiment_records(self, experiment: str, leading: Objective | None = None) -> Iterator[Record]:
        """All jobs of an experiment in the order of its pages; a Query for each megabyte."""
        partition = experiment_id(experiment)
        for condition in self._ranges(leading):
            rows = self._item.in_experiment.query(partition, condition)
            yield from map(read_record, self.table.whole(rows, partition))

    def _ranges(self, leading: Objective | None) -> list[Any]:
        """The conditions under which the jobs of an experiment come in the order that people see."""
        rank = self._item.experiment_rank
        if leading is None:
            return [rank >= FIRST_RANK]
        prefix = rank_prefix(leading)
        return [rank.startswith(prefix), rank.between(FIRST_RANK, prefix), rank >= f"{prefix}{_BEHIND}"]

    def experiments_like(self, beginning: str) -> list[Experiment]:
        """The first experiments whose name begins so, upper and lower case alike; one Query."""
        found = self._item.query(
            EXPERIMENTS, self._begins(same_name(beginning)), limit=_CANDIDATES, page_size=_CANDIDATES
        )
        return [read_experiment(item) for item in found]

    def sweeps_like(self, beginning: str) -> list[str]:
        """The ids of the first sweeps that begin so: asked of the experiments that such a sweep would be in, so that
        nothing is scanned. A tuning job's experiment is looked for under the beginnings of its name."""
        experiment, at, start = beginning.partition("@")
        if at:
            return [each for name in self.places.get().names(experiment) for each in self._windows_like(name, start)]
        words = same_name(base_job_name(plain_name(beginning))).split("-")
        bases = {"-".join(words[:length]) for length in range(1, len(words) + 1)} - {""}
        places = self.places.get()
        names = {same_name(name) for base in bases for name in places.names(base)}
        homes = self._item.batch_get([(EXPERIMENTS, name) for name in sorted(names)])
        return [
            sweep.id
            for home in homes
            for sweep in self.sweeps_of(read_experiment(home).name)
            if same_name(sweep.id).startswith(same_name(beginning))
        ][:_CANDIDATES]

    def _windows_like(self, experiment: str, start: str) -> list[str]:
        windows = self._item.query(loops_pk(experiment), self._begins(start.upper()), limit=_CANDIDATES)
        found = [read_sweep(item) for item in windows if item.item == "sweep"]
        return [sweep.id for sweep in found if sweep.superseded_by is None]

    def _begins(self, text: str) -> Any:
        """The condition on the sort key; none for "", which DynamoDB refuses."""
        return self._item.sk.startswith(text) if text else None

    def items(self, keys: Iterable[tuple[str, str]] | None = None) -> Iterator[dict[str, Any]]:
        """The items of these keys that exist, or, for whole exports, all of the table, as DynamoDB's own JSON."""
        yield from map(_as_dynamodb, self._item.scan() if keys is None else self._item.batch_get(keys))

    def segments(self, count: int) -> list[Iterator[dict[str, Any]]]:
        """All of the table as `items` gives it, in parts that threads may read at once. A part that has raised goes on
        where it was."""
        _ = self.table.connection.client  # else each thread would make one, of a session without the person's profile
        scans = (self._item.scan(segment=number, total_segments=count) for number in range(count))
        return [map(_as_dynamodb, each) for each in scans]

    def _page(
        self,
        source: Any,
        read: Callable[[Any], T],
        partition: str,
        limit: int,
        after: After,
        *,
        forward: bool = True,
    ) -> Page[T]:
        if isinstance(after, int):
            start, seen = self._skip(source, partition, after, forward=forward)
            if seen < after:
                return Page(())
        else:
            start = _from_cursor(after, getattr(source.Meta, "index_name", None))
        rows = source.query(
            partition, limit=limit, page_size=limit, scan_index_forward=forward, last_evaluated_key=start
        )
        found = list(rows)
        items = found if source is self._item else self.table.whole(found, partition)
        key = rows.last_evaluated_key
        return Page(tuple(map(read, items)), _to_cursor(key) if key and len(found) == limit else None)


def _as_dynamodb(item: Any) -> dict[str, Any]:
    found: dict[str, Any] = item.to_dynamodb_dict()
    return found


def _range_of(rank: str, prefix: str) -> int:
    """Which of the ranges the rank key is in."""
    return 0 if rank.startswith(prefix) else 1 if rank < prefix else 2


def _key_of(item: Any) -> dict[str, Any]:
    names = ("pk", "sk", "experiment_id", "experiment_rank")
    return {name: {"S": getattr(item, name)} for name in names}


def _to_cursor(key: dict[str, Any]) -> str:
    """The key's values in the order of their names: short enough for a line of a terminal."""
    values = json.dumps([key[name]["S"] for name in sorted(key)], separators=(",", ":"))
    return urlsafe_b64encode(zlib.compress(values.encode(), 9)).decode().rstrip("=")


def _from_cursor(cursor: str | None, index: str | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    names = sorted({"pk", "sk", *indexed_by()[index]})
    try:
        values = json.loads(zlib.decompress(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
        return {name: {"S": str(value)} for name, value in zip(names, values, strict=True)}
    except (ValueError, TypeError, zlib.error):
        raise InvalidArgument("after", cursor, "the cursor of an earlier page of the same question") from None
