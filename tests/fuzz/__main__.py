"""Prints, for each boundary, how many inputs were read and refused, and what went wrong with which seed."""

import logging
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from random import Random

from tests.fuzz.boundaries import BOUNDARIES
from trialbook.runtime.observability import quiet

INPUTS = 2000
MOST_SECONDS = 0.5  # of processor time, for one input


def run(name: str, inputs: int) -> tuple[Counter[str], dict[int, str]]:
    """What became of the inputs of a boundary, and the findings by seed."""
    outcomes: Counter[str] = Counter()
    findings: dict[int, str] = {}
    with suppress(Exception):  # what loads once, modules and clients, is no input's doing
        BOUNDARIES[name](Random(f"{name} 0"))
    for seed in range(inputs):
        began = time.process_time()
        try:
            outcomes[BOUNDARIES[name](Random(f"{name} {seed}"))] += 1
        except Exception:  # noqa: BLE001 whatever it is, it is a finding
            outcomes["failed"] += 1
            findings[seed] = traceback.format_exc()
        if time.process_time() - began > MOST_SECONDS:
            findings.setdefault(seed, "took too long")
    return outcomes, findings


def main(names: list[str]) -> int:
    """Runs the named boundaries, or all."""
    failed = 0
    logging.disable()  # of what is refused there is much to log
    for name in names or list(BOUNDARIES):
        with quiet():
            outcomes, findings = run(name, INPUTS)
        sys.stdout.write(f"{name}: {INPUTS} inputs, {dict(sorted(outcomes.items()))}\n")
        for seed, finding in list(findings.items())[:5]:
            sys.stdout.write(f"  seed {seed}: {finding}\n")
        failed += len(findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
