"""The same question put to Optuna and MLflow: run by the interpreter of build/peers, never imported here.

`python peers.py optuna|sqlite|mlflow write|ask|best TRIALS FOLDER`: eight hyperparameters, six metrics a trial.
`python peers.py pools FOLDER`: pools of real trials.
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


def importance_truths() -> None:
    """How often each method names the right first hyperparameter, by truth, on standard input's trials."""
    import json
    from collections import Counter

    import optuna
    from optuna.distributions import FloatDistribution
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    right: dict[str, Counter[str]] = {
        "random-forest permutation": Counter(),
        "Optuna's fANOVA": Counter(),
        "Optuna's PED-ANOVA": Counter(),
    }
    space = {name: FloatDistribution(0, 1) for name in "abcd"}
    for line in sys.stdin:
        case = json.loads(line)
        truth, seed = case["truth"], case["seed"]
        forest = RandomForestRegressor(n_estimators=100, random_state=seed).fit(case["x"], case["y"])
        shares = permutation_importance(forest, case["x"], case["y"], n_repeats=5, random_state=seed).importances_mean
        right["random-forest permutation"][truth] += int(shares.argmax() == 0)
        made = optuna.create_study()
        for given, value in zip(case["x"], case["y"], strict=True):
            params = dict(zip("abcd", given, strict=True))
            made.add_trial(optuna.trial.create_trial(params=params, distributions=space, value=value))
        evaluators = {"fANOVA": FanovaImportanceEvaluator(seed=seed), "PED-ANOVA": PedAnovaImportanceEvaluator()}
        for method, evaluator in evaluators.items():
            found = get_param_importances(made, evaluator=evaluator)
            right[f"Optuna's {method}"][truth] += next(iter(found)) == "a"
    print(json.dumps(right))


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


def write_pools(folder: Path) -> None:
    """Random searches over models of scikit-learn, on its own data: 600 trials each."""
    import json
    import math

    import numpy as np
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import log_loss
    from sklearn.svm import SVC

    def halves(data: Any, most: int = 600) -> tuple[Any, ...]:
        x, y = data
        order = np.random.default_rng(3).permutation(len(y))[:most]
        x = (x - x[order].mean(0)) / (x[order].std(0) + 1e-9)
        part = len(order) * 3 // 5
        return x[order[:part]], y[order[:part]], x[order[part:]], y[order[part:]]

    def log_uniform(source: random.Random, low: float, high: float) -> float:
        return math.exp(source.uniform(math.log(low), math.log(high)))

    def boosted(source: random.Random, seed: int) -> tuple[dict[str, Any], float]:
        x, y, other, truth = halves(load_diabetes(return_X_y=True))
        p: dict[str, Any] = {
            "learning_rate": log_uniform(source, 1e-3, 1),
            "max_iter": source.randint(5, 60),
            "max_leaf_nodes": source.randint(2, 32),
            "min_samples_leaf": source.randint(1, 60),
            "l2_regularization": log_uniform(source, 1e-4, 100),
            "max_features": source.uniform(0.1, 1),
        }
        model = HistGradientBoostingRegressor(**p, early_stopping=False, random_state=seed).fit(x, y)
        return p, float(np.sqrt(np.mean((model.predict(other) - truth) ** 2)))

    def vectors(source: random.Random, seed: int) -> tuple[dict[str, Any], float]:
        x, y, other, truth = halves(load_digits(return_X_y=True))
        p: dict[str, Any] = {"C": log_uniform(source, 1e-3, 1e3), "gamma": log_uniform(source, 1e-5, 1)}
        p |= {"kernel": source.choice(["rbf", "poly", "sigmoid"]), "tol": log_uniform(source, 1e-4, 1e-1)}
        if p["kernel"] == "poly":
            p["degree"] = source.randint(2, 5)
        return p, float(1 - SVC(**p, random_state=seed).fit(x, y).score(other, truth))

    def linear(source: random.Random, seed: int) -> tuple[dict[str, Any], float]:
        x, y, other, truth = halves(load_breast_cancer(return_X_y=True))
        p: dict[str, Any] = {
            "alpha": log_uniform(source, 1e-6, 1),
            "eta0": log_uniform(source, 1e-4, 1),
            "learning_rate": source.choice(["constant", "invscaling", "adaptive"]),
            "penalty": source.choice(["l1", "l2", "elasticnet"]),
            "max_iter": source.randint(2, 50),
            "average": source.choice(["yes", "no"]),
        }
        given = p | {"average": p["average"] == "yes"}
        model = SGDClassifier(loss="log_loss", tol=None, random_state=seed, **given).fit(x, y)
        return p, min(float(log_loss(truth, np.clip(model.predict_proba(other), 1e-9, 1))), 10.0)

    folder.mkdir(parents=True, exist_ok=True)
    for name, run in (("boosted trees", boosted), ("support vectors", vectors), ("linear by SGD", linear)):
        source = random.Random(name)
        rows = [dict(zip("py", run(source, seed), strict=True)) for seed in range(600)]
        (folder / f"{name}.json").write_text(json.dumps(rows))


def _matrix(rows: list[Any]) -> tuple[list[str], Any, Any]:
    """Names, a column for each, and the values, far ones drawn in."""
    import numpy as np

    names = sorted({name for row in rows for name in row["p"]})
    columns = []
    for name in names:
        given = [row["p"].get(name) for row in rows]
        if any(isinstance(value, str) for value in given):
            levels = sorted({str(value) for value in given})
            columns.append([float(levels.index(str(value))) for value in given])
        else:
            least = min(value for value in given if value is not None)
            columns.append([-1.0 if v is None else float(np.log(v)) if least > 0 else float(v) for v in given])
    y = np.array([row["y"] for row in rows])
    low, high = np.percentile(y, [25, 75])
    return names, np.array(columns).T, np.clip(y, low - 3 * (high - low), high + 3 * (high - low))


def truths() -> None:
    """Total effects of hyperparameters, and what pairs do only together, on a forest of each whole pool."""
    import json
    from itertools import combinations

    import numpy as np
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    found = {}
    for pool, rows in json.load(sys.stdin).items():
        names, x, y = _matrix(rows)
        sets = [(name,) for name in names] + list(combinations(names, 2))
        effects = dict.fromkeys(sets, 0.0)
        source = np.random.default_rng(0)
        for train, other in KFold(5, shuffle=True, random_state=0).split(x):
            forest = RandomForestRegressor(100, min_samples_leaf=2, random_state=0).fit(x[train], y[train])
            predicted, order = forest.predict(x[other]), source.permutation(len(other))
            for each in sets:
                moved = x[other].copy()
                for name in each:
                    at = names.index(name)
                    moved[:, at] = x[other][order, at]
                effects[each] += float(np.mean((forest.predict(moved) - predicted) ** 2) / 2 / np.var(y) / 5)
        found[pool] = {name: effects[name,] for name in names} | {
            " & ".join(pair): effects[pair[0],] + effects[pair[1],] - effects[pair] for pair in sets[len(names) :]
        }
    print(json.dumps(found))


def orders() -> None:
    """The hyperparameters in each method's order, of each sweep."""
    import json

    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found: dict[str, dict[str, list[list[str]]]] = {"fANOVA": {}, "PED-ANOVA": {}, "forest permutation": {}}
    for where, sweeps in json.load(sys.stdin).items():
        for each in found.values():
            each[where] = []
        for seed, rows in enumerate(sweeps):
            names, x, y = _matrix(rows)
            forest = RandomForestRegressor(100, random_state=seed).fit(x, y)
            shares = permutation_importance(forest, x, y, n_repeats=5, random_state=seed).importances_mean
            found["forest permutation"][where].append([names[at] for at in (-shares).argsort()])
            space: dict[str, Any] = {}
            for at, name in enumerate(names):
                levels = sorted({row["p"].get(name) for row in rows}, key=str)
                is_number = all(isinstance(value, int | float) for value in levels)
                space[name] = (
                    FloatDistribution(x[:, at].min(), x[:, at].max()) if is_number else CategoricalDistribution(levels)
                )
            made = optuna.create_study()
            for row, places, value in zip(rows, x.tolist(), y.tolist(), strict=True):
                given = {
                    name: places[at] if isinstance(space[name], FloatDistribution) else row["p"].get(name)
                    for at, name in enumerate(names)
                }
                made.add_trial(optuna.trial.create_trial(params=given, distributions=space, value=value))
            evaluators = {
                "fANOVA": FanovaImportanceEvaluator(n_trees=32, seed=seed),
                "PED-ANOVA": PedAnovaImportanceEvaluator(),
            }
            for method, evaluator in evaluators.items():
                found[method][where].append(list(get_param_importances(made, evaluator=evaluator)))
    print(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1] == "pools":
        write_pools(Path(sys.argv[2]))
    elif sys.argv[1] in ("truths", "orders"):
        globals()[sys.argv[1]]()
    elif sys.argv[1] == "importance":
        importance_truths()
    elif sys.argv[1] == "next":
        next_points(int(sys.argv[2]), int(sys.argv[3]))
    else:
        globals()[f"{sys.argv[1]}_{sys.argv[2]}"](int(sys.argv[3]), Path(sys.argv[4]))
