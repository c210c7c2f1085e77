"""template.yaml, with intrinsic functions resolved against its parameters and the resources made so far."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from trialbook_cli.sagemaker_stand_in.account import Account

# libyaml reads the template in a tenth of the time; PyYAML has it wherever its wheels are installed.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """YAML with CloudFormation's short forms: `!Ref X` becomes {"Ref": "X"}, `!Sub x` becomes {"Fn::Sub": "x"}."""


def _intrinsic(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {"Ref" if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


yaml.add_multi_constructor("!", _intrinsic, Loader=_Loader)


def load_template(path: Path) -> dict[str, Any]:
    """The template as plain data, intrinsic functions in their long form."""
    loaded: dict[str, Any] = json.loads(_parsed(path.read_text(encoding="utf-8")))
    return loaded


@cache
def _parsed(text: str) -> str:
    """YAML as JSON: reading YAML takes a quarter of a second, which each start of a cloud would pay."""
    return json.dumps(yaml.load(text, Loader=_Loader))  # noqa: S506 a safe loader


_STACK_UUID = "00000000-0000-4000-8000-000000000000"
_NO_VALUE = object()
_IN_TEXT = re.compile(r"\$\{([^}]+)\}")


@dataclass
class Stack:
    """A template with its parameters; `references` and `attributes` are filled in as resources are made."""

    template: Mapping[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)
    account: Account = field(default_factory=Account)
    name: str = "trialbook"

    def __post_init__(self) -> None:
        """Parameters that are not given have their default."""
        defaults = {name: each.get("Default", "") for name, each in self.template.get("Parameters", {}).items()}
        self.parameters = {**defaults, **self.parameters}

    def resources(self, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Logical id and unresolved properties of the resources of these types whose condition holds."""
        for name, resource in self.template["Resources"].items():
            if resource["Type"] in types and self._holds(resource.get("Condition")):
                yield name, resource.get("Properties", {})

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.resolve(self.template["Conditions"][condition]))

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic function in it worked out."""
        found = self._resolve(value)
        return None if found is _NO_VALUE else found

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self._resolve, value) if each is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in _FUNCTIONS:
                return _FUNCTIONS[name](self, argument)
        resolved = {key: self._resolve(each) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each is not _NO_VALUE}

    def _ref(self, name: str) -> Any:
        here = self.account
        pseudo: dict[str, Any] = {
            "AWS::Region": here.region,
            "AWS::AccountId": here.id,
            "AWS::Partition": here.partition,
        }
        suffix = "amazonaws.com.cn" if here.partition == "aws-cn" else "amazonaws.com"
        stack_id = f"arn:{here.partition}:cloudformation:{here.region}:{here.id}:stack/{self.name}/{_STACK_UUID}"
        pseudo |= {
            "AWS::StackId": stack_id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": suffix,
            "AWS::NoValue": _NO_VALUE,
        }
        if self.template.get("Parameters", {}).get(name, {}).get("Type") == "CommaDelimitedList":
            return str(self.parameters[name]).split(",")
        for source in (pseudo, self.parameters, self.references):
            if name in source:
                return source[name]
        if name in self.template.get("Conditions", {}):
            return self._holds(name)
        return name

    def _get_att(self, argument: Any) -> str:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self.attributes.get((name, attribute), f"{name}.{attribute}")

    def _sub(self, argument: Any) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else (argument[0], self._resolve(argument[1]))

        def put(found: re.Match[str]) -> str:
            name = found[1]
            return str(given.get(name) or (self._get_att(name) if "." in name else self._ref(name)))

        return _IN_TEXT.sub(put, text)

    def _if(self, argument: Any) -> Any:
        condition, yes, no = argument
        return self._resolve(yes if self._holds(condition) else no)


_FUNCTIONS: Mapping[str, Callable[[Stack, Any], Any]] = {
    "Ref": lambda stack, argument: stack._ref(argument),  # noqa: SLF001
    "Fn::GetAtt": lambda stack, argument: stack._get_att(argument),  # noqa: SLF001
    "Fn::Sub": lambda stack, argument: stack._sub(argument),  # noqa: SLF001
    "Fn::If": lambda stack, argument: stack._if(argument),  # noqa: SLF001
    "Fn::Not": lambda stack, argument: not stack._resolve(argument[0]),  # noqa: SLF001
    "Fn::Equals": lambda stack, argument: stack._resolve(argument[0]) == stack._resolve(argument[1]),  # noqa: SLF001
    "Fn::And": lambda stack, argument: all(map(stack._resolve, argument)),  # noqa: SLF001
    "Fn::Or": lambda stack, argument: any(map(stack._resolve, argument)),  # noqa: SLF001
    "Fn::Select": lambda stack, argument: stack._resolve(argument[1])[int(argument[0])],  # noqa: SLF001
    "Fn::Split": lambda stack, argument: str(stack._resolve(argument[1])).split(argument[0]),  # noqa: SLF001
    "Fn::Join": lambda stack, argument: argument[0].join(map(str, stack._resolve(argument[1]))),  # noqa: SLF001
}


def as_json(value: Any) -> str:
    """JSON as AWS's APIs take it for patterns and policies."""
    return json.dumps(value)
