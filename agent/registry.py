"""Which workflows there are: names from a TOML file, handlers from the modules it names.

The file is data (`name = "package.module:attribute"`, or a table of `handler` and `version`), so
that the invoker and the infrastructure know the names without importing a workflow.
"""

import importlib
import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from agent.errors import WorkflowImportError
from agent.versions import version_of
from runs.errors import InvalidRequestError

#: The workflows that ship.
REGISTRY = Path(__file__).parent / "workflows" / "registry.toml"

#: What `@durable_execution` makes: called with an invocation input and a Lambda-like context.
Handler = Callable[[Any, Any], MutableMapping[str, Any]]

#: Characters of a declared version: it stands on heads and in timelines.
_MAX_VERSION = 64


@dataclass(frozen=True, slots=True)
class Registry:
    """Workflow names, their handlers, and which version of its code each is."""

    handlers: Mapping[str, Handler]
    #: What runs are told to be worked on by; a workflow without one tells none.
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path = REGISTRY) -> "Registry":
        """Read a registry file and import every handler it names.

        All at once and at start: a typing slip shows when the process starts, not when the first
        run of that workflow comes, and AgentCore's snapshot holds every import.

        Raises:
            WorkflowImportError: A line names something that can't be imported or called.
        """
        lines = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = {name: _entry(name, line) for name, line in lines.items()}
        return cls(
            handlers={name: entry.handler for name, entry in entries.items()},
            versions={name: entry.version for name, entry in entries.items()},
        )

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    handler: Handler
    version: str


def _entry(name: str, line: object) -> _Entry:
    fields = line if isinstance(line, Mapping) else {"handler": line}
    if unknown := fields.keys() - {"handler", "version"}:
        why = f"which has {', '.join(sorted(unknown))}, expected 'handler' and 'version'"
        raise WorkflowImportError(name, str(line), why)
    target = str(fields.get("handler", ""))
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise WorkflowImportError(name, target, "expected 'package.module:attribute'")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise WorkflowImportError(name, target, f"which can't be imported: {error}") from error
    handler = getattr(module, attribute, None)
    if not callable(handler):
        raise WorkflowImportError(name, target, f"which has no function {attribute!r}")
    version = _declared(name, target, fields["version"]) if "version" in fields else None
    return _Entry(handler=cast("Handler", handler), version=version or version_of(module))


def _declared(name: str, target: str, version: object) -> str:
    if not isinstance(version, str) or not 0 < len(version) <= _MAX_VERSION:
        why = f"whose version is {version!r}, expected a text of 1 to {_MAX_VERSION} characters"
        raise WorkflowImportError(name, target, why)
    return version
