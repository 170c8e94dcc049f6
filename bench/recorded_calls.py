"""The AWS calls some code makes, recorded so that they can be made again on their own."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore import xform_name

from local.clients import Client


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as it was given to its client."""

    client: Client
    operation: str
    arguments: dict[str, Any]

    def with_session(self, old: str, new: str) -> "Call":
        """Give the same call about another session, as a new request of the same size."""
        return Call(self.client, self.operation, _replaced(self.arguments, old, new))

    def make(self) -> None:
        """Make the call, and read its answer to the end."""
        answer = getattr(self.client, xform_name(self.operation))(**self.arguments)
        for value in answer.values():
            if hasattr(value, "read"):
                value.read()


@contextmanager
def clients_made() -> Iterator[dict[str, Client]]:
    """Collect the boto3 clients that are made in the block, by service."""
    made: dict[str, Client] = {}
    make = boto3.client

    def remember(service: str, **arguments: Any) -> Client:  # noqa: ANN401 - boto3's
        made[service] = make(service, **arguments)
        return made[service]

    boto3.client = remember
    try:
        yield made
    finally:
        boto3.client = make


@contextmanager
def recording(clients: dict[str, Client]) -> Iterator[list[Call]]:
    """Collect the calls that are made with some clients in the block."""
    calls: list[Call] = []
    hooks = {}
    for service, client in clients.items():

        def record(params: dict[str, Any], model: Any, client: Client = client, **_: Any) -> None:  # noqa: ANN401 - botocore's
            calls.append(Call(client, model.name, params))

        hooks[service] = record
        client.meta.events.register(f"provide-client-params.{service}", record)
    try:
        yield calls
    finally:
        for service, client in clients.items():
            client.meta.events.unregister(f"provide-client-params.{service}", hooks[service])


def _replaced(value: Any, old: str, new: str) -> Any:  # noqa: ANN401 - whatever a call takes
    match value:
        case dict():
            return {
                key: str(uuid.uuid4()) if key == "ClientRequestToken" else _replaced(part, old, new)
                for key, part in value.items()
            }
        case list():
            return [_replaced(part, old, new) for part in value]
        case str():
            return value.replace(old, new)
        case bytes():
            return value.replace(old.encode(), new.encode())
        case _:
            return value
