"""Plugins of the durable SDK that remember what they were told, or fail at it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aws_durable_execution_sdk_python.plugin import DurableInstrumentationPlugin

_HOOKS = frozenset(
    {
        "on_invocation_start",
        "on_invocation_end",
        "on_operation_start",
        "on_operation_end",
        "on_operation_change",
        "on_user_function_start",
        "on_user_function_end",
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """One call of a hook."""

    hook: str
    info: Any


@dataclass
class Observer:
    """Makes plugins that write down every call, in order, over all invocations."""

    told: list[Told] = field(default_factory=list)
    is_faulty: bool = False

    def create_plugin(self, _info: object) -> DurableInstrumentationPlugin:
        """See the SDK's `DurableInstrumentationPluginFactory`."""
        return _plugin(self)

    def of(self, hook: str, kind: str | None = None) -> list[Any]:
        """Give what a hook was told, of operations of a type if it is said."""
        return [told.info for told in self._of_kind(kind) if told.hook == f"on_{hook}"]

    def order(self, kind: str) -> list[str]:
        """Give the hooks that were called for operations of a type, in order."""
        return [told.hook.removeprefix("on_") for told in self._of_kind(kind)]

    def _of_kind(self, kind: str | None) -> Iterator[Told]:
        for told in self.told:
            found = getattr(told.info, "operation_type", None)
            if kind is None or (found is not None and found.value == kind):
                yield told


def _plugin(observer: Observer) -> DurableInstrumentationPlugin:
    def hook(name: str) -> Any:  # noqa: ANN401 - a method
        def tell(_self: object, info: object) -> None:
            observer.told.append(Told(name, info))
            if observer.is_faulty:
                raise RuntimeError(name)

        return tell

    made = type("Watching", (DurableInstrumentationPlugin,), {name: hook(name) for name in _HOOKS})
    plugin: DurableInstrumentationPlugin = made()
    return plugin
