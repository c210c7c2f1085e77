"""How often the right first hyperparameter is named: ours, and on the same trials random-forest permutation and Optuna's
fANOVA and PED-ANOVA, with their defaults, if their environment exists (see the whole report). 100 seeds on which the model
was not chosen, 60 trials, four uniform hyperparameters."""

import json
import random
import subprocess
from collections import Counter

from tests.benchmarks.page import table
from tests.benchmarks.report import PEER, PEERS
from tests.unit.test_importance import NUMBERS, TRUTHS
from trialbook.core.analysis.importance import importance
from trialbook.core.objectives import ObjectiveType

TITLE = "Which hyperparameter mattered"
SEEDS, TRIALS = range(1000, 1100), 60


def measure() -> str:
    """The right one first, of as many seeds, by truth and noise."""
    rows: list[list[object]] = []
    for noise in (0.3, 1.0):
        right: Counter[str] = Counter()
        cases = []
        for truth, value_of in TRUTHS.items():
            for seed in SEEDS:
                source = random.Random(seed)
                drawn = [{name: source.random() for name in "abcd"} for _ in range(TRIALS)]
                values = [value_of(each) + source.gauss(0, noise) for each in drawn]
                found = importance(NUMBERS, [dict(each) for each in drawn], values, ObjectiveType.MINIMIZE)
                right[truth] += found is not None and found.effects[0].parameter == "a"
                cases.append({"truth": truth, "seed": seed, "x": [list(each.values()) for each in drawn], "y": values})
        rows.append(["additive model (ours)", f"{noise}", *(right[truth] for truth in TRUTHS)])
        if PEERS.exists():
            lines = "\n".join(map(json.dumps, cases))
            command = [str(PEERS), str(PEER), "importance"]
            answer = json.loads(subprocess.run(command, input=lines, check=True, capture_output=True, text=True).stdout)
            rows += [[method, f"{noise}", *(hits[truth] for truth in TRUTHS)] for method, hits in answer.items()]
    return table(["method", "noise", *TRUTHS], rows)
