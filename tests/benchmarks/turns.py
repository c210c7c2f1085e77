"""Processes that are measured beside each other, by turns."""

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.conftest import ROOT


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of a whole process, of processor too, and what it printed."""

    seconds: float
    of_processor: float
    printed: str


def here(**variables: str) -> Mapping[str, str]:
    """This process's environment with these variables. Python keeps its bytecode, as it does for users."""
    return {**os.environ, **variables, "PYTHONDONTWRITEBYTECODE": ""}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: the process that asks it, its environment, and its runs so far."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=here)
    runs: list[Run] = field(default_factory=list)

    def run(self) -> None:
        """Asks once more."""
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(self.command, cwd=ROOT, check=True, capture_output=True, env=dict(self.environment))
        seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.runs.append(Run(seconds, spent, done.stdout.decode()))

    @property
    def seconds(self) -> float:
        """The median of the runs."""
        return median(each.seconds for each in self.runs)

    @property
    def of_processor(self) -> float:
        """The median of the runs."""
        return median(each.of_processor for each in self.runs)


def in_turns(questions: Sequence[Asked], times: int) -> None:
    """Asks each so many times; a first time warms the disk and does not count."""
    for each in questions:
        each.run()
        each.runs.clear()
    for _ in range(times):
        for each in questions:
            each.run()
