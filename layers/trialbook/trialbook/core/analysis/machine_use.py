"""How busy the machines of jobs were, measured minute by minute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from trialbook.core.analysis.curve_model import MachineUse
from trialbook.core.curves.series import JobCurves, Series
from trialbook.core.jobs import Job
from trialbook.core.machines import MACHINES, Machine

CPU, MEMORY, GPU, GPU_MEMORY, DISK = "CPU", "memory", "GPU", "GPU memory", "disk"
MEASURES = (CPU, MEMORY, GPU, GPU_MEMORY, DISK)


@dataclass(frozen=True, slots=True)
class JobUse:
    """The use of a job's machines. Of CPU and GPU the mean over time and hosts, as a share of the whole machine, and
    the busiest minute in cores and GPUs of one host; of memory and disk the highest share of any host. None: not
    measured. `gpu_memory` counts the memory of one GPU as 1."""

    job: Job
    machine: Machine | None
    minutes: float
    cpu: float | None
    cores: float | None
    memory: float | None
    gpu: float | None
    gpus: float | None
    gpu_memory: float | None
    disk: float | None

    def percentages(self) -> dict[str, float]:
        """The measures that are known, in per cent of the whole machine."""
        gpu_memory = None
        if self.gpu_memory is not None and self.machine is not None and self.machine.gpus:
            gpu_memory = self.gpu_memory / self.machine.gpus
        known = {CPU: self.cpu, MEMORY: self.memory, GPU: self.gpu, GPU_MEMORY: gpu_memory, DISK: self.disk}
        return {name: round(100 * share, 1) for name, share in known.items() if share is not None}


def job_use(job: Job, curves: JobCurves) -> JobUse | None:
    """The measured use of a job's machines; None if nothing was measured.

    CloudWatch counts each core and each GPU as 100%, so a share of the machine needs to know its type.
    """
    hosts = [used for used in curves.hosts.values() if used]
    if not hosts:
        return None
    types = {group.instance_type for group in job.instances}
    machine = MACHINES.get(next(iter(types))) if len(types) == 1 else None
    cores, gpus = _means(hosts, "CPUUtilization"), _means(hosts, "GPUUtilization")
    return JobUse(
        job=job,
        machine=machine,
        minutes=max((_minutes(series) for used in hosts for series in used.values()), default=0.0),
        cpu=_share(fmean(cores), machine.vcpus) if cores and machine else None,
        cores=_greatest(hosts, "CPUUtilization"),
        memory=_greatest(hosts, "MemoryUtilization"),
        gpu=_share(fmean(gpus), machine.gpus) if gpus and machine and machine.gpus else None,
        gpus=_greatest(hosts, "GPUUtilization"),
        gpu_memory=_greatest(hosts, "GPUMemoryUtilization"),
        disk=_greatest(hosts, "DiskUtilization"),
    )


def _share(used: float, of: int) -> float:
    return min(used / of, 1.0)


def _means(hosts: Sequence[Mapping[str, Series]], measure: str) -> list[float]:
    """The mean of each host, 1 for a whole core or GPU."""
    values = ([value / 100 for _, value in used[measure].points()] for used in hosts if measure in used)
    return [fmean(each) for each in values if each]


def _greatest(hosts: Sequence[Mapping[str, Series]], measure: str) -> float | None:
    """The highest value of any host, 1 for 100%."""
    return max((value / 100 for used in hosts if measure in used for _, value in used[measure].points()), default=None)


def _minutes(series: Series) -> float:
    """How long it was measured: its points times their distance."""
    xs = series.xs
    if len(xs) < 2:
        return float(len(xs))
    step = min(later - earlier for earlier, later in pairwise(xs))
    return (xs[-1] - xs[0] + step if series.is_thinned else len(xs) * step) / 60


def uses(jobs: Sequence[Job], curves: Mapping[str, JobCurves]) -> list[JobUse]:
    """Of each job whose machines were measured."""
    return [use for job in jobs if job.name in curves and (use := job_use(job, curves[job.name])) is not None]


def summed_up(found: Sequence[JobUse]) -> tuple[MachineUse, ...]:
    """By measure, over the jobs."""
    shares = [(each.job.name, each.percentages()) for each in found]
    rows = []
    for measure in MEASURES:
        known = [(each[measure], name) for name, each in shares if measure in each]
        if known:
            greatest, name = max(known)
            values = [value for value, _ in known]
            rows.append(MachineUse(measure, len(known), min(values), median(values), greatest, name))
    return tuple(rows)
