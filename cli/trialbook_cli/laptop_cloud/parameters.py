"""SSM's parameters, with the two operations that the stack and its functions call. moto's SSM brings EC2 with it, whose
import alone takes a third of a second."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from trialbook_cli.sagemaker_stand_in import Account, ApiError
from trialbook_cli.sagemaker_stand_in.aws_json import answer_of

Request = Mapping[str, Any]


class Parameters:
    """The parameters of an account in a region."""

    def __init__(self, account: Account, now: Callable[[], datetime]) -> None:
        self._account, self._now = account, now
        self._found: dict[str, dict[str, Any]] = {}
        self._operations = {"GetParameter": self._get, "PutParameter": self._put}

    def answer(self, operation: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of an operation's answer."""
        return answer_of(lambda: self._call(operation, json.loads(body)))

    def _call(self, operation: str, request: Request) -> Mapping[str, Any]:
        method = self._operations.get(operation)
        if method is None:
            raise ApiError("UnknownOperationException", f"The laptop cloud's SSM does not know {operation}")
        return method(request)

    def _get(self, request: Request) -> Mapping[str, Any]:
        found = self._found.get(request["Name"])
        if found is None:
            raise ApiError("ParameterNotFound", f"Parameter {request['Name']} not found.")
        if found["Type"] == "SecureString" and not request.get("WithDecryption"):
            found = {**found, "Value": f"kms:alias/aws/ssm:{found['Value']}"}
        return {"Parameter": found}

    def _put(self, request: Request) -> Mapping[str, Any]:
        name, before = request["Name"], self._found.get(request["Name"])
        if before is not None and not request.get("Overwrite"):
            raise ApiError("ParameterAlreadyExists", "The parameter already exists.")
        version = before["Version"] + 1 if before else 1
        self._found[name] = {
            "Name": name,
            "Type": request.get("Type", "String"),
            "Value": request["Value"],
            "Version": version,
            "LastModifiedDate": self._now(),
            "ARN": self._account.arn("ssm", f"parameter/{name.lstrip('/')}"),
            "DataType": "text",
        }
        return {"Version": version, "Tier": "Standard"}
