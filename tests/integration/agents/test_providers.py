"""The providers that speak HTTP, against a server on this machine."""

import gc
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from strands import tool

from agent.attempt import StopReason
from agent.converse import converse
from agent.effects import effect
from agent.errors import AttemptStoppedError, ContextOverflowError, ModelUnavailableError
from agent.models import bedrock
from agent.models.select import ModelChoice, load_model
from agent.place import Finished
from runs.events import EventType
from runs.json_types import Json
from tests.support.agents import Bench, assert_valid, built_with, task_for
from tests.support.model_server import ModelServer, serving

AGENT = "adder"
ANSWER = "The tool answered."
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
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
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with serving() as state:
        # How AWS's own SDK is sent elsewhere, with credentials of nobody.
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", state.url)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setattr(bedrock, "_session", nobodys_session)
        yield state


def nobodys_session() -> boto3.Session:
    return boto3.Session("nobody", "secret", region_name="us-east-1")


def openai_at(server: ModelServer) -> ModelChoice:
    return ModelChoice.parse(f"openai:{server.url}/v1#m")


def ollama_at(server: ModelServer) -> ModelChoice:
    return replace(ModelChoice.parse("ollama:m"), base_url=server.url)


def llamacpp_at(server: ModelServer) -> ModelChoice:
    return ModelChoice.parse(f"llamacpp:{server.url}")


def bedrock_at(_: ModelServer) -> ModelChoice:
    return ModelChoice.parse(f"bedrock:global.{CLAUDE}")


ALL = pytest.mark.parametrize("choose", [openai_at, ollama_at, llamacpp_at, bedrock_at])
Choose = Callable[[ModelServer], ModelChoice]


def answer_of(bench: Bench, choice: ModelChoice) -> Json:
    loaded = load_model(choice, agent=AGENT, playbook=None)
    turn = converse(bench.attempt(), replace(loaded, pauses=(0.0,)), TASK)
    assert isinstance(turn, Finished)
    return turn.answer


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
    first, second = server.requests
    assert "'name': 'add'" in str(first.get("tools") or first["toolConfig"]["tools"])
    assert "3" in str(second["messages"][-1]["content"])


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
@pytest.mark.parametrize(
    ("status", "message"),
    [
        (429, "ThrottlingException: rate limit"),
        (503, "ServiceUnavailableException: overloaded"),
    ],
)
def test_a_busy_server_is_asked_again(
    tmp_path: Path, server: ModelServer, choose: Choose, status: int, message: str
) -> None:
    bench = Bench(tmp_path)
    server.failures = [(status, message)]

    assert answer_of(bench, choose(server)) == ANSWER
    assert bench.events(EventType.MODEL_FAILED) == [AGENT]
    assert len(server.requests) == 3


@ALL
def test_a_server_that_is_not_there_is_an_error_that_may_go_away(
    tmp_path: Path, server: ModelServer, choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as gone:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", gone.url)
        choice = choose(gone)

    with pytest.raises(ModelUnavailableError) as raised:
        answer_of(Bench(tmp_path), choice)

    assert raised.value.retryable


@ALL
def test_a_refused_request_is_not_made_again(
    tmp_path: Path, server: ModelServer, choose: Choose
) -> None:
    server.failures = [(401, "AccessDeniedException: who are you")] * 2

    with pytest.raises(Exception, match=r"401|AccessDenied") as raised:
        answer_of(Bench(tmp_path), choose(server))

    assert not isinstance(raised.value, ModelUnavailableError)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (openai_at, "this model's maximum context length is 10 tokens"),
        (ollama_at, "the input length exceeds the context length"),
        (llamacpp_at, "the request exceeds the available context size"),
        (bedrock_at, "ValidationException: Input is too long for requested model"),
    ],
)
def test_a_conversation_too_long_is_told_apart(
    tmp_path: Path, server: ModelServer, choose: Choose, message: str
) -> None:
    server.failures = [(400, message)]

    with pytest.raises(ContextOverflowError, match="too long for model"):
        answer_of(Bench(tmp_path), choose(server))


def stop_while_silent(bench: Bench, server: ModelServer, choice: ModelChoice) -> None:
    """Ask a server that does not answer, stop, and wait until the agent has ended."""
    attempt = bench.attempt()
    loaded = load_model(choice, agent=AGENT, playbook=None)
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


@pytest.mark.parametrize("choose", [openai_at, ollama_at, llamacpp_at])
def test_a_silent_server_is_left_when_the_attempt_stops(
    tmp_path: Path, server: ModelServer, choose: Choose
) -> None:
    bench = Bench(tmp_path)

    stop_while_silent(bench, server, choose(server))

    assert len(bench.messages(AGENT)) == 1


def test_a_silent_bedrock_is_left_when_the_attempt_stops(
    tmp_path: Path, server: ModelServer
) -> None:
    bench = Bench(tmp_path)

    stop_while_silent(bench, server, bedrock_at(server))

    assert len(bench.messages(AGENT)) == 1
    # Strands leaves the thread that reads behind; it does not close its connection.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        server.may_answer.set()
        for thread in threading.enumerate():
            if thread.name.startswith("agent"):
                thread.join(SOON_SECONDS)
        gc.collect()


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


def test_bedrock_calls_are_priced_with_what_the_cache_saved(
    tmp_path: Path, server: ModelServer
) -> None:
    bench = Bench(tmp_path)
    answer_of(bench, bedrock_at(server))

    # 20 x 3 + 5 x 15 + 100 x 0.3, in millionths of a dollar.
    assert [d["CostUsd"] for d in bench.details(EventType.MODEL_CALLED)] == ["0.000165"] * 2
    assert bench.head().usage.cost_nano_usd == 330_000
    assert bench.head().usage.cache_read_tokens == 200


@pytest.mark.parametrize("choose", [ollama_at, llamacpp_at])
def test_a_server_of_ones_own_costs_nothing(
    tmp_path: Path, server: ModelServer, choose: Choose
) -> None:
    bench = Bench(tmp_path)
    answer_of(bench, choose(server))

    assert [d["CostUsd"] for d in bench.details(EventType.MODEL_CALLED)] == ["0", "0"]
