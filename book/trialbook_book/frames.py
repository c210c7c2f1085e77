"""Data frames: plain column names, numbers as numbers, times with zone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trialbook.core.experiments import Experiment
from trialbook.core.hyper_parameters import is_internal
from trialbook.core.sweeps import Record, Sweep
from trialbook.errors import MissingPart
from trialbook_book.columns import HYPER_PARAMETER, METRIC, Columns, experiment_columns, job_columns, sweep_columns

if TYPE_CHECKING:
    import pandas as pd

_TIMES = ("started_at", "ended_at", "last_at")
_WHOLE = ("billable_seconds",)
_NUMBERS = ("value", "best_value", "duration_seconds")


def frame(columns: Columns) -> "pd.DataFrame":
    """Columns as a DataFrame. Raises MissingPart if pandas is not installed."""
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise MissingPart("pandas", "A data frame") from None
    made = pd.DataFrame(columns)
    for name, values in columns.items():
        if name in _TIMES:
            made[name] = pd.to_datetime(made[name], utc=True)
        elif name in _NUMBERS or name.startswith(METRIC) or _has_floats_and_gaps(values):
            made[name] = made[name].astype("float64")
        elif (name in _WHOLE or any(isinstance(value, int) for value in values)) and None in values:
            made[name] = pd.array(values, dtype="Int64")
    return made


def _has_floats_and_gaps(values: Sequence[object]) -> bool:
    return None in values and any(isinstance(value, float) for value in values)


def job_frame(records: Sequence[Record]) -> "pd.DataFrame":
    """Jobs, a row each. Metrics and hyperparameters have their own names, but if several columns would have the same
    one: there `metrics.NAME` and `hyper_parameters.NAME` stay. What SageMaker adds itself has no column."""
    columns = {
        name: values
        for name, values in job_columns(records).items()
        if not is_internal(name.removeprefix(HYPER_PARAMETER))
    }
    return frame(columns).rename(columns=_plain(list(columns)))


def _plain(names: Sequence[str]) -> Mapping[str, str]:
    prefixes = (METRIC, HYPER_PARAMETER)
    short = {name: next((name.removeprefix(p) for p in prefixes if name.startswith(p)), name) for name in names}
    taken = Counter(short.values())
    return {name: plain for name, plain in short.items() if plain and taken[plain] == 1}


def sweeps_frame(sweeps: Sequence[Sweep]) -> "pd.DataFrame":
    """Sweeps, a row each."""
    return frame(sweep_columns(sweeps))


def experiments_frame(experiments: Sequence[Experiment]) -> "pd.DataFrame":
    """Experiments, a row each."""
    return frame(experiment_columns(experiments))
