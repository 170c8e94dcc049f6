"""The providers that speak HTTP, against a server on this machine."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from strands import tool

from agent.attempt import StopReason
from agent.converse import converse
from agent.effects import effect
from agent.errors import AttemptStoppedError, ContextOverflowError, ModelUnavailableError
from agent.models.select import ModelChoice, load_model
from runs.events import EventType
from runs.json_types import Json
from tests.support.agents import Bench, assert_valid, built_with, task_for
from tests.support.model_server import ModelServer, serving

AGENT = "adder"
ANSWER = "The tool answered."
SOON_SECONDS = 5.0


@effect(idempotent=True)
@tool
def add(left: int, right: int) -> int:
    """Add.

    Args:
        left: One.
        right: Another.
    """
    return left + right


TASK = task_for(AGENT, built_with(add))


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving() as state:
        yield state


def openai_at(server: ModelServer) -> ModelChoice:
    return ModelChoice.parse(f"openai:{server.url}/v1#m")


def ollama_at(server: ModelServer) -> ModelChoice:
    return replace(ModelChoice.parse("ollama:m"), base_url=server.url)


def llamacpp_at(server: ModelServer) -> ModelChoice:
    return ModelChoice.parse(f"llamacpp:{server.url}")


ALL = pytest.mark.parametrize("choose", [openai_at, ollama_at, llamacpp_at])
Choose = Callable[[ModelServer], ModelChoice]


def answer_of(bench: Bench, choice: ModelChoice) -> Json:
    loaded = load_model(choice, agent=AGENT, playbook=None)
    return converse(bench.attempt(), replace(loaded, pauses=(0.0,)), TASK)


@ALL
def test_a_provider_calls_tools_and_answers(
    tmp_path: Path, server: ModelServer, choose: Choose
) -> None:
    bench = Bench(tmp_path)

    assert answer_of(bench, choose(server)) == ANSWER

    assert_valid(bench.messages(AGENT))
    assert bench.events(EventType.TOOL_CALLED) == ["add"]
    usage = bench.head().usage
    assert (usage.model_calls, usage.input_tokens, usage.output_tokens) == (2, 40, 10)
    # The tool's name and what it gave back both reached the server.
    assert server.requests[0]["tools"][0]["function"]["name"] == "add"
    assert "3" in str(server.requests[1]["messages"][-1]["content"])


@ALL
def test_agents_one_after_the_other_have_a_loop_each(
    tmp_path: Path, server: ModelServer, choose: Choose
) -> None:
    choice = choose(server)

    answers = [answer_of(Bench(tmp_path / str(number)), choice) for number in range(3)]

    assert answers == [ANSWER] * 3


@ALL
def test_agents_at_the_same_time_have_a_loop_each(
    tmp_path: Path, server: ModelServer, choose: Choose
) -> None:
    choice = choose(server)
    benches = [Bench(tmp_path / str(number)) for number in range(6)]

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda bench: answer_of(bench, choice), benches))

    assert answers == [ANSWER] * 6


@ALL
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(
    tmp_path: Path, server: ModelServer, choose: Choose, status: int
) -> None:
    bench = Bench(tmp_path)
    server.failures = [(status, "rate limit: too many requests")]

    assert answer_of(bench, choose(server)) == ANSWER
    assert bench.events(EventType.MODEL_FAILED) == [AGENT]
    assert len(server.requests) == 3


@ALL
def test_a_server_that_is_not_there_is_an_error_that_may_go_away(
    tmp_path: Path, choose: Choose
) -> None:
    with serving() as server:
        choice = choose(server)

    with pytest.raises(ModelUnavailableError) as raised:
        answer_of(Bench(tmp_path), choice)

    assert raised.value.retryable


@ALL
def test_a_refused_request_is_not_made_again(
    tmp_path: Path, server: ModelServer, choose: Choose
) -> None:
    server.failures = [(401, "who are you")] * 2

    with pytest.raises(Exception, match="401") as raised:
        answer_of(Bench(tmp_path), choose(server))

    assert not isinstance(raised.value, ModelUnavailableError)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (openai_at, "this model's maximum context length is 10 tokens"),
        (ollama_at, "the input length exceeds the context length"),
        (llamacpp_at, "the request exceeds the available context size"),
    ],
)
def test_a_conversation_too_long_is_told_apart(
    tmp_path: Path, server: ModelServer, choose: Choose, message: str
) -> None:
    server.failures = [(400, message)]

    with pytest.raises(ContextOverflowError, match="too long for model"):
        answer_of(Bench(tmp_path), choose(server))


@ALL
def test_a_silent_server_is_left_when_the_attempt_stops(
    tmp_path: Path, server: ModelServer, choose: Choose
) -> None:
    bench = Bench(tmp_path)
    attempt = bench.attempt()
    loaded = load_model(choose(server), agent=AGENT, playbook=None)
    server.may_answer.clear()
    is_done = threading.Event()

    def work() -> None:
        with pytest.raises(AttemptStoppedError):
            converse(attempt, loaded, TASK)
        is_done.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert server.is_asked.wait(SOON_SECONDS)
    attempt.request_stop(StopReason.CANCELLED, "enough")

    assert is_done.wait(SOON_SECONDS)
    thread.join()
    assert len(bench.messages(AGENT)) == 1


def test_the_key_goes_to_the_server_it_is_for(tmp_path: Path, server: ModelServer) -> None:
    answer_of(Bench(tmp_path), replace(openai_at(server), api_key="sk-test"))

    assert server.headers[0]["Authorization"] == "Bearer sk-test"


def test_the_price_of_an_openai_compatible_server_is_unknown(
    tmp_path: Path, server: ModelServer
) -> None:
    bench = Bench(tmp_path)
    answer_of(bench, openai_at(server))

    assert [d["CostUsd"] for d in bench.details(EventType.MODEL_CALLED)] == [None, None]
    assert [d["Model"] for d in bench.details(EventType.MODEL_CALLED)] == ["m", "m"]


@pytest.mark.parametrize("choose", [ollama_at, llamacpp_at])
def test_a_server_of_ones_own_costs_nothing(
    tmp_path: Path, server: ModelServer, choose: Choose
) -> None:
    bench = Bench(tmp_path)
    answer_of(bench, choose(server))

    assert [d["CostUsd"] for d in bench.details(EventType.MODEL_CALLED)] == ["0", "0"]
