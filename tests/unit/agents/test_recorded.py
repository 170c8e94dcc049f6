"""Recordings of runs, and the model that plays them."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from strands import tool
from strands.models import Model

from agent.effects import effect
from agent.errors import RecordingError, UnrecordedError
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.models.recorded import RecordedModel
from agent.models.recording import RecordedAnswer, Recording, hash_of, hash_of_way, record
from agent.models.select import ModelChoice, load_model
from runs.errors import RunNotFoundError
from tests.support.agents import SESSION_ID, Bench, built_with, task_for

AGENT = "walker"


class Walk(BaseModel):
    steps: int


@effect(idempotent=True)
@tool
def look(where: str) -> str:
    """Look.

    Args:
        where: At what.
    """
    return f"{where} as seen by {id(object())}" if where == "the clock" else f"a {where}"


def looks(*places: str) -> Any:  # noqa: ANN401 - a playbook
    def playbook(conversation: Conversation) -> Turn:
        if conversation.turn < len(places):
            return Turn("Looking.", calls=[ToolCall("look", {"where": places[conversation.turn]})])
        return Turn(f"looked at {len(places)} things")

    return playbook


def recorded_model(bench: Bench, path: Path, *, agent: str = AGENT) -> Model:
    record(bench.journal, SESSION_ID).save(path)
    choice = ModelChoice.parse(f"recorded:{path}")
    return load_model(choice, agent=agent, playbook=None).model


def another_bench(folder: Path) -> Bench:
    return Bench(folder / "another")


def test_a_recorded_run_can_be_repeated_without_its_model(bench: Bench, tmp_path: Path) -> None:
    task = task_for(AGENT, built_with(look))
    said = bench.converse(task, looks("tree", "house"))
    model, again = recorded_model(bench, tmp_path / "run.json"), another_bench(tmp_path)

    assert again.converse_with(task, model) == said
    assert again.messages(AGENT) == bench.messages(AGENT)


def test_a_recording_reports_the_tokens_of_the_recorded_calls(bench: Bench, tmp_path: Path) -> None:
    task = task_for(AGENT, built_with(look))
    bench.converse(task, looks("tree"))
    model, again = recorded_model(bench, tmp_path / "run.json"), another_bench(tmp_path)

    again.converse_with(task, model)

    used = again.head().usage
    assert used.input_tokens > 0
    assert replace(used, unpriced_calls=0) == bench.head().usage


def test_a_structured_answer_is_played_too(bench: Bench, tmp_path: Path) -> None:
    task = task_for(AGENT, built_with(look), output=Walk)
    bench.converse(task, lambda _: Turn(calls=[ToolCall("Walk", {"steps": 3})]))
    model = recorded_model(bench, tmp_path / "run.json")

    assert another_bench(tmp_path).converse_with(task, model) == {"steps": 3}


def test_what_tools_say_may_differ_from_the_recording(bench: Bench, tmp_path: Path) -> None:
    task = task_for(AGENT, built_with(look))
    said = bench.converse(task, looks("the clock", "tree"))
    model, again = recorded_model(bench, tmp_path / "run.json"), another_bench(tmp_path)

    assert again.converse_with(task, model) == said


def test_a_tool_that_fails_is_not_in_the_recording(bench: Bench, tmp_path: Path) -> None:
    bench.converse(task_for(AGENT, built_with(look)), looks("tree"))
    model = recorded_model(bench, tmp_path / "run.json")

    @tool(name="look")
    def broken(where: str) -> str:
        """Look.

        Args:
            where: At what.
        """
        raise ValueError(where)

    with pytest.raises(UnrecordedError, match=r"has the first 2 messages.*tree.*record a run"):
        another_bench(tmp_path).converse_with(task_for(AGENT, built_with(broken)), model)


def test_another_prompt_is_not_in_the_recording(bench: Bench, tmp_path: Path) -> None:
    bench.converse(task_for(AGENT, built_with(look)), looks("tree"))
    model = recorded_model(bench, tmp_path / "run.json")

    with pytest.raises(UnrecordedError, match=r"has the first 0 messages.*stop") as caught:
        another_bench(tmp_path).converse_with(
            task_for(AGENT, built_with(look), prompt="stop"), model
        )
    assert not caught.value.retryable


def test_each_agent_gets_its_own_answers(bench: Bench, tmp_path: Path) -> None:
    bench.converse(task_for("first", built_with(look)), lambda _: Turn("I am the first"))
    bench.converse(task_for("second", built_with(look)), lambda _: Turn("I am the second"))
    model = recorded_model(bench, tmp_path / "run.json", agent="second")

    said = another_bench(tmp_path).converse_with(task_for("second", built_with(look)), model)

    assert said == "I am the second"


def test_thoughts_and_bytes_are_played_as_they_were(tmp_path: Path) -> None:
    thought = {"reasoningText": {"text": "hm", "signature": "s"}}
    content: list[Any] = [
        {"reasoningContent": thought},
        {"reasoningContent": {"redactedContent": b"\x00\xff"}},
        {"text": "done"},
    ]
    answer = _recording(content)
    answer.save(tmp_path / "run.json")
    model = RecordedModel(
        Recording.load(tmp_path / "run.json"), agent=AGENT, path=tmp_path / "run.json"
    )

    events = asyncio.run(_streamed(model))

    deltas = [each["contentBlockDelta"]["delta"] for each in events if "contentBlockDelta" in each]
    assert deltas == [
        {"reasoningContent": {"text": "hm"}},
        {"reasoningContent": {"signature": "s"}},
        {"reasoningContent": {"redactedContent": b"\x00\xff"}},
        {"text": "done"},
    ]


def _recording(content: list[Any]) -> Recording:
    asked: list[Any] = [{"role": "user", "content": [{"text": "go"}]}]
    answer = RecordedAnswer(
        agent=AGENT,
        asked=hash_of(asked),
        way=hash_of_way(asked),
        content=content,
        stop_reason="end_turn",
        usage={},
    )
    return Recording(session_id="s", workflow="w", prompt="p", input=None, answers=(answer,))


async def _streamed(model: Model) -> list[Mapping[str, Any]]:
    messages: Any = [{"role": "user", "content": [{"text": "go"}]}]
    return [dict(event) async for event in model.stream(messages)]


def test_a_run_that_is_not_there_is_not_recorded(bench: Bench) -> None:
    with pytest.raises(RunNotFoundError, match="nobody"):
        record(bench.journal, "nobody")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "can't be read: No such file"),
        ("{", "is none: "),
        ('{"format": 9}', "is of another format, expected 1"),
        ('{"format": 1}', "is none: KeyError"),
        ("[]", "is none: "),
    ],
)
def test_a_file_that_is_no_recording_is_refused(text: str | None, why: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(RecordingError, match=why):
        Recording.load(path)


def test_a_recording_is_plain_json(bench: Bench, tmp_path: Path) -> None:
    bench.converse(task_for(AGENT, built_with(look)), looks("tree"))
    record(bench.journal, SESSION_ID).save(tmp_path / "run.json")

    shape = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))

    assert (shape["format"], shape["session_id"], len(shape["answers"])) == (1, SESSION_ID, 2)
    assert shape["answers"][0]["content"][0] == {"text": "Looking."}
