"""A synthesised CloudFormation template, and questions to it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.settings import Target


@dataclass(frozen=True, slots=True)
class Synthesised:
    """The one template of a cloud assembly."""

    target: Target
    file: Path
    template: dict[str, Any]

    @classmethod
    def read(cls, folder: Path, target: Target) -> "Synthesised":
        """Read the template in an assembly's folder."""
        (file,) = folder.glob("*.template.json")
        return cls(target, file, json.loads(file.read_text()))

    @property
    def outputs(self) -> set[str]:
        """The names of the outputs."""
        return set(self.template["Outputs"])

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Give the resources of a type by logical id."""
        found = self.template["Resources"].items()
        return {name: resource for name, resource in found if resource["Type"] == kind}

    def id_of(self, kind: str, under: str = "") -> str:
        """Give the logical id of the one resource of a type, of those in a construct."""
        (found,) = (name for name in self.of_type(kind) if name.startswith(under))
        return found

    def only(self, kind: str, under: str = "") -> dict[str, Any]:
        """Give the properties of the one resource of a type, of those in a construct."""
        properties: dict[str, Any] = self.of_type(kind)[self.id_of(kind, under)]["Properties"]
        return properties

    def role_of(self, kind: str, field: str, under: str = "") -> str:
        """Give the logical id of the role that the one resource of a type runs under."""
        role: str = self.only(kind, under)[field]["Fn::GetAtt"][0]
        return role

    def statements(self, role: str) -> Iterator[dict[str, Any]]:
        """Give every policy statement of a role."""
        for policy in self.of_type("AWS::IAM::Policy").values():
            if {"Ref": role} in policy["Properties"]["Roles"]:
                yield from policy["Properties"]["PolicyDocument"]["Statement"]

    def allowed(self, role: str) -> dict[str, list[Any]]:
        """Give what a role may do: the resources by action."""
        found: dict[str, list[Any]] = {}
        for statement in self.statements(role):
            assert statement["Effect"] == "Allow"
            for action in as_list(statement["Action"]):
                found.setdefault(action, []).extend(as_list(statement["Resource"]))
        return found


#: Makes the template of a context.
Synthesise = Callable[[Mapping[str, object]], Synthesised]


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    """Give a value that may stand alone as a list."""
    return value if isinstance(value, list) else [value]
