"""The same question put to Optuna and MLflow: run by the interpreter of build/peers, never imported here.

`python peers.py optuna|sqlite|mlflow write|ask|best TRIALS FOLDER`: eight hyperparameters, six metrics a trial.
"""

import random
import sys
from pathlib import Path
from typing import Any

PARAMETERS = [f"p{number}" for number in range(8)]
METRICS = [f"m{number}" for number in range(6)]


def trials(count: int) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Hyperparameters and metrics of each trial."""
    source = random.Random(7)
    found = []
    for _ in range(count):
        given = {name: source.random() for name in PARAMETERS}
        value = (given["p0"] - 0.5) ** 2 + given["p1"] / 10 + source.gauss(0, 0.01)
        found.append((given, {name: value + place for place, name in enumerate(METRICS)}))
    return found


def study(folder: Path) -> Any:
    """Optuna's study in a journal file."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    return optuna.create_study(study_name="s", storage=storage, load_if_exists=True)


def optuna_write(count: int, folder: Path) -> None:
    """The trials into the journal."""
    study(folder).add_trials(frozen(count))


def frozen(count: int) -> list[Any]:
    """The trials as Optuna has them."""
    import optuna

    unit = optuna.distributions.FloatDistribution(0, 1)
    return [
        optuna.trial.create_trial(
            params=given,
            distributions=dict.fromkeys(PARAMETERS, unit),
            value=metrics["m0"],
            user_attrs=metrics,
        )
        for given, metrics in trials(count)
    ]


def sqlite_write(count: int, folder: Path) -> None:
    """The trials into Optuna's SQLite."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.create_study(study_name="s", storage=f"sqlite:///{folder / 'optuna.db'}").add_trials(frozen(count))


def sqlite_best(count: int, folder: Path) -> None:
    """The best trial and its hyperparameters."""
    import optuna

    best = optuna.load_study(study_name="s", storage=f"sqlite:///{folder / 'optuna.db'}").best_trial
    print(best.number, best.value, best.params)


def optuna_ask(count: int, folder: Path) -> None:
    """Table, importance by PED-ANOVA, and the history as a picture."""
    import matplotlib as mpl
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    from optuna.visualization.matplotlib import plot_optimization_history

    mpl.use("Agg")
    loaded = study(folder)
    loaded.trials_dataframe().to_html(folder / "table.html")
    get_param_importances(loaded, evaluator=PedAnovaImportanceEvaluator())
    plot_optimization_history(loaded).figure.savefig(folder / "history.png")
    assert len(loaded.trials) == count


def mlflow_write(count: int, folder: Path) -> None:
    """The trials as runs of an experiment in SQLite."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment("s")
    for given, metrics in trials(count):
        with mlflow.start_run():
            mlflow.log_params(given)
            mlflow.log_metrics(metrics)


def mlflow_ask(count: int, folder: Path) -> None:
    """The table alone: MLflow makes no report without its server and a browser."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    found = mlflow.search_runs(experiment_names=["s"], order_by=["metrics.m0 ASC"], max_results=count)
    found.to_html(folder / "table.html")
    assert len(found) == count


def mlflow_best(count: int, folder: Path) -> None:
    """The best run and its hyperparameters, from the tracking URI in the environment."""
    from mlflow import MlflowClient

    client = MlflowClient()
    experiment = client.get_experiment_by_name("s")
    (best,) = client.search_runs([experiment.experiment_id], order_by=["metrics.m0 ASC"], max_results=1)
    print(best.info.run_id, best.data.metrics["m0"], best.data.params)


def importance_truths(seeds: int) -> None:
    """How often random-forest permutation names the right first hyperparameter, on standard input's truths."""
    import json

    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    right: dict[str, int] = {}
    for line in sys.stdin:
        case = json.loads(line)
        forest = RandomForestRegressor(n_estimators=100, random_state=case["seed"]).fit(case["x"], case["y"])
        shares = permutation_importance(forest, case["x"], case["y"], n_repeats=5, random_state=case["seed"])
        first = max(range(len(shares.importances_mean)), key=lambda at: shares.importances_mean[at])
        right[case["truth"]] = right.get(case["truth"], 0) + (first == 0)
    print(json.dumps({truth: f"{hits} of {seeds}" for truth, hits in right.items()}))


def next_points(first: int, more: int) -> None:
    """The best of the random trials and of as many more by TPE, for each problem and seed on standard input."""
    import json
    import random

    from problems import PROBLEMS

    found = {}
    for line in sys.stdin:
        name, seed = json.loads(line)
        problem = PROBLEMS[name]
        for kind in ("in turn", "at once"):
            source = random.Random(seed)
            drawn = [problem.drawn(source) for _ in range(first)]
            found[f"{name} {seed} {kind}"] = _best_with_tpe(problem, drawn, seed, more, in_turn=kind == "in turn")
    print(json.dumps(found))


def _best_with_tpe(problem: Any, drawn: list[Any], seed: int, more: int, *, in_turn: bool) -> float:
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space: dict[str, Any] = {}
    for axis in problem.axes:
        if axis.values:
            space[axis.name] = CategoricalDistribution(axis.values)
        elif axis.is_whole:
            space[axis.name] = IntDistribution(int(axis.low), int(axis.high))
        else:
            space[axis.name] = FloatDistribution(axis.low, axis.high, log=axis.is_log)
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=not in_turn)
    made = optuna.create_study(sampler=sampler)
    for given in drawn:
        made.add_trial(optuna.trial.create_trial(params=given, distributions=space, value=problem.cost(given)))
    asked = []
    for _ in range(more):
        trial = made.ask(space)
        asked.append(problem.cost(trial.params))
        if in_turn:
            made.tell(trial, asked[-1])
    return min(*map(problem.cost, drawn), *asked)


if __name__ == "__main__":
    if sys.argv[1] == "importance":
        importance_truths(int(sys.argv[2]))
    elif sys.argv[1] == "next":
        next_points(int(sys.argv[2]), int(sys.argv[3]))
    else:
        globals()[f"{sys.argv[1]}_{sys.argv[2]}"](int(sys.argv[3]), Path(sys.argv[4]))
