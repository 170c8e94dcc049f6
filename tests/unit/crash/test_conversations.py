"""Which conversations models take."""

from typing import Any

import pytest

from crash.conversations import faults


def says(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text}]}


def asks(*uses: str) -> dict[str, Any]:
    blocks = [{"toolUse": {"toolUseId": use, "name": "look", "input": {}}} for use in uses]
    return {"role": "assistant", "content": [{"text": "so"}, *blocks]}


def gives(*uses: str) -> dict[str, Any]:
    blocks = [
        {"toolResult": {"toolUseId": use, "status": "success", "content": []}} for use in uses
    ]
    return {"role": "user", "content": blocks}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [says("go")],
        [says("go"), asks()],
        [says("go"), asks("a", "b"), gives("b", "a"), asks("c"), gives("c"), asks()],
    ],
)
def test_a_valid_conversation_has_no_fault(messages: list[dict[str, Any]]) -> None:
    assert list(faults(messages)) == []


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([asks()], ["message 0 is the assistant's, expected the user's"]),
        ([says("go"), says("go")], ["message 1 is the user's, expected the assistant's"]),
        ([says("go"), {"role": "assistant", "content": []}], ["message 1 is empty"]),
        ([says("go"), asks("a")], ["nothing answers a"]),
        ([says("go"), asks("a"), says("well")], ["message 2 answers a not"]),
        ([says("go"), asks("a"), gives("a", "a")], ["message 2 answers a 2 times"]),
        ([says("go"), asks(), gives("a")], ["message 2 answers a, which was not asked"]),
        (
            [says("go"), asks("a"), gives("a"), asks("a"), gives("a")],
            ["message 3 asks for a again"],
        ),
    ],
)
def test_what_models_refuse_is_a_fault(messages: list[dict[str, Any]], expected: list[str]) -> None:
    assert list(faults(messages)) == expected
