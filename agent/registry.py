"""Which workflows there are: names from a TOML file, handlers from the modules it names.

The file is data (`name = "package.module:attribute"`), so that the invoker and the infrastructure
know the names without importing a workflow.
"""

import importlib
import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agent.errors import WorkflowImportError
from runs.errors import InvalidRequestError

#: The workflows that ship.
REGISTRY = Path(__file__).parent / "workflows" / "registry.toml"

#: What `@durable_execution` makes: called with an invocation input and a Lambda-like context.
Handler = Callable[[Any, Any], MutableMapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Registry:
    """Workflow names and their handlers."""

    handlers: Mapping[str, Handler]

    @classmethod
    def load(cls, path: Path = REGISTRY) -> "Registry":
        """Read a registry file and import every handler it names.

        All at once and at start: a typing slip shows when the process starts, not when the first
        run of that workflow comes, and AgentCore's snapshot holds every import.

        Raises:
            WorkflowImportError: A line names something that can't be imported or called.
        """
        lines = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls({name: _handler(name, target) for name, target in lines.items()})

    @property
    def names(self) -> frozenset[str]:
        """Give the names a request may ask for."""
        return frozenset(self.handlers)

    def handler(self, name: str) -> Handler:
        """Give a workflow's handler.

        Raises:
            InvalidRequestError: There is no such workflow; the message lists those there are.
        """
        if name not in self.handlers:
            known = ", ".join(sorted(self.handlers))
            raise InvalidRequestError(
                field="workflow", message=f"is {name!r}, expected one of: {known}"
            )
        return self.handlers[name]


def _handler(name: str, target: object) -> Handler:
    module_name, _, attribute = str(target).partition(":")
    if not module_name or not attribute:
        raise WorkflowImportError(name, str(target), "expected 'package.module:attribute'")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise WorkflowImportError(name, str(target), f"which can't be imported: {error}") from error
    handler = getattr(module, attribute, None)
    if not callable(handler):
        raise WorkflowImportError(name, str(target), f"which has no function {attribute!r}")
    return cast("Handler", handler)
