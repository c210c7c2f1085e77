"""The rules document's section `mlflow`: which experiments go to MLflow, and what they are called there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbook.core.places import is_meant

if TYPE_CHECKING:
    from trialbook.core.rules.checker import Checker

_KEYS = ("experiments", "except", "prefix", "job_tag")


@dataclass(frozen=True, slots=True)
class MlflowRules:
    """`experiments` are globs of those that go, `exceptions` of those that do not all the same; `prefix` is put before
    their names. `job_tag` is a tag of runs by which training code names its job: such a run is the job's."""

    experiments: tuple[str, ...] = ("*",)
    exceptions: tuple[str, ...] = ()
    prefix: str = ""
    job_tag: str | None = None

    def takes(self, experiment: str) -> bool:
        """Whether the experiment goes to MLflow."""
        wanted, unwanted = (
            any(is_meant(experiment, glob) for glob in globs) for globs in (self.experiments, self.exceptions)
        )
        return wanted and not unwanted


def parse_mlflow(check: "Checker", top: Mapping[str, Any]) -> MlflowRules:
    """The section, or what holds without it."""
    if top.get("mlflow") is None:
        return MlflowRules()
    section = check.mapping(top["mlflow"], ("mlflow",), _KEYS)
    wanted = _globs(check, section, "experiments") if "experiments" in section else ("*",)
    return MlflowRules(
        experiments=wanted,
        exceptions=_globs(check, section, "except"),
        prefix=check.text(section.get("prefix"), ("mlflow", "prefix")) or "",
        job_tag=check.text(section.get("job_tag"), ("mlflow", "job_tag")),
    )


def _globs(check: "Checker", section: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = (check.text(each, path) for each, path in check.items(section, key, ("mlflow",)))
    return tuple(each for each in found if each is not None)
