"""Whose SageMaker it is: an account in a region, and the partition of AWS that the region is in."""

from dataclasses import dataclass

_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}


@dataclass(frozen=True, slots=True)
class Account:
    """An account in a region. By default, if nothing says whose it is, those of AWS's own examples: nobody's."""

    id: str = "123456789012"
    region: str = "us-east-1"

    @property
    def partition(self) -> str:
        """The partition that ARNs begin with."""
        return next((each for prefix, each in _PARTITIONS.items() if self.region.startswith(prefix)), "aws")

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something there."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.id}:{resource}"
