"""A stack's bus, invoker and queue, as far as they can refuse."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoRegionError

from cli.errors import CliError, UnreachableError, UsageError
from cli.remedies import aws_remedy
from cli.stack import Stack
from runs.artifacts.folder import FolderStore
from runs.json_types import Json

OUTPUTS = {"BusName": "bus", "InvokerName": "invoker", "TableName": "table"}


@dataclass
class Cloud:
    """Plays every AWS client."""

    #: What the next call answers, or raises.
    answer: object = None
    calls: list[Mapping[str, Any]] = field(default_factory=list)

    def __call__(self, _service: str) -> "Cloud":
        return self

    def put_events(self, **request: object) -> object:
        return self._answered(request)

    def invoke(self, **request: object) -> object:
        return self._answered(request)

    def get_item(self, **request: object) -> object:
        return self._answered(request)

    def _answered(self, request: Mapping[str, Any]) -> object:
        self.calls.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def a_stack(cloud: Cloud, tmp_path: Path, **outputs: str) -> Stack:
    return Stack(
        name="the test stack",
        stack_name="errand-test",
        outputs=outputs or OUTPUTS,
        clients=cloud,
        artifacts=FolderStore(tmp_path),
        remedy=aws_remedy,
    )


def invoked(said: Json, **more: str) -> dict[str, Any]:
    return {"Payload": io.BytesIO(json.dumps(said).encode()), **more}


def test_a_request_is_put_on_the_stacks_bus(tmp_path: Path) -> None:
    cloud = Cloud({"FailedEntryCount": 0})

    a_stack(cloud, tmp_path).send({"prompt": "why?"})

    [entry] = cloud.calls[0]["Entries"]
    assert (entry["EventBusName"], entry["Source"]) == ("bus", "errand")
    assert entry["DetailType"] == "Run Requested"
    assert json.loads(entry["Detail"]) == {"prompt": "why?"}


def test_a_request_the_bus_did_not_take_is_said(tmp_path: Path) -> None:
    entry = {"ErrorCode": "InternalFailure", "ErrorMessage": "try later"}
    cloud = Cloud({"FailedEntryCount": 1, "Entries": [entry]})

    with pytest.raises(UnreachableError, match="the test stack refused: InternalFailure try later"):
        a_stack(cloud, tmp_path).send({})


def test_a_request_too_large_for_an_event_is_not_sent(tmp_path: Path) -> None:
    cloud = Cloud()

    # Characters are not bytes: 100,000 of these are three times as much.
    with pytest.raises(UsageError, match=r"300,\d+ bytes, expected at most 262,144"):
        a_stack(cloud, tmp_path).send({"prompt": "€" * 100_000})

    assert cloud.calls == []


def test_a_stack_without_an_output_is_named_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="no output 'BusName', only: Url; is it a stack of"):
        a_stack(Cloud(), tmp_path, Url="x").send({})


@pytest.mark.parametrize("outcome", ["ENDED", "CANCELLING"])
def test_a_cancellation_that_was_taken_is_no_error(tmp_path: Path, outcome: str) -> None:
    cloud = Cloud(invoked({"outcome": outcome}))

    a_stack(cloud, tmp_path).cancel("s", reason="enough")

    assert json.loads(cloud.calls[0]["Payload"]) == {
        "action": "cancel",
        "session_id": "s",
        "reason": "enough",
    }


def test_a_cancellation_that_was_refused_says_why(tmp_path: Path) -> None:
    cloud = Cloud(invoked({"outcome": "REJECTED", "message": "no such run"}))

    with pytest.raises(CliError, match="s was not cancelled: REJECTED, no such run"):
        a_stack(cloud, tmp_path).cancel("s", reason="enough")


def test_an_invoker_that_failed_is_told_in_its_own_words(tmp_path: Path) -> None:
    cloud = Cloud(invoked({"errorMessage": "Task timed out"}, FunctionError="Unhandled"))

    with pytest.raises(UnreachableError, match="the invoker failed: Task timed out"):
        a_stack(cloud, tmp_path).cancel("s", reason="enough")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoRegionError(), "You must specify a region; name one with --region"),
        (EndpointConnectionError(endpoint_url="http://x"), "http://x.*; check the network"),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "GetItem"),
            "old; log in again",
        ),
        (ClientError({"Error": {"Code": "Odd", "Message": "odd"}}, "GetItem"), "odd$"),
    ],
)
def test_what_aws_raises_is_a_sentence_with_the_stacks_name_and_what_to_do(
    tmp_path: Path, error: Exception, words: str
) -> None:
    reader = a_stack(Cloud(error), tmp_path).reader()

    with pytest.raises(UnreachableError, match=f"the test stack could not be asked: .*{words}"):
        reader.get("s")
