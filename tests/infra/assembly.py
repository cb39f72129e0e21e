"""A synthesized assembly as tests read it: resources, and the rights of each function by its folder."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

STACKS = ("data", "pipeline", "query")
Properties = dict[str, Any]


@dataclass(frozen=True)
class Right:
    """One action on one resource; references are flattened to text like `<Key.Arn>`."""

    action: str
    resource: str
    is_denied: bool
    condition: str


class Assembly:
    """The templates of one stage."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self.folder, self.prefix = folder, prefix

    @cached_property
    def templates(self) -> dict[str, Properties]:
        files = {stack: self.folder / f"{self.prefix}-{stack}.template.json" for stack in STACKS}
        return {stack: json.loads(file.read_text(encoding="utf-8")) for stack, file in files.items()}

    @cached_property
    def resources(self) -> dict[str, Properties]:
        """Every resource by logical id; ids are unique over the stacks."""
        every = [item for template in self.templates.values() for item in template["Resources"].items()]
        assert len({name for name, _ in every}) == len(every)
        return dict(every)

    @property
    def outputs(self) -> dict[str, Properties]:
        return {k: v for template in self.templates.values() for k, v in template.get("Outputs", {}).items()}

    def of_type(self, resource_type: str) -> dict[str, Properties]:
        """Properties of every resource of a type, by logical id."""
        found = {k: r["Properties"] for k, r in self.resources.items() if r["Type"] == resource_type}
        assert found, resource_type
        return found

    def by_name(self, resource_type: str, attribute: str) -> dict[str, Properties]:
        """Properties by physical name, without the stage's prefix."""
        found = {flat(p[attribute]): p for p in self.of_type(resource_type).values()}
        return {name.removeprefix(f"{self.prefix}-"): properties for name, properties in found.items()}

    @cached_property
    def functions(self) -> dict[str, Properties]:
        """Functions by folder."""
        return {k.replace("-", "_"): p for k, p in self.by_name("AWS::Lambda::Function", "FunctionName").items()}

    def rights_of_function(self, folder: str) -> list[Right]:
        return self.rights_of_role(self.functions[folder]["Role"]["Fn::GetAtt"][0])

    def rights_of_role(self, role: str) -> list[Right]:
        """Everything the policies attached to a role say, and nothing else may give it rights."""
        properties = self.resources[role]["Properties"]
        assert not {"ManagedPolicyArns", "Policies"} & properties.keys(), role
        return [
            right
            for policy in self.of_type("AWS::IAM::Policy").values()
            if {"Ref": role} in policy["Roles"]
            for right in rights(policy["PolicyDocument"])
        ]

    @property
    def policies(self) -> dict[str, list[Right]]:
        """Every identity policy by logical id."""
        types = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        return {k: list(rights(p["PolicyDocument"])) for t in types for k, p in self.of_type(t).items()}


def rights(document: Mapping[str, Any]) -> Iterator[Right]:
    """Every action on every resource of a policy document."""
    for statement in document["Statement"]:
        for action in _list(statement["Action"]):
            for resource in _list(statement.get("Resource", "-")):
                yield Right(
                    action,
                    flat(resource),
                    statement["Effect"] == "Deny",
                    json.dumps(statement.get("Condition", {}), sort_keys=True),
                )


def flat(value: Any) -> str:
    """A template value as text."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Ref":
        return f"<{argument}>"
    if function == "Fn::GetAtt":
        return f"<{'.'.join(argument)}>"
    if function == "Fn::ImportValue":
        return f"<import {argument}>"
    delimiter, parts = argument
    return str(delimiter).join(map(flat, parts))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
