"""check_mlflow: whether write_mlflow reaches its server and may do there what it has to, found by calls that change
nothing. write_mlflow answers with it if `trialbook doctor` asks: the person who asks may have other rights."""

from collections.abc import Callable, Mapping
from typing import Any

from trialbook.adapters.mlflow import Created, Mlflow
from trialbook.core.messages.delivery import NotSent
from trialbook.core.mlflow_runs import Batch, RunStatus

_NO_RUN, _NO_MODEL = "0" * 32, f"m-{'0' * 32}"
_NO_EXPERIMENT = "2147483647"  # the greatest that any of MLflow's databases takes
_REFUSALS = frozenset(
    {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "http_401", "http_403", "http_302"}
)
_NOT_THERE = "RESOURCE_DOES_NOT_EXIST"
NO_WORKSPACE = "no_workspace"
_NOT_MLFLOW = "http_"  # and a status: the answer has none of MLflow's own codes


def check_mlflow(mlflow: Mlflow, may_put: Callable[[], str | None] | None) -> Mapping[str, Any]:
    """`server` is what the server is named by; `trouble` is why it does not answer, None if it does; `refused` are the
    calls that it refuses, by the names of AWS's actions, with all others in `allowed`. `artifacts` is "not configured",
    "allowed", or why S3 refuses."""
    refused: list[str] = []
    allowed: list[str] = []
    for action, call in _calls(mlflow).items():
        try:
            call()
        except NotSent as error:
            if error.reason in _REFUSALS:
                refused.append(action)
                continue
            # 2.x has no logged models, which is no trouble. MLflow's own codes are in upper case.
            is_elsewhere = not allowed and error.reason.startswith(_NOT_MLFLOW)
            is_ours = error.reason.islower() and not error.reason.startswith(_NOT_MLFLOW)
            if error.passes or is_ours or is_elsewhere:
                return {"server": mlflow.server.name, "trouble": error.reason}
            if action == "CreateExperiment" and error.reason == _NOT_THERE and mlflow.server.workspace:
                return {"server": mlflow.server.name, "trouble": NO_WORKSPACE}
        allowed.append(action)
    artifacts = "not configured" if may_put is None else may_put() or "allowed"
    found = {"server": mlflow.server.name, "trouble": None, "refused": refused, "allowed": allowed}
    return {**found, "artifacts": artifacts}


def _calls(mlflow: Mlflow) -> Mapping[str, Callable[[], object]]:
    """Each call that runs are written by. They are about what does not exist, so that a server that allows them answers
    that there is none."""
    nowhere = Created(_NO_RUN, _NO_EXPERIMENT)
    return {
        "GetExperimentByName": lambda: mlflow.experiment("trialbook-doctor"),
        "CreateExperiment": lambda: mlflow.create_experiment(""),
        "CreateRun": lambda: mlflow.create_run(_NO_EXPERIMENT, "trialbook-doctor", 0, {}),
        "GetRun": lambda: mlflow.run(_NO_RUN),
        "SearchRuns": lambda: mlflow.find_runs(_NO_EXPERIMENT, "trialbook.key", "doctor"),
        "LogBatch": lambda: mlflow.log(_NO_RUN, Batch(tags=(("trialbook.key", "doctor"),))),
        "LogInputs": lambda: mlflow.log_inputs(_NO_RUN, ()),
        "UpdateRun": lambda: mlflow.update(_NO_RUN, RunStatus.RUNNING, None),
        "DeleteRun": lambda: mlflow.delete(_NO_RUN),
        "SearchLoggedModels": lambda: mlflow.model_of(nowhere),
        "CreateLoggedModel": lambda: mlflow.create_model(nowhere, "trialbook-doctor", "s3://trialbook-doctor"),
        "FinalizeLoggedModel": lambda: mlflow.finish_model(_NO_MODEL),
    }
