"""The person's own AWS account, and the stack deployed there."""

import os
from typing import Any

import boto3

from trialbook.core.errors import InvalidInput
from trialbook.observability import logger
from trialbook.settings import Settings


def session_of(profile: str | None, region: str | None) -> Any:
    """A boto3 session. Profile and region go into the environment: the ledger's own session reads them there."""
    logger.setLevel("ERROR")  # a person reads this terminal
    if profile:
        os.environ["AWS_PROFILE"] = profile
    if region:
        os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"] = region
    return boto3.Session()


def settings_of(session: Any, stack: str, table: str | None) -> Settings:
    """The settings of a deployed stack, from its outputs, or of a table alone. Raises InvalidInput."""
    if table:
        return Settings(table)
    answer = session.client("cloudformation").describe_stacks(StackName=stack)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in answer["Stacks"][0].get("Outputs", [])}
    if "LedgerTable" not in outputs:
        raise InvalidInput("--stack", stack, "a stack made from Trialbook's template (it has the output LedgerTable)")
    return Settings(outputs["LedgerTable"], rules_parameter=outputs.get("RulesParameter"))
