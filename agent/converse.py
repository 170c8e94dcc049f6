"""One agent's conversation to its end, begun or taken up: whatever is saved is not done again."""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import cast

from strands import Agent
from strands.agent import AgentResult
from strands.agent.conversation_manager import NullConversationManager
from strands.interrupt import Interrupt
from strands.middleware import ExecuteToolStage, InvokeModelContext, InvokeModelStage
from strands.session import RepositorySessionManager
from strands.types.content import ContentBlock, Message
from strands.types.exceptions import (
    ContextWindowOverflowException,
    EventLoopException,
    MaxTokensReachedException,
    StructuredOutputException,
)
from strands.types.interrupt import InterruptResponseContent
from strands.types.tools import ToolChoice, ToolUse

from agent.attempt import Attempt
from agent.errors import (
    AgentBuildError,
    AnswerFormatError,
    AttemptStoppedError,
    ContextOverflowError,
    CutOffError,
    ModelUnavailableError,
    TurnLimitError,
    UnexpectedStopError,
)
from agent.gate import Gate
from agent.hooks import ModelHooks
from agent.ledger import EffectLedger
from agent.memory import AgentMemory
from agent.models.loaded import LoadedModel
from agent.outside import OutsideResults
from agent.place import (
    FORMAT_PROMPT,
    Finished,
    Paused,
    Task,
    Unfinished,
    find_place,
    is_demand,
    tool_name,
)
from agent.questions import Answered, Asked, responses
from agent.sparing import use_sparing_tracer

#: Model calls in one invocation of a Strands agent. Each nests into the one before: they get
#: slower with depth, and past about 300 Python's stack is full.
TURNS_PER_INVOCATION = 50
#: Threads for the tools and journal writes of one agent; Python's own default is six on two cores.
THREADS = 32


def converse(
    attempt: Attempt, loaded: LoadedModel, task: Task, answers: Iterable[Answered] = ()
) -> Finished | Paused:
    """Bring an agent's conversation to its end, or to where it needs an answer.

    Goes on where the last attempt died: a model call whose answer is saved is not made again, nor
    a tool whose result is.

    Args:
        attempt: Under which it is recorded.
        loaded: The agent's model.
        task: What the agent is for.
        answers: To all that it asked so far.

    Raises:
        AttemptStoppedError: The attempt was told to stop; all that finished is saved.
        AgentError: There is no answer; the subclass says why.
    """
    attempt.leave_if_paused()
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(_Dialogue(attempt, loaded, task, answers).finish())


class _Dialogue:
    """The parts of one `converse`."""

    def __init__(
        self, attempt: Attempt, loaded: LoadedModel, task: Task, answers: Iterable[Answered]
    ) -> None:
        self._attempt = attempt
        self._loaded = loaded
        self._task = task
        self._memory = AgentMemory(attempt, task.name, prompt=task.prompt, answers=answers)
        #: The tool calls that asked for an answer, by the ids of their interrupts.
        self._interrupted: dict[str, ToolUse] = {}

    async def finish(self) -> Finished | Paused:
        try:
            return await self._finish()
        except Exception as error:
            cause = self._cause(error)
            if cause is error:
                raise
            raise cause from error
        finally:
            await self._loaded.close()

    async def _finish(self) -> Finished | Paused:
        self._memory.load()
        place = self._place()
        if isinstance(place, Finished):
            return place
        agent = self._build()
        while isinstance(place, Unfinished):
            result = await self._invoke(agent, say=responses(self._memory.answers) or place.say)
            if result.stop_reason == "interrupt":
                return self._paused(result)
            place = find_place(self._memory, self._task)
            if isinstance(place, Unfinished) and result.stop_reason != "limit_turns":
                self._attempt.leave_if_stopped()
                raise UnexpectedStopError(self._task.name, stop_reason=result.stop_reason)
            place = self._unless_told(place, agent.messages)
        return place

    def _place(self) -> Finished | Unfinished:
        return self._unless_told(find_place(self._memory, self._task), [])

    def _unless_told(
        self, place: Finished | Unfinished, messages: list[Message]
    ) -> Finished | Unfinished:
        """Let an agent that has answered go on if a person said something before it had."""
        if isinstance(place, Unfinished) or self._memory.model_calls >= self._task.max_turns:
            return place
        # After the results of its last tools there is a message of a user to add the words to.
        if self._memory.hear(messages):
            return Unfinished(None)
        words = self._memory.words()
        return Unfinished(words) if words else place

    def _paused(self, result: AgentResult) -> Paused:
        place = len(self._memory.saved)
        # Asked before a model call, the answer would have no message to come back to.
        calls = self._memory.unanswered()
        if not calls:
            raise UnexpectedStopError(self._task.name, stop_reason="interrupt outside of tools")
        asked = [
            Asked.from_interrupt(interrupt, self._interrupted.get(interrupt.id), place=place)
            # Calls of one message are made at once, and any of them may be the first to ask.
            for interrupt in sorted(result.interrupts or (), key=partial(self._position, calls))
        ]
        return Paused(tuple(asked))

    def _position(self, calls: Sequence[str], interrupt: Interrupt) -> int:
        use = self._interrupted.get(interrupt.id)
        # Without a call it is a hook's, before any tool was entered.
        return calls.index(use["toolUseId"]) if use and use["toolUseId"] in calls else -1

    async def _invoke(
        self, agent: Agent, *, say: str | list[ContentBlock] | list[InterruptResponseContent] | None
    ) -> AgentResult:
        left = self._task.max_turns - self._memory.model_calls
        # The tools of the last answer still run: one of them may be the structured answer.
        if left <= 0 and not self._memory.unanswered():
            raise TurnLimitError(self._task.name, max_turns=self._task.max_turns)
        stream = agent.stream_async(
            say,
            cancel_signal=self._attempt.stop,
            limits={"turns": min(TURNS_PER_INVOCATION, max(1, left))},
            structured_output_model=self._task.output,
            structured_output_prompt=FORMAT_PROMPT,
        )
        result: AgentResult | None = None
        try:
            async for event in stream:
                result = event.get("result", result)
                asking = event.get("tool_interrupt_event")
                if asking is not None:
                    use = asking["tool_use"]
                    self._interrupted |= {interrupt.id: use for interrupt in asking["interrupts"]}
        finally:
            self._memory.unsay()
        return cast("AgentResult", result)

    def _build(self) -> Agent:
        use_sparing_tracer()
        name = self._task.name
        hooks = ModelHooks(self._attempt, self._memory, self._loaded, agent=name)
        gate = Gate(self._task.approve, self._memory.answers, past=lambda: self._memory.earlier)
        agent = self._task.build(
            model=self._loaded.model,
            agent_id=name,
            name=name,
            session_manager=RepositorySessionManager(self._attempt.session_id, self._memory),
            # Others leave out messages, and so what a later attempt must know.
            conversation_manager=NullConversationManager(),
            hooks=[hooks, gate],
            # Ours is in the hooks, and gives way to a stop.
            retry_strategy=None,
            # The default one prints.
            callback_handler=None,
        )
        if not (self._memory.is_in_use and hooks.is_in_use and gate.is_in_use):
            raise AgentBuildError(
                name,
                "was built without its memory or its hooks; "
                "pass all of build's arguments on to Agent",
            )
        ungated = self._task.approve.keys() - set(agent.tool_names)
        if ungated:
            there = ", ".join(sorted(agent.tool_names)) or "none"
            raise AgentBuildError(
                name, f"has no tool {min(ungated)!r} to put behind a gate, expected one of: {there}"
            )
        ledger = EffectLedger(self._attempt, self._memory, agent=name)
        agent.add_middleware(ExecuteToolStage, ledger)
        agent.add_middleware(ExecuteToolStage, OutsideResults(self._memory.answers))
        agent.add_middleware(InvokeModelStage.Input, self._demand_format)
        return agent

    def _demand_format(self, context: InvokeModelContext) -> InvokeModelContext:
        """Demand the structured answer as Strands does, where its demand came before a crash."""
        output, last = self._task.output, self._memory.last
        is_owed = last is not None and is_demand(last.message)
        if output is None or not is_owed or context.tool_choice is not None:
            return context
        # A union of three dictionaries with one key each: mypy takes none for the right one.
        choice = cast("ToolChoice", {"tool": {"name": tool_name(output)}})
        return replace(context, tool_choice=choice, structured_output_model=output)

    def _cause(self, error: Exception) -> BaseException:
        """Find what an error of Strands means here."""
        name, model = self._task.name, self._loaded.model_id
        if self._attempt.stop.is_set():
            return AttemptStoppedError(self._attempt.stop_message)
        if self._memory.failure is not None:
            return self._memory.failure
        while isinstance(error, EventLoopException):
            error = error.original_exception
        match error:
            case ContextWindowOverflowException():
                return ContextOverflowError(name, model=model, why=str(error))
            case MaxTokensReachedException():
                return CutOffError(name)
            case StructuredOutputException() if self._task.output:
                output = self._task.output.__name__
                return AnswerFormatError(name, output=output, why=str(error))
            case _ if self._loaded.is_transient(error):
                return ModelUnavailableError(name, model=model, why=str(error))
            case _:
                return error


class _Threads(ThreadPoolExecutor):
    """Threads a closing loop does not wait for: one may be reading from a silent model."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=cancel_futures)


def _new_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_Threads(THREADS, thread_name_prefix="agent"))
    return loop
