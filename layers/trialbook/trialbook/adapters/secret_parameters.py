"""Tokens and secret addresses, from an SSM SecureString or from Secrets Manager, by Powertools Parameters."""

from functools import cached_property
from typing import cast

from aws_lambda_powertools.utilities import parameters
from botocore.session import Session

from trialbook.core.messages.delivery import NotSent

_FRESH = 300  # seconds; a new token is in use within five minutes


class SecretParameters:
    """Reads secrets when they are first needed. What it raises has a secret's name in it and never its value."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def _ssm(self) -> parameters.SSMProvider:
        return parameters.SSMProvider(boto3_client=self._session.create_client("ssm"))

    @cached_property
    def _secrets(self) -> parameters.SecretsProvider:
        return parameters.SecretsProvider(boto3_client=self._session.create_client("secretsmanager"))

    def parameter(self, name: str, *, fresh: bool = False) -> str:
        """A SecureString's value, `fresh` or as it was read within five minutes. Raises NotSent where it can't be read:
        what needs it waits."""
        try:
            return cast("str", self._ssm.get(name, max_age=_FRESH, decrypt=True, force_fetch=fresh)).strip()
        except parameters.exceptions.GetParameterError as error:
            raise NotSent(_reason(error), passes=False) from None

    def secret(self, arn: str, *, fresh: bool = False) -> str:
        """A secret's value, as of `parameter`."""
        try:
            return cast("str", self._secrets.get(arn, max_age=_FRESH, force_fetch=fresh)).strip()
        except parameters.exceptions.GetParameterError as error:
            raise NotSent(_reason(error), passes=False) from None


def _reason(error: Exception) -> str:
    """Powertools keeps of the client's error but the text."""
    return "secret_not_found" if "NotFound" in str(error) else "secret_not_readable"
