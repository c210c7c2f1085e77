"""The templates by which a deployed ledger gets other indexes while it is in use.

CloudFormation adds or removes one index of a table in an update. So a template whose table has several new indexes can
only be deployed in steps: first what is deployed, with one new index more in each step; then the new functions, with
the old indexes still there; then without them, one after the other. Whichever functions run have their indexes.

`python -m trialbook_cli.index_steps DEPLOYED NEW FOLDER` writes them.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trialbook_cli.laptop_cloud.template import load_template

Template = Mapping[str, Any]
Index = Mapping[str, Any]
_TABLE = "Ledger"  # its logical id


def steps(deployed: Template, new: Template) -> list[Template]:
    """The templates to deploy, one after the other; the last one has the indexes of the new one. Raises ValueError if
    an index keeps its name and changes, which DynamoDB refuses."""
    before, after = indexes(deployed), indexes(new)
    if changed := sorted(name for name in before.keys() & after.keys() if before[name] != after[name]):
        raise ValueError(f"indexes cannot be changed under their name: {', '.join(changed)}")
    added = [name for name in after if name not in before]
    removed = [name for name in before if name not in after]
    growing = [[*before, *added[: count + 1]] for count in range(len(added))]
    shrinking = [[*after, *removed[count:]] for count in range(len(removed) + 1)]
    known = {**before, **after}
    return [
        *(_with(deployed, [known[name] for name in names]) for names in growing),
        *(_with(new, [known[name] for name in names]) for names in shrinking),
    ]


def indexes(template: Template) -> dict[str, Index]:
    """The indexes of the ledger's table by name."""
    listed = template["Resources"][_TABLE]["Properties"]["GlobalSecondaryIndexes"]
    return {each["IndexName"]: each for each in listed}


def _with(template: Template, listed: Sequence[Index]) -> Template:
    table = template["Resources"][_TABLE]
    properties = {**table["Properties"], "GlobalSecondaryIndexes": list(listed)}
    return {**template, "Resources": {**template["Resources"], _TABLE: {**table, "Properties": properties}}}


def as_json(template: Template) -> str:
    """The template as CloudFormation takes it in JSON, where some functions are spelled otherwise than in YAML."""
    conditions = _long_form(template.get("Conditions", {}), frozenset(template.get("Conditions", {})))
    return json.dumps({**_long_form(template, frozenset()), **({"Conditions": conditions} if conditions else {})})


def _long_form(value: Any, conditions: frozenset[str]) -> Any:
    """With GetAtt's names apart, and conditions that refer to others by Condition."""
    if isinstance(value, list):
        return [_long_form(each, conditions) for each in value]
    if not isinstance(value, Mapping):
        return value
    match list(value.items()):
        case [("Fn::GetAtt", str() as names)]:
            return {"Fn::GetAtt": names.split(".", 1)}
        case [("Ref", str() as name)] if name in conditions:
            return {"Condition": name}
    return {key: _long_form(each, conditions) for key, each in value.items()}


def main(deployed: str, new: str, folder: str) -> None:
    """Writes the templates, and says how to deploy them."""
    for number, step in enumerate(steps(load_template(Path(deployed)), load_template(Path(new))), 1):
        path = Path(folder) / f"step-{number}.json"
        path.write_text(as_json(step), encoding="utf-8")
        sys.stdout.write(f"sam deploy --template-file {path}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
