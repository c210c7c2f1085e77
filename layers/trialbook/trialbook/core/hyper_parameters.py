"""Which hyperparameters were searched over, and which only came along."""

from collections.abc import Mapping, Sequence

# Added by SDK containers and tuning jobs; nobody tunes them.
_INTERNAL = ("sagemaker_", "_tuning_objective_metric", "_kfold", "_num_folds")


def is_internal(name: str) -> bool:
    """Whether SageMaker or its SDK put it there."""
    return name.startswith(_INTERNAL)


def varied(jobs: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The hyperparameters whose values differ among the jobs (or that some jobs lack), in order of their names."""
    names = sorted({name for job in jobs for name in job if not is_internal(name)})
    return tuple(name for name in names if len({job.get(name) for job in jobs}) > 1)
