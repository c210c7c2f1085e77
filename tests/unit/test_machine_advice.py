"""What the use of machines suggests: right on cases made by hand, silent where the data shows nothing."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.unit.samples import job
from trialbook.core.analysis.machine_advice import machine_advice, machines_to_price
from trialbook.core.analysis.machine_use import JobUse, summed_up, uses
from trialbook.core.analysis.model import Advice
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.jobs import InstanceGroup
from trialbook.core.machines import MACHINES

# US dollars an hour, as the price list of us-east-1 has them.
PRICES = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.r5.large": 0.151,
    "ml.r5.xlarge": 0.302,
    "ml.r5.2xlarge": 0.605,
    "ml.g4dn.xlarge": 0.736,
    "ml.g4dn.2xlarge": 0.94,
    "ml.g4dn.12xlarge": 4.89,
    "ml.g5.xlarge": 1.408,
    "ml.p3.2xlarge": 3.825,
}


def minute_by_minute(values: list[float]) -> Series:
    return Series.of(Axis.TIME, ((60.0 * place, value) for place, value in enumerate(values)))


def measured(machine: str, minutes: int = 42, *, name: str = "net", hosts: int = 1, **use: Any) -> list[JobUse]:
    """A job on machines of a type, as CloudWatch measures it: each core and each GPU counts 100. A list is repeated."""
    names = {
        "cpu": "CPUUtilization",
        "memory": "MemoryUtilization",
        "gpu": "GPUUtilization",
        "gpu_memory": "GPUMemoryUtilization",
        "disk": "DiskUtilization",
    }
    series = {}
    for key, given in use.items():
        values = given if isinstance(given, list) else [given]
        series[names[key]] = minute_by_minute([values[place % len(values)] for place in range(minutes)])
    made = job(name, 0, minutes, instances=(InstanceGroup(machine, hosts),), billable_seconds=60 * minutes)
    return uses([made], {name: JobCurves(name, {}, {f"algo-{host}": series for host in range(1, hosts + 1)})})


def said(found: list[JobUse], prices: dict[str, float] | None = None) -> list[Advice]:
    return machine_advice(found, PRICES if prices is None else prices)


@dataclass(frozen=True)
class Case:
    """What was measured; the kind of advice that is right, and the machine that it should name."""

    machine: str
    use: dict[str, Any]
    kinds: list[str]
    cheaper: str | None = None
    minutes: int = 42


CASES = {
    "a GPU at 11%": Case(
        "ml.p3.2xlarge", {"cpu": 90, "memory": 15, "gpu": [5, 17], "gpu_memory": 10}, ["GPU idle"], "ml.c5.2xlarge"
    ),
    "a GPU at 11% whose data needs more memory": Case(
        "ml.p3.2xlarge", {"cpu": 90, "memory": 30, "gpu": [5, 17], "gpu_memory": 10}, ["GPU idle"], "ml.m5.2xlarge"
    ),
    "a GPU that is never used": Case(
        "ml.g4dn.xlarge", {"cpu": 150, "memory": 20, "gpu": 0, "gpu_memory": 0}, ["GPU idle"], "ml.m5.large"
    ),
    "a GPU that works": Case("ml.g4dn.xlarge", {"cpu": 120, "memory": 40, "gpu": 85, "gpu_memory": 60}, []),
    "one GPU of four": Case(
        "ml.g4dn.12xlarge",
        {"cpu": 300, "memory": 5, "gpu": [95, 99], "gpu_memory": 70},
        ["one GPU used"],
        "ml.g4dn.xlarge",
    ),
    "four GPUs of four": Case("ml.g4dn.12xlarge", {"cpu": 900, "memory": 10, "gpu": 340, "gpu_memory": 250}, []),
    "a GPU that waits for the processor": Case(
        "ml.g4dn.xlarge", {"cpu": 390, "memory": 40, "gpu": 31, "gpu_memory": 50}, ["waiting for data"]
    ),
    "a processor at 9%": Case("ml.m5.4xlarge", {"cpu": [130, 170], "memory": 8}, ["CPU idle"], "ml.m5.large"),
    "a processor at 9% with much memory": Case(
        "ml.m5.4xlarge", {"cpu": [130, 170], "memory": 60}, ["CPU idle"], "ml.r5.2xlarge"
    ),
    "idle on average, but one minute needs all cores": Case(
        "ml.m5.4xlarge", {"cpu": [*[20] * 41, 1600], "memory": 8}, []
    ),
    "memory near its end": Case("ml.m5.xlarge", {"cpu": 380, "memory": [70, 96]}, ["memory near its end"]),
    "disk near its end": Case("ml.m5.xlarge", {"cpu": 380, "memory": 30, "disk": 94}, ["disk space near its end"]),
    "GPU memory near its end": Case(
        "ml.g4dn.xlarge", {"cpu": 120, "memory": 40, "gpu": 95, "gpu_memory": 97}, ["GPU memory near its end"]
    ),
    "nine minutes of an idle GPU": Case(
        "ml.p3.2xlarge", {"cpu": 90, "memory": 99, "gpu": 1, "gpu_memory": 99}, [], minutes=9
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_advice_on_cases_made_by_hand(case: Case) -> None:
    found = said(measured(case.machine, case.minutes, **case.use))

    assert [each.kind for each in found] == case.kinds
    assert [each.figures["cheaper"] for each in found if "cheaper" in each.figures] == (
        [case.cheaper] if case.cheaper else []
    )


def test_the_words_of_an_idle_gpu() -> None:
    (advice,) = said(measured("ml.p3.2xlarge", cpu=90, memory=30, gpu=[5, 17], gpu_memory=10))

    assert advice.text == (
        "GPU 11% busy on average over 42 min on ml.p3.2xlarge (17% in the busiest minute): ml.m5.2xlarge costs about "
        "$0.46 an hour instead of $3.83 (estimate) and holds the 18 GiB of memory seen. It is cheaper if training there "
        "takes less than 8.3 times as long."
    )


def test_the_words_of_an_idle_processor() -> None:
    (advice,) = said(measured("ml.m5.4xlarge", 120, cpu=[130, 170], memory=8))

    assert advice.text == (
        "CPU 9.4% busy on average over 2 h on ml.m5.4xlarge (at most 1.7 of 16 cores): ml.m5.large would have cost about "
        "$0.23 instead of $1.84 (estimate) and holds the 5.1 GiB of memory seen."
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_machine_that_is_named_holds_what_was_seen_and_is_cheaper(case: Case) -> None:
    found = measured(case.machine, case.minutes, **case.use)
    for advice in said(found):
        if "cheaper" in advice.figures:
            cheaper, (use,) = MACHINES[str(advice.figures["cheaper"])], found
            assert use.memory is not None
            assert use.machine is not None
            assert cheaper.memory > use.memory * use.machine.memory
            assert PRICES[cheaper.name] < PRICES[case.machine]
            assert cheaper.name in machines_to_price(found)
            assert "(estimate)" in advice.text


def test_jobs_on_the_same_machines_are_grouped_and_short_ones_do_not_count() -> None:
    use = {"cpu": 30, "memory": 8}
    found = [each for n in range(3) for each in measured("ml.m5.4xlarge", 20, name=f"net-{n}", **use)]
    found += measured("ml.m5.4xlarge", 5, name="short", cpu=1600, memory=99)

    (advice,) = said(found)
    assert "over 1 h 0 min" in advice.text or "over 1 h on" in advice.text
    assert "in 3 jobs" in advice.text


def test_without_prices_no_other_machine_is_named() -> None:
    idle = measured("ml.p3.2xlarge", cpu=90, memory=15, gpu=[5, 17], gpu_memory=10)

    (advice,) = said(idle, {})
    assert advice.text == "GPU 11% busy on average over 42 min on ml.p3.2xlarge (17% in the busiest minute)."
    (advice,) = said(measured("ml.m5.4xlarge", cpu=100, memory=8), {})
    assert advice.text == (
        "CPU 6.3% busy on average over 42 min on ml.m5.4xlarge (at most 1 of 16 cores), and at most 5.1 of 64 GiB of "
        "memory in use: a smaller machine would hold that. Its price is not known here."
    )
    assert said(measured("ml.m5.4xlarge", cpu=1500, memory=8), {}) == []
    assert said(measured("ml.m5.large", cpu=20, memory=8), {}) == []


def test_machines_that_a_plan_reserves_have_no_price_to_save() -> None:
    (use,) = measured("ml.m5.4xlarge", cpu=100, memory=8)
    reserved = replace(use, job=replace(use.job, training_plan="arn:aws:sagemaker:us-east-1:1:training-plan/p"))

    assert said([reserved]) == []


def test_without_memory_measured_no_other_machine_is_named() -> None:
    assert said(measured("ml.m5.4xlarge", cpu=100)) == []
    assert machines_to_price(measured("ml.m5.4xlarge", cpu=100)) == set()


def test_a_machine_of_an_unknown_type_has_no_share_of_its_cores() -> None:
    (use,) = measured("ml.q9.large", cpu=100, memory=50, gpu=50)

    assert use.percentages() == {"memory": 50.0}
    assert said([use]) == []


def test_two_hosts_count_by_the_mean_and_their_memory_by_the_fuller() -> None:
    series = {"algo-1": 80.0, "algo-2": 40.0}
    made = job("net", 0, 42, instances=(InstanceGroup("ml.m5.xlarge", 2),))
    hosts = {
        host: {"CPUUtilization": minute_by_minute([value] * 42), "MemoryUtilization": minute_by_minute([value] * 42)}
        for host, value in series.items()
    }
    (use,) = uses([made], {"net": JobCurves("net", {}, hosts)})

    assert use.percentages() == {"CPU": 15.0, "memory": 80.0}


def test_the_use_of_all_jobs_by_measure() -> None:
    found = [each for n, cpu in enumerate([40, 80, 400]) for each in measured("ml.m5.xlarge", name=f"net-{n}", cpu=cpu)]
    (row,) = summed_up(found)

    assert (row.measure, row.jobs, row.least, row.median, row.greatest, row.job_name) == (
        "CPU",
        3,
        10.0,
        20.0,
        100.0,
        "net-2",
    )


def test_a_job_without_measurements_has_none() -> None:
    assert uses([job("net")], {"net": JobCurves("net")}) == []
