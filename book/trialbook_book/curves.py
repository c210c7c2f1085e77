"""How a job learned, as capture_job kept it beside the reports: from the stack's bucket, or from a book's folder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trialbook.core import report_keys
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.curves.stored import from_bytes, log_from_bytes
from trialbook.core.jobs import JobKey
from trialbook.errors import InvalidArgument, MissingPart

if TYPE_CHECKING:
    import pandas as pd

    from trialbook_book.stacks import Deployed

Read = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Curves(JobCurves):
    """The curves of a job: `metrics` by name, the use of its machines by host in `hosts`, and the end of its log if it
    failed."""

    log: str = ""

    def to_pandas(self) -> "pd.DataFrame":
        """All points as a DataFrame with the columns job_name, host (empty for the job's own metrics), name, iteration,
        time and value. Raises MissingPart if pandas is not installed."""
        return _frame([self])


class CurvesOfJobs(tuple[Curves, ...]):
    """The curves of several jobs."""

    __slots__ = ()

    def to_pandas(self) -> "pd.DataFrame":
        """All points of all jobs as a DataFrame, as `Curves.to_pandas` gives it."""
        return _frame(self)

    def __repr__(self) -> str:
        return f"<Curves of {len(self)} job{'' if len(self) == 1 else 's'}>"


def _frame(several: Sequence[Curves]) -> "pd.DataFrame":
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise MissingPart("pandas", "A data frame") from None
    rows = [
        (curves.job_name, host, name, *_x(series, x), value)
        for curves in several
        for host, name, series in _series_of(curves)
        for x, value in zip(series.xs, series.values, strict=True)
    ]
    made = pd.DataFrame(rows, columns=["job_name", "host", "name", "iteration", "time", "value"])
    made["iteration"] = made["iteration"].astype("Int64")
    made["time"] = pd.to_datetime(made["time"], unit="s", utc=True)
    made["value"] = made["value"].astype("float64")
    return made


def _series_of(curves: Curves) -> Iterator[tuple[str, str, Series]]:
    yield from (("", name, each) for name, each in curves.metrics.items())
    yield from ((host, name, each) for host, used in curves.hosts.items() for name, each in used.items())


def _x(series: Series, x: float) -> tuple[int | None, float | None]:
    return (int(x), None) if series.axis is Axis.ITERATION else (None, x)


def curves_of(key: JobKey, read: Read) -> Curves | None:
    """The captured telemetry of a job; None if there is none."""
    folder = report_keys.of_job(key)
    kept, log = read(f"{folder}/{report_keys.CURVES}"), log_of(key, read)
    if kept is None and not log:
        return None
    found = JobCurves(key.name) if kept is None else from_bytes(kept)
    return Curves(found.job_name, found.metrics, found.hosts, log)


def log_of(key: JobKey, read: Read) -> str:
    """The end of a failed job's log; empty if none is kept."""
    log = read(f"{report_keys.of_job(key)}/{report_keys.LOG}")
    return "" if log is None else log_from_bytes(log)


def from_folder(folder: Path) -> Read:
    """Reads files of a replay's folder by their keys."""

    def read(key: str) -> bytes | None:
        path = folder / key
        return path.read_bytes() if path.is_file() else None

    return read


class FolderStore:
    """Keeps files in a book's folder by their keys."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        """The file's content; None if there is none."""
        return from_folder(self._folder)(key)

    def put(self, key: str, content: bytes) -> None:
        """Writes the file."""
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def from_bucket(stack: "Deployed | None", open_bucket: Callable[[str], Read]) -> Read:
    """Reads objects of the stack's bucket. Raises InvalidArgument for a table without a stack."""
    name = stack.outputs.get("ReportsBucket") if stack else None
    if name is None:
        raise InvalidArgument("book", None, "a stack or a folder: curves are in the bucket, not in the table")
    return open_bucket(name)
