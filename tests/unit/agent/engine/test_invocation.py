"""Payloads are read into requests, or refused with the field that is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.invocation import Cancel, Pause, ShowStatus, Start, read_invocation
from runs.errors import InvalidRequestError
from runs.json_types import Json
from runs.request import DEFAULT_WORKFLOW

WORKFLOWS = frozenset({DEFAULT_WORKFLOW, "other"})
UUID = "0b8f8f3e-5f2c-4b52-8f0e-0f7f6f1c9d21"


def read(payload: Json, session: str | None = None) -> Start | Cancel | Pause | ShowStatus:
    return read_invocation(payload, session=session, workflows=WORKFLOWS)


def test_a_bare_prompt_starts_the_default_workflow_as_the_runtime_session() -> None:
    asked = read({"prompt": "hello"}, UUID)

    assert isinstance(asked, Start)
    assert asked.session_id == UUID
    assert asked.request is not None
    assert (asked.request.workflow, asked.request.source) == (DEFAULT_WORKFLOW, "agentcore")


def test_two_prompts_of_one_short_local_session_are_two_runs() -> None:
    first = read({"prompt": "one"}, "local-dev-session")
    second = read({"prompt": "two"}, "local-dev-session")

    assert isinstance(first, Start)
    assert isinstance(second, Start)
    assert first.session_id.startswith("local-dev-session-")
    assert first.session_id != second.session_id


def test_a_prompt_of_no_session_gets_one() -> None:
    asked = read({"prompt": "hello"})

    assert isinstance(asked, Start)
    assert len(asked.session_id) == 36


def test_the_payloads_session_goes_before_the_runtimes() -> None:
    asked = read({"prompt": "hello", "session_id": "mine"}, UUID)

    assert isinstance(asked, Start)
    assert asked.session_id == "mine"


def test_a_caller_with_a_key_gets_the_same_run_again() -> None:
    payload: Json = {"prompt": "hello", "idempotency_key": "order 7"}

    assert read(payload, UUID) == read(payload, "local-dev-session")


@pytest.mark.parametrize("action", ["start", "resume"])
def test_a_dispatch_needs_only_the_session(action: str) -> None:
    assert read({"action": action}, UUID) == Start(session_id=UUID, request=None)


def test_a_cancellation_has_a_reason() -> None:
    assert read({"action": "cancel"}, UUID) == Cancel(
        session_id=UUID, reason="cancelled by request"
    )
    assert read({"action": "cancel", "session_id": "a", "reason": "dear"}) == Cancel(
        session_id="a", reason="dear"
    )


def test_a_pause_needs_only_the_session() -> None:
    assert read({"action": "pause"}, UUID) == Pause(session_id=UUID)


def test_a_status_may_be_of_everything() -> None:
    assert read({"action": "status"}) == ShowStatus(session_id=None)
    assert read({"action": "status"}, UUID) == ShowStatus(session_id=UUID)


@pytest.mark.parametrize(
    ("payload", "field", "message"),
    [
        ([1, 2], "payload", "expected an object"),
        (None, "payload", "expected an object"),
        ("text", "payload", "expected an object"),
        ({}, "prompt", "is missing"),
        ({"prompt": 7}, "prompt", "is a number, expected a string"),
        ({"prompt": " "}, "prompt", "is empty"),
        ({"prompt": "x" * 10_000_000}, "prompt", "has 10,000,000 characters"),
        ({"prompt": "bell\a"}, "prompt", "U+0007"),
        ({"prompt": "x", "workflow": "gone"}, "workflow", "expected one of: cost-analysis, other"),
        ({"prompt": "x", "session_id": "a" * 300}, "session_id", "has 300 characters"),
        ({"prompt": "x", "session_id": "../etc"}, "session_id", "is '../etc'"),
        ({"prompt": "x", "session_id": ["a"]}, "session_id", "is an array"),
        ({"action": "dance"}, "action", "is 'dance', expected one of: start, resume"),
        ({"action": {}}, "action", "expected one of"),
        ({"action": "resume"}, "session_id", "is missing"),
        ({"action": "cancel"}, "session_id", "is missing"),
        ({"action": "cancel", "session_id": "a", "reason": 7}, "reason", "is not a text"),
    ],
)
def test_a_payload_that_is_no_request_is_refused_by_its_field(
    payload: Json, field: str, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=r".") as refused:
        read(payload)

    assert refused.value.field == field
    assert message in str(refused.value)


def test_a_runtime_session_that_is_no_id_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="session_id: is 'a b'"):
        read({"prompt": "x"}, "a b")


_JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
_FIELDS = ["action", "prompt", "session_id", "workflow", "input", "reason", "deadline_seconds"]


@given(_JSON | st.dictionaries(st.sampled_from(_FIELDS), _JSON), st.none() | st.text())
def test_any_json_is_read_or_refused(payload: Json, session: str | None) -> None:
    known = {"payload", "max_attempts", "idempotency_key", *_FIELDS}
    fields = set()

    try:
        read(payload, session)
    except InvalidRequestError as error:
        fields.add(error.field)

    assert fields <= known


@pytest.mark.parametrize("action", ["x" * 10_000_000, ["start"] * 100_000])
def test_a_refusal_is_short_whatever_it_refuses(action: Json) -> None:
    with pytest.raises(InvalidRequestError, match="expected one of: start") as refused:
        read({"action": action}, UUID)

    assert refused.value.field == "action"
    assert len(str(refused.value)) < 200


def test_a_reason_with_control_characters_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="control character U\\+001B") as refused:
        read({"action": "cancel", "reason": "dear\x1b[31m"}, UUID)

    assert refused.value.field == "reason"
