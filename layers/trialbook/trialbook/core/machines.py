"""The processors and memory of SageMaker's training machines, from AWS's pages of instance types."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """An instance type: its processors, GiB of memory, GPUs, and GiB of memory of each GPU."""

    name: str
    vcpus: int
    memory: float
    gpus: int = 0
    gpu_memory: float = 0.0


_WITHOUT_GPUS = re.compile(r"ml\.[cmrt]\d[a-z]*\..+")
# GiB of memory for each vCPU, by family; sizes by the number of vCPUs.
_SIZES = {
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "9xlarge": 36,
    "12xlarge": 48,
    "16xlarge": 64,
    "18xlarge": 72,
    "24xlarge": 96,
    "32xlarge": 128,
}
_FAMILIES = {
    "m5": (4.0, ("large", "xlarge", "2xlarge", "4xlarge", "12xlarge", "24xlarge")),
    "m6i": (4.0, ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge")),
    "c5": (2.0, ("xlarge", "2xlarge", "4xlarge", "9xlarge", "18xlarge")),
    "c6i": (2.0, ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge")),
    "r5": (8.0, ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")),
}
_WITH_GPUS = (
    ("ml.g4dn.xlarge", 4, 16, 1, 16),
    ("ml.g4dn.2xlarge", 8, 32, 1, 16),
    ("ml.g4dn.4xlarge", 16, 64, 1, 16),
    ("ml.g4dn.8xlarge", 32, 128, 1, 16),
    ("ml.g4dn.12xlarge", 48, 192, 4, 16),
    ("ml.g4dn.16xlarge", 64, 256, 1, 16),
    ("ml.g5.xlarge", 4, 16, 1, 24),
    ("ml.g5.2xlarge", 8, 32, 1, 24),
    ("ml.g5.4xlarge", 16, 64, 1, 24),
    ("ml.g5.8xlarge", 32, 128, 1, 24),
    ("ml.g5.12xlarge", 48, 192, 4, 24),
    ("ml.g5.16xlarge", 64, 256, 1, 24),
    ("ml.g5.24xlarge", 96, 384, 4, 24),
    ("ml.g5.48xlarge", 192, 768, 8, 24),
    ("ml.g6.xlarge", 4, 16, 1, 24),
    ("ml.g6.2xlarge", 8, 32, 1, 24),
    ("ml.g6.4xlarge", 16, 64, 1, 24),
    ("ml.g6.8xlarge", 32, 128, 1, 24),
    ("ml.g6.12xlarge", 48, 192, 4, 24),
    ("ml.g6.16xlarge", 64, 256, 1, 24),
    ("ml.g6.24xlarge", 96, 384, 4, 24),
    ("ml.g6.48xlarge", 192, 768, 8, 24),
    ("ml.p2.xlarge", 4, 61, 1, 12),
    ("ml.p2.8xlarge", 32, 488, 8, 12),
    ("ml.p2.16xlarge", 64, 732, 16, 12),
    ("ml.p3.2xlarge", 8, 61, 1, 16),
    ("ml.p3.8xlarge", 32, 244, 4, 16),
    ("ml.p3.16xlarge", 64, 488, 8, 16),
    ("ml.p3dn.24xlarge", 96, 768, 8, 32),
    ("ml.p4d.24xlarge", 96, 1152, 8, 40),
    ("ml.p4de.24xlarge", 96, 1152, 8, 80),
    ("ml.p5.48xlarge", 192, 2048, 8, 80),
)


def _all() -> Iterator[Machine]:
    for family, (per_vcpu, sizes) in _FAMILIES.items():
        for size in sizes:
            yield Machine(f"ml.{family}.{size}", _SIZES[size], _SIZES[size] * per_vcpu)
    for name, vcpus, memory, gpus, gpu_memory in _WITH_GPUS:
        yield Machine(name, vcpus, memory, gpus, gpu_memory)


MACHINES: Mapping[str, Machine] = {each.name: each for each in _all()}
# What advice names: general families that most regions have.
OFFERED = tuple(
    each for each in MACHINES.values() if each.name.split(".")[1] in ("m5", "c5", "r5", "g4dn", "g5") and each.gpus <= 1
)


def may_have_gpus(instance_type: str) -> bool:
    """Whether a machine of the type may have GPUs: all do but those of the families that never have any."""
    return _WITHOUT_GPUS.fullmatch(instance_type) is None
