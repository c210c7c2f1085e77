"""Advice from the use of machines: cheaper machines that hold the memory seen, and limits that are near.

Nothing is said of less than ten minutes of points. A cheaper machine is named only if its price is known, and only if
it has the memory that was seen with some to spare. Money is an estimate by on-demand prices.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from trialbook.core.analysis.machine_use import JobUse
from trialbook.core.analysis.model import Advice, Value
from trialbook.core.analysis.prices import Prices, hourly
from trialbook.core.analysis.wording import dollars, duration, plural
from trialbook.core.machines import OFFERED, Machine
from trialbook.core.numbers import percent, shown

_LEAST_MINUTES = 10
_IDLE = 0.3  # of the machine, on average
_UNUSED = 0.01
_HALF = 0.5
_BUSY = 0.85  # of all cores: the GPU may wait for them
_NEAR = 0.9  # of memory or disk
_TO_SPARE = 1.2  # times the memory that was seen
_CHEAPER = 0.8  # of the price: less of a saving is not named
_MOST_ASKED = 6  # machines whose prices are asked for one that is idle


@dataclass(frozen=True, slots=True)
class _Seen:
    """The jobs that were measured on machines of one type, as one."""

    machine: Machine
    uses: tuple[JobUse, ...]

    @property
    def minutes(self) -> float:
        return sum(each.minutes for each in self.uses)

    @property
    def on(self) -> str:
        """`over 42 min on ml.p3.2xlarge, in 3 jobs`."""
        jobs = f", in {plural(len(self.uses), 'job')}" if len(self.uses) > 1 else ""
        return f"over {duration(60 * self.minutes)} on {self.machine.name}{jobs}"

    def mean(self, measure: str) -> float | None:
        """Over all minutes."""
        known = [(value, each.minutes) for each in self.uses if (value := getattr(each, measure)) is not None]
        return sum(value * minutes for value, minutes in known) / sum(m for _, m in known) if known else None

    def most(self, measure: str) -> float | None:
        return max((value for each in self.uses if (value := getattr(each, measure)) is not None), default=None)

    @property
    def memory(self) -> float | None:
        """GiB of memory that were in use at most."""
        share = self.most("memory")
        return None if share is None else share * self.machine.memory

    @property
    def gpu_memory(self) -> float | None:
        """GiB of all GPUs' memory that were in use at most."""
        shares = self.most("gpu_memory")
        return None if shares is None else shares * self.machine.gpu_memory


def machine_advice(uses: Sequence[JobUse], prices: Prices) -> list[Advice]:
    """Advice for the jobs' machines, type by type."""
    return [advice for seen in _by_machine(uses) for advice in _about(seen, prices)]


def machines_to_price(uses: Sequence[JobUse]) -> set[str]:
    """The machines whose prices the advice needs."""
    return {machine.name for seen in _by_machine(uses) for machine in _smallest(_alternatives(seen))}


def _by_machine(uses: Iterable[JobUse]) -> list[_Seen]:
    apart: dict[Machine, list[JobUse]] = {}
    for each in uses:
        if each.machine is not None and each.minutes >= _LEAST_MINUTES:
            apart.setdefault(each.machine, []).append(each)
    return [_Seen(machine, tuple(found)) for machine, found in apart.items()]


def _about(seen: _Seen, prices: Prices) -> list[Advice]:
    """One of idle machines, and any of limits."""
    found = _waiting(seen) or _one_of_several(seen, prices) or _gpu_idle(seen, prices) or _cpu_idle(seen, prices)
    return [*([found] if found else []), *_limits(seen)]


# -- idle -----------------------------------------------------------------------------------------------------------


def _is_waiting(seen: _Seen) -> bool:
    gpu, cpu = seen.mean("gpu"), seen.mean("cpu")
    return gpu is not None and cpu is not None and _UNUSED < gpu < _HALF and cpu >= _BUSY


def _waiting(seen: _Seen) -> Advice | None:
    if not _is_waiting(seen):
        return None
    gpu, cpu = seen.mean("gpu") or 0.0, seen.mean("cpu") or 0.0
    text = (
        f"CPU {percent(cpu)} and GPU {percent(gpu)} busy on average {seen.on}: the GPU may have waited for data that "
        "the CPU prepared. Prepare data in advance or with less work, or take a machine with more cores for its GPU."
    )
    return Advice("waiting for data", text, None, {"cpu": cpu, "gpu": gpu, "minutes": seen.minutes})


def _uses_one_of_several(seen: _Seen) -> bool:
    gpus, memory = seen.most("gpus"), seen.most("gpu_memory")
    return seen.machine.gpus > 1 and gpus is not None and _UNUSED < gpus <= 1 and (memory is None or memory <= 1)


def _one_of_several(seen: _Seen, prices: Prices) -> Advice | None:
    if not _uses_one_of_several(seen):
        return None
    gpus = seen.most("gpus") or 0.0
    text = (
        f"No minute used more than {percent(gpus)} of one GPU {seen.on}, which has {seen.machine.gpus} GPUs. "
        f"One GPU can do as much{_named(seen, prices)}."
    )
    return Advice("one GPU used", text, None, _figures(seen, prices, {"gpus": gpus}))


def _gpu_idle(seen: _Seen, prices: Prices) -> Advice | None:
    gpu, most = seen.mean("gpu"), seen.most("gpus")
    if gpu is None or most is None or gpu >= _IDLE:
        return None
    at_most = f" ({percent(most / seen.machine.gpus)} in the busiest minute)"
    slower = " It is cheaper if training there takes less than {} times as long." if gpu >= _UNUSED else ""
    text = f"GPU {percent(gpu)} busy on average {seen.on}{at_most}{_named(seen, prices, slower)}"
    return Advice("GPU idle", _ended(text), None, _figures(seen, prices, {"gpu": gpu}))


def _cpu_idle(seen: _Seen, prices: Prices) -> Advice | None:
    cpu, cores = seen.mean("cpu"), seen.most("cores")
    if seen.machine.gpus or cpu is None or cores is None or cpu >= _IDLE:
        return None
    named = _named(seen, prices) or _unpriced(seen, prices)
    if not named:
        return None
    text = (
        f"CPU {percent(cpu)} busy on average {seen.on} (at most {shown(round(cores, 1))} of {seen.machine.vcpus} cores)"
    )
    return Advice("CPU idle", f"{text}{named}.", None, _figures(seen, prices, {"cpu": cpu, "cores": cores}))


def _unpriced(seen: _Seen, prices: Prices) -> str:
    """That a smaller machine would hold what was seen, where no price says which one is cheaper."""
    memory = seen.memory
    is_smaller = any(
        each.vcpus < seen.machine.vcpus and each.memory < seen.machine.memory for each in _alternatives(seen)
    )
    is_reserved = any(each.job.training_plan for each in seen.uses)
    if seen.machine.name in prices or is_reserved or memory is None or not is_smaller:
        return ""
    return (
        f", and at most {shown(float(f'{memory:.2g}'))} of {shown(seen.machine.memory)} GiB of memory in use: a "
        "smaller machine would hold that. Its price is not known here"
    )


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _alternatives(seen: _Seen) -> list[Machine]:
    """The machines that hold what was seen; none if its memory is not known, or nothing suggests another machine."""
    memory, cores, machine = seen.memory, seen.most("cores"), seen.machine
    if memory is None or cores is None or _is_waiting(seen):
        return []
    if _uses_one_of_several(seen):
        gpu_memory = seen.gpu_memory
        return [
            each
            for each in OFFERED
            if each.gpus == 1
            and gpu_memory is not None
            and each.gpu_memory >= gpu_memory
            and each.memory >= memory * _TO_SPARE
            and each.vcpus >= ceil(cores)
        ]
    gpu, cpu = seen.mean("gpu"), seen.mean("cpu")
    if machine.gpus and gpu is not None and gpu < _IDLE and seen.gpu_memory is not None:
        # What was in the GPU's memory has to be in the other one, and the processor does the GPU's work.
        needed, least = (memory + seen.gpu_memory) * _TO_SPARE, machine.vcpus if gpu >= _UNUSED else ceil(cores)
    elif not machine.gpus and cpu is not None and cpu < _IDLE:
        needed, least = memory * _TO_SPARE, ceil(cores)
    else:
        return []
    return [each for each in OFFERED if not each.gpus and each.memory >= needed and each.vcpus >= least]


def _smallest(found: Iterable[Machine]) -> list[Machine]:
    return sorted(found, key=lambda each: (each.vcpus, each.memory))[:_MOST_ASKED]


def _cheapest(seen: _Seen, prices: Prices) -> tuple[Machine, float, float] | None:
    """The cheapest machine that would do, with its price and that of the present one; None if it saves too little."""
    own = prices.get(seen.machine.name)
    if own is None or any(hourly(each.job, prices) is None for each in seen.uses):
        return None
    known = [(prices[each.name], each) for each in _smallest(_alternatives(seen)) if each.name in prices]
    if not known:
        return None
    price, machine = min(known, key=lambda each: (each[0], each[1].vcpus))
    return (machine, price, own) if price <= _CHEAPER * own else None


def _named(seen: _Seen, prices: Prices, slower: str = "") -> str:
    """The cheaper machine, with what it would cost; nothing if none is known."""
    found = _cheapest(seen, prices)
    memory = seen.memory
    if found is None or memory is None:
        return ""
    machine, price, own = found
    holds = f"holds the {shown(float(f'{memory:.2g}'))} GiB of memory seen"
    spent = _spent(seen, prices)
    if slower or spent is None:
        costs = f"costs about {dollars(price)} an hour instead of {dollars(own)}"
    else:
        costs = f"would have cost about {dollars(spent * price / own)} instead of {dollars(spent)}"
    text = f": {machine.name} {costs} (estimate) and {holds}"
    return text + (f".{slower.format(f'{own / price:.1f}')}" if slower else "")


def _spent(seen: _Seen, prices: Prices) -> float | None:
    """The cost of the jobs' machines; None if their billed time is not known."""
    known = [
        dollars_an_hour * each.job.billable_seconds / 3600
        for each in seen.uses
        if (dollars_an_hour := hourly(each.job, prices)) is not None and each.job.billable_seconds is not None
    ]
    return sum(known) if len(known) == len(seen.uses) else None


def _figures(seen: _Seen, prices: Prices, measured: dict[str, float]) -> dict[str, Value]:
    figures: dict[str, Value] = {"instance_type": seen.machine.name, "minutes": round(seen.minutes, 1), **measured}
    found = _cheapest(seen, prices)
    if found is not None:
        machine, price, own = found
        figures |= {"cheaper": machine.name, "usd_per_hour": price, "instead_of_usd_per_hour": own}
        figures["memory_gib"] = seen.memory
    return figures


# -- limits -----------------------------------------------------------------------------------------------------------


def _limits(seen: _Seen) -> list[Advice]:
    return [
        each
        for each in (
            _near(seen, "memory", "memory", f" of {shown(seen.machine.memory)} GiB", "take a machine with more"),
            _gpu_memory_near(seen),
            _near(seen, "disk", "disk space", "", "raise the job's volume size"),
        )
        if each is not None
    ]


def _near(seen: _Seen, measure: str, what: str, of: str, remedy: str) -> Advice | None:
    most = seen.most(measure)
    if most is None or most < _NEAR:
        return None
    job = max(seen.uses, key=lambda each: getattr(each, measure) or 0.0).job.name
    text = (
        f"{percent(most)}{of} of {what} in use at most {seen.on} ({job}): a little more data or a larger model may "
        f"fail; {remedy} before that."
    )
    return Advice(f"{what} near its end", text, None, {measure: most, "minutes": round(seen.minutes, 1)})


def _gpu_memory_near(seen: _Seen) -> Advice | None:
    most = seen.most("gpu_memory")
    if most is None or not seen.machine.gpus or most / seen.machine.gpus < _NEAR:
        return None
    text = (
        f"{percent(most / seen.machine.gpus)} of GPU memory in use at most {seen.on}: a larger batch or model may "
        "fail, unless the framework reserves all memory in advance, as TensorFlow does."
    )
    share = most / seen.machine.gpus
    return Advice("GPU memory near its end", text, None, {"gpu_memory": share, "minutes": round(seen.minutes, 1)})
