"""Starts the emulator of AWS (ministack) with its differences from AWS mended.

Each function below mends one difference and names AWS's documentation as its reason. The emulator's own environment
(`requirements/deployed.txt`) runs this file; nothing of the project is imported here.
"""

import copy
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import eventbridge
from ministack.services.cloudformation import _stacks, engine, provisioners

Properties = dict[str, Any]


def replace_everywhere(name: str, before: Callable[..., Any], after: Callable[..., Any]) -> None:
    """Modules import each other's functions by name, so each holds its own reference."""
    for module in list(sys.modules.values()):
        if getattr(module, name, None) is before:
            setattr(module, name, after)


def bus_policies_are_resources() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-events-eventbuspolicy.html"""

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        bus = properties.get("EventBusName") or "default"
        statement = {**(properties.get("Statement") or {}), "Sid": properties["StatementId"]}
        policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
        others = [each for each in policy["Statement"] if each.get("Sid") != statement["Sid"]]
        eventbridge._event_bus_policies[bus] = {**policy, "Statement": [*others, statement]}
        return f"{bus}|{statement['Sid']}", {}

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Properties]:
        return create("", new, stack)

    def delete(physical_id: str, properties: Properties) -> None:
        bus, _, sid = physical_id.partition("|")
        policy = eventbridge._event_bus_policies.get(bus)
        if policy:
            policy["Statement"] = [each for each in policy["Statement"] if each.get("Sid") != sid]

    handlers = {"create": create, "update": update, "delete": delete}
    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = handlers


def conditions_may_join() -> None:
    """Fn::Equals takes values of Fn::Join:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
    """
    evaluate = engine._evaluate_conditions

    def joined(value: Any, parameters: Properties) -> Any:
        if isinstance(value, dict) and set(value) == {"Fn::Join"}:
            delimiter, items = value["Fn::Join"]
            if isinstance(items, dict) and "Ref" in items:
                found = parameters[items["Ref"]]["Value"]
                items = found.split(",") if isinstance(found, str) and found else (found or [])
            return delimiter.join(items)
        if isinstance(value, dict):
            return {key: joined(each, parameters) for key, each in value.items()}
        return [joined(each, parameters) for each in value] if isinstance(value, list) else value

    def evaluate_joined(template: Properties, parameters: Properties) -> Any:
        conditions = joined(copy.deepcopy(template.get("Conditions", {})), parameters)
        return evaluate({**template, "Conditions": conditions}, parameters)

    replace_everywhere("_evaluate_conditions", evaluate, evaluate_joined)


def alarms_may_use_metric_math() -> None:
    """An alarm has Metrics instead of MetricName (here it is kept, and never has data):
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    record = provisioners._cw_metric_alarm_record

    def recorded(name: str, properties: Properties) -> Any:
        if properties.get("Metrics"):
            others = {key: value for key, value in properties.items() if key != "Metrics"}
            properties = {**others, "MetricName": "math", "Namespace": "Math"}
        return record(name, properties)

    replace_everywhere("_cw_metric_alarm_record", record, recorded)


def sagemaker_may_put_its_events() -> None:
    """AWS refuses PutEvents with a source that begins with `aws.`; SageMaker itself sends these events. The test stands in
    for SageMaker: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
    """
    put = eventbridge._put_events
    eventbridge._put_events = lambda data, allow_aws_source=True: put(data, allow_aws_source=True)


def rules_of_own_buses_are_named_after_them() -> None:
    """Ref of a rule on a bus of one's own is `bus|rule`:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-events-rule.html#aws-resource-events-rule-return-values
    """
    before = provisioners._RESOURCE_HANDLERS["AWS::Events::Rule"]

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        name, attributes = before["create"](logical_id, properties, stack)
        bus = provisioners._eb_rule_bus_name(properties)
        return (name if bus == "default" else f"{bus}|{name}"), attributes

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str | None = None
    ) -> tuple[Any, ...]:
        bus, _, name = physical_id.rpartition("|")
        found = before["update"](name, old, new, stack, logical_id)
        return (f"{bus}|{found[0]}" if bus else found[0], *found[1:])

    def delete(physical_id: str, properties: Properties) -> None:
        before["delete"](physical_id.rpartition("|")[2], properties)

    handlers = {**before, "create": create, "update": update, "delete": delete}
    provisioners._RESOURCE_HANDLERS["AWS::Events::Rule"] = handlers


def refs_of_secrets_are_arns() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-secretsmanager-secret.html#aws-resource-secretsmanager-secret-return-values"""
    before = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]

    def name_of(identifier: str) -> str:
        is_arn = identifier.startswith("arn:")
        return identifier.rsplit(":", 1)[-1].rpartition("-")[0] if is_arn else identifier

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        _, attributes = before["create"](logical_id, properties, stack)
        return attributes["Arn"], attributes

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str | None = None
    ) -> tuple[str, Properties]:
        _, attributes = before["update"](name_of(physical_id), old, new, stack, logical_id)
        return attributes["Arn"], attributes

    def delete(physical_id: str, properties: Properties) -> None:
        before["delete"](name_of(physical_id), properties)

    handlers = {**before, "create": create, "update": update, "delete": delete}
    provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"] = handlers


def calls_count_as_tls() -> None:
    """Clients call the emulator by plain HTTP; AWS's endpoints take TLS, so `aws:SecureTransport` is true there:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-securetransport
    """

    class Origin:
        def __init__(self, variable: Any) -> None:
            self.variable = variable

        def get(self, *default: Any) -> tuple[Any, bool]:
            return self.variable.get()[0], True

        def __getattr__(self, name: str) -> Any:
            return getattr(self.variable, name)

    iam_evaluator._request_origin = Origin(iam_evaluator._request_origin)


def principal_arn_is_the_roles() -> None:
    """`aws:PrincipalArn` of an assumed role is the ARN of the role, not of its session:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    """
    resolve = iam_evaluator._resolve_condition_key
    session = re.compile(r"^arn:([^:]+):sts::(\d+):assumed-role/([^/]+)/.*$")

    def resolved(key: str, context: Any) -> Any:
        found = resolve(key, context)
        if key.lower() == "aws:principalarn" and isinstance(found, str):
            return session.sub(r"arn:\1:iam::\2:role/\3", found)
        return found

    iam_evaluator._resolve_condition_key = resolved


def physical_names_are_unique_to_a_stack() -> None:
    """A stack that is created again gets names of its own, so that it can stand beside what the former one retained:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-physical-resource-id.html
    """
    before = provisioners._physical_name

    def name(stack: str, logical_id: str, *, lowercase: bool = False, max_len: int = 128, seeded: bool = True) -> str:
        seed = provisioners._NAME_SEED.get() if seeded else ""
        stack_id = (_stacks.get(stack) or {}).get("StackId", "")
        suffix = hashlib.sha256(f"{stack_id}:{logical_id}:{seed}".encode()).hexdigest()[:13].upper()
        made = f"{stack}-{logical_id}-"[: max(max_len - len(suffix), 0)] + suffix
        return made.lower() if lowercase else made

    replace_everywhere("_physical_name", before, name)


def decisions_are_written_down() -> None:
    """Mends nothing: the tests read which calls of roles IAM allowed and which it denied."""
    enforce, evaluate = iam_evaluator.enforce, iam_evaluator.evaluate
    asked: list[Any] = []
    path = Path(tempfile.gettempdir()) / "decisions.jsonl"

    def evaluated(context: Any, *policies: Any) -> Any:
        asked.append(context)
        return evaluate(context, *policies)

    def enforced(*given: Any, **named: Any) -> Any:
        asked.clear()
        result = enforce(*given, **named)
        if asked:  # the root user's calls are not evaluated
            line = {"principal": asked[0].principal_arn, "action": asked[0].action, "resource": asked[0].resource_arn}
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**line, "allowed": result is None}) + "\n")
        return result

    iam_evaluator.evaluate = evaluated
    replace_everywhere("enforce", enforce, enforced)


MENDED = (
    bus_policies_are_resources,
    conditions_may_join,
    alarms_may_use_metric_math,
    sagemaker_may_put_its_events,
    rules_of_own_buses_are_named_after_them,
    refs_of_secrets_are_arns,
    calls_count_as_tls,
    principal_arn_is_the_roles,
    physical_names_are_unique_to_a_stack,
    decisions_are_written_down,
)

if __name__ == "__main__":
    for mend in MENDED:
        mend()
    from ministack.app import main

    main()
