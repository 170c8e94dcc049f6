"""What comes in is a request, or a message that names the field."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.budget import LIMITS, Budget
from runs.errors import InvalidRequestError
from runs.ids import session_id_for
from runs.json_types import Json
from runs.request import MAX_PROMPT, RunRequest, check_session_id
from runs.run import Status
from tests.support.journals import NOW, later

EVENT_ID = "3f1c2d4e-0000-4000-8000-123456789abc"
WORKFLOWS = ("cost-analysis", "research-report")


def _request(data: Json, **changes: Any) -> RunRequest:  # noqa: ANN401 - any argument
    arguments: dict[str, Any] = {
        "source": "events",
        "workflows": WORKFLOWS,
        "session_id": EVENT_ID,
        "min_session_id": 33,
    }
    return RunRequest.from_json(data, **arguments | changes)


def test_a_prompt_alone_is_a_request() -> None:
    assert _request({"prompt": "Why?"}) == RunRequest(
        session_id=EVENT_ID,
        workflow="cost-analysis",
        prompt="Why?",
        input=None,
        deadline_seconds=24 * 3600,
        max_attempts=5,
        source="events",
    )


def test_every_field_is_taken_and_unknown_ones_are_left_alone() -> None:
    request = _request(
        {
            "prompt": "Compare\tthese:\r\n- a\n- b 🦄",
            "workflow": "research-report",
            "input": "s3://bucket/päth/bill.csv",
            "session_id": "a" * 33,
            "deadline_seconds": 90.5,
            "max_attempts": 3,
            "color": "pink",
        }
    )

    assert request.prompt == "Compare\tthese:\r\n- a\n- b 🦄"
    assert request.workflow == "research-report"
    assert request.input == "s3://bucket/päth/bill.csv"
    assert request.session_id == "a" * 33
    assert request.deadline_seconds == 90.5
    assert request.max_attempts == 3


def test_limits_come_as_they_were_written() -> None:
    limits: dict[str, Json] = {"max_tokens": 1000.0, "max_cost_usd": 0.1, "max_seconds": 90.5}

    request = _request({"prompt": "Why?", **limits})

    expected = Budget(max_tokens=1000, max_cost_usd=Decimal("0.1"), max_seconds=90.5)
    assert request.budget == request.to_run(NOW).budget == expected


def test_nulls_are_as_if_absent() -> None:
    optional = ("workflow", "input", "session_id", "idempotency_key", "deadline_seconds", *LIMITS)
    data: dict[str, Json] = {"prompt": "Why?", **dict.fromkeys(optional), "max_attempts": None}

    assert _request(data) == _request({"prompt": "Why?"})


def test_a_session_id_goes_before_a_key_and_a_key_before_the_event() -> None:
    key: dict[str, Json] = {"prompt": "Why?", "idempotency_key": "invoice 2026/01"}

    assert _request(key).session_id == session_id_for("invoice 2026/01")
    assert _request(key | {"session_id": "b" * 40}).session_id == "b" * 40


def test_a_request_becomes_a_queued_run() -> None:
    run = _request({"prompt": "Why?", "deadline_seconds": 60, "input": "aws"}).to_run(NOW)

    assert run.status is Status.QUEUED
    assert run.wake_at == run.created_at == run.updated_at == NOW
    assert run.deadline_at == later(60)
    assert run.input == "aws"
    assert run.source == "events"
    assert run.is_due(NOW)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "payload: is null, expected an object"),
        ([1], "payload: is an array, expected an object"),
        ("Why?", "payload: is a string, expected an object"),
        (3, "payload: is a number, expected an object"),
        (True, "payload: is a boolean, expected an object"),
        ({}, "prompt: is missing, expected a string"),
        ({"prompt": None}, "prompt: is missing, expected a string"),
        ({"prompt": 3}, "prompt: is a number, expected a string"),
        ({"prompt": {"text": "Why?"}}, "prompt: is an object, expected a string"),
        ({"prompt": ["Why?"]}, "prompt: is an array, expected a string"),
        ({"prompt": False}, "prompt: is a boolean, expected a string"),
        ({"prompt": ""}, "prompt: is empty, expected a text"),
        ({"prompt": " \n\t "}, "prompt: is empty, expected a text"),
        (
            {"prompt": "x" * 10_000_000},
            "prompt: has 10,000,000 characters, expected at most 100,000; "
            "put larger material in a file and name it in input",
        ),
        ({"prompt": "a\0b"}, "prompt: has the control character U+0000 at position 1"),
        ({"prompt": "abc\x1b[31m"}, "prompt: has the control character U+001B at position 3"),
        ({"prompt": "\x7f"}, "prompt: has the control character U+007F at position 0"),
        ({"prompt": "a\x85"}, "prompt: has the control character U+0085 at position 1"),
        ({"prompt": "a\ud800"}, "prompt: has the control character U+D800 at position 1"),
        (
            {"prompt": "Why?", "workflow": "mining"},
            "workflow: is 'mining', expected one of: cost-analysis, research-report",
        ),
        ({"prompt": "Why?", "workflow": 1}, "workflow: is a number, expected a string"),
        ({"prompt": "Why?", "workflow": ""}, "workflow: has 0 characters, expected 1 to 100"),
        (
            {"prompt": "Why?", "workflow": "x" * 101},
            "workflow: has 101 characters, expected 1 to 100",
        ),
        ({"prompt": "Why?", "input": {}}, "input: is an object, expected a string"),
        ({"prompt": "Why?", "input": ""}, "input: has 0 characters, expected 1 to 2,048"),
        (
            {"prompt": "Why?", "input": "x" * 2049},
            "input: has 2,049 characters, expected 1 to 2,048",
        ),
        (
            {"prompt": "Why?", "input": "a\nb"},
            "input: has the control character U+000A at position 1",
        ),
        (
            {"prompt": "Why?", "idempotency_key": 7},
            "idempotency_key: is a number, expected a string",
        ),
        (
            {"prompt": "Why?", "idempotency_key": "x" * 1025},
            "idempotency_key: has 1,025 characters, expected 1 to 1,024",
        ),
        (
            {"prompt": "Why?", "deadline_seconds": "60"},
            "deadline_seconds: is a string, expected a number",
        ),
        (
            {"prompt": "Why?", "deadline_seconds": True},
            "deadline_seconds: is a boolean, expected a number",
        ),
        (
            {"prompt": "Why?", "deadline_seconds": 0.5},
            "deadline_seconds: is 0.5, expected 1 to 2,592,000",
        ),
        (
            {"prompt": "Why?", "deadline_seconds": 2_592_001},
            "deadline_seconds: is 2592001, expected 1 to 2,592,000",
        ),
        (
            {"prompt": "Why?", "deadline_seconds": float("nan")},
            "deadline_seconds: is nan, expected 1 to 2,592,000",
        ),
        (
            {"prompt": "Why?", "max_tokens": 0},
            "max_tokens: is 0, expected 1 to 1,000,000,000,000",
        ),
        (
            {"prompt": "Why?", "max_tokens": 1.5},
            "max_tokens: is 1.5, expected a whole number",
        ),
        (
            {"prompt": "Why?", "max_cost_usd": "5"},
            "max_cost_usd: is a string, expected a number",
        ),
        (
            {"prompt": "Why?", "max_cost_usd": 0},
            "max_cost_usd: is 0, expected 0.0001 to 1,000,000",
        ),
        (
            {"prompt": "Why?", "max_seconds": 0.5},
            "max_seconds: is 0.5, expected 1 to 2,592,000",
        ),
        ({"prompt": "Why?", "max_attempts": 0}, "max_attempts: is 0, expected 1 to 100"),
        ({"prompt": "Why?", "max_attempts": 101}, "max_attempts: is 101, expected 1 to 100"),
        (
            {"prompt": "Why?", "max_attempts": 2.5},
            "max_attempts: is 2.5, expected a whole number",
        ),
        (
            {"prompt": "Why?", "max_attempts": float("inf")},
            "max_attempts: is inf, expected 1 to 100",
        ),
        ({"prompt": "Why?", "max_attempts": "3"}, "max_attempts: is a string, expected a number"),
        ({"prompt": "Why?", "session_id": 12}, "session_id: is a number, expected a string"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(data: Json, message: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        _request(data)

    assert str(raised.value) == message
    assert raised.value.field == message.partition(":")[0]


@pytest.mark.parametrize("length", [0, 1, 32, 257, 300])
def test_a_session_id_of_a_length_agentcore_refuses_is_refused(length: int) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        _request({"prompt": "Why?", "session_id": "a" * length})

    wanted = "expected 33 to 256 (a UUID has 36)"
    assert str(raised.value) == f"session_id: has {length} characters, {wanted}"


@pytest.mark.parametrize("length", [33, 36, 256])
def test_a_session_id_of_a_length_agentcore_takes_is_taken(length: int) -> None:
    assert _request({"prompt": "Why?", "session_id": "a" * length}).session_id == "a" * length


def test_local_tools_may_send_short_session_ids() -> None:
    assert check_session_id("1") == "1"
    assert _request({"prompt": "Why?", "session_id": "x"}, min_session_id=1).session_id == "x"


@pytest.mark.parametrize("start", ["-", "_", "../", "a/", "a b", "a\n", "é", "a.b", "a#", "\0"])
def test_a_session_id_of_other_characters_is_refused(start: str) -> None:
    session_id = start + "a" * 40

    with pytest.raises(InvalidRequestError, match="expected letters, digits, '-' and '_'"):
        _request({"prompt": "Why?", "session_id": session_id})


def test_a_short_id_of_the_event_is_refused_too() -> None:
    with pytest.raises(InvalidRequestError, match="session_id: has 3 characters"):
        _request({"prompt": "Why?"}, session_id="abc")


def test_a_request_without_any_id_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="session_id: is missing, expected a string"):
        _request({"prompt": "Why?"}, session_id=None)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
_fields = st.sampled_from(
    sorted(RunRequest.__dataclass_fields__.keys() - {"source"} | {"idempotency_key"})
)


@given(_json | st.dictionaries(_fields, _json))
def test_whatever_comes_in_is_a_request_or_a_message_naming_the_field(data: Json) -> None:
    try:
        request = _request(data)
    except InvalidRequestError as error:
        refused = error
    else:
        _check_taken(request)
        return

    assert str(refused).startswith(f"{refused.field}: ")


def _check_taken(request: RunRequest) -> None:
    assert 0 < len(request.prompt) <= MAX_PROMPT
    assert 33 <= len(request.session_id) <= 256
    assert request.to_run(NOW).deadline_at - NOW >= timedelta(seconds=1)
    # Whatever store it goes to: text that is no UTF-8 was refused.
    assert request.prompt.encode().decode() == request.prompt
