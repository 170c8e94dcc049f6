"""An agent's conversation inside a run, saved message by message for later attempts to go on with.

A message is saved in one write with what it cost, so a model call that was paid for is never made
again, and its `ModelCalled` is there exactly when its message is.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from strands.session import SessionRepository
from strands.types.content import ContentBlock
from strands.types.content import Message as StrandsMessage
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType

from agent.attempt import Attempt
from agent.errors import AgentBuildError, InvalidMessageError, UnexpectedStopError
from agent.questions import Answered, at_place, interrupt_state
from agent.saved import ReturnedCall, Saved, to_json
from runs.events import Event, EventType
from runs.journal.base import MAX_CHANGES, AgentRecord, Changes, Message, ToolEntry
from runs.json_types import Json
from runs.run import Usage
from runs.told import Tell

#: The stop reason of a call that was broken off. Strands puts "Cancelled by user" in its place.
CANCELLED = "cancelled"
#: Where an agent's record keeps the hash of its prompt: two agents of one name would mix.
PROMPT = "prompt_sha256"
#: And where it keeps `AgentMemory.life`.
LIFE = "retries"
#: How many ledger entries are written with the message that has their results: one write may
#: hold no more records, and the message and the agent's own are two.
_ENTRIES = MAX_CHANGES - 2


class AgentMemory(SessionRepository):
    """A Strands session repository of one agent in one run, on the journal.

    After a failed write it refuses every other: a conversation never has a hole in it. So whatever
    Strands makes of an error on its way (a tool's failure, for one), the next message it adds
    raises the first error again, and the agent ends.
    """

    def __init__(
        self, attempt: Attempt, agent: str, *, prompt: str, answers: Iterable[Answered] = ()
    ) -> None:
        self._attempt = attempt
        self._given = tuple(answers)
        self._agent = agent
        self._prompt_sha256 = hashlib.sha256(prompt.encode()).hexdigest()
        self.saved: list[Saved] = []
        #: The first error; the agent can't go on.
        self.failure: BaseException | None = None
        #: Whether an agent was built on this memory.
        self.is_in_use = False
        self._call: ReturnedCall | None = None
        #: Whether the next call may have been begun before, by a worker that saw no answer.
        self._is_resumed = False
        #: Calls whose results are in the ledger and in no message yet.
        self._held: dict[str, ToolEntry] = {}
        self._record: dict[str, Json] | None = None
        self._is_record_saved = False
        #: What the run was told, of which the next message is made.
        self._saying: Sequence[Tell] = ()

    def load(self) -> None:
        """Read what earlier attempts saved. Call it once, before anything else.

        Raises:
            AgentBuildError: The conversation of that name began with another prompt.
            JournalUnavailableError: The journal did not answer.
        """
        journal, session_id = self._attempt.journal, self._attempt.session_id
        messages = self._attempt.patiently(lambda: journal.messages(session_id, self._agent))
        self.saved = [Saved.from_message(message) for message in messages]
        self._is_resumed = self.last is not None and self.last.message["role"] == "user"
        if not messages:
            return
        # The record is written with the first message: without one there is none.
        record = self._attempt.patiently(lambda: journal.agent(session_id, self._agent))
        if record is None:
            return
        self._record, self._is_record_saved = cast("dict[str, Json]", record.body), True
        if self._record.get(PROMPT) != self._prompt_sha256:
            text = "has a conversation with another prompt in this run; give each its own name"
            raise AgentBuildError(self._agent, text)

    @property
    def life(self) -> int:
        """Say how often the run had been retried when the conversation began.

        One that a retry begins anew makes other calls than the one before, under the same names.
        """
        if self._record is None:
            return self._attempt.run.retries
        return cast("int", self._record.get(LIFE, 0))

    @property
    def last(self) -> Saved | None:
        """Give the newest message."""
        return self.saved[-1] if self.saved else None

    @property
    def answers(self) -> Sequence[Answered]:
        """Give the answers to what was asked at this place of the conversation."""
        return at_place(self._given, len(self.saved))

    @property
    def earlier(self) -> Sequence[Answered]:
        """Give the answers to all that was asked before this place."""
        return [answer for answer in self._given if answer.asked.place < len(self.saved)]

    @property
    def model_calls(self) -> int:
        """Count the model calls whose answers are saved, over all attempts."""
        return sum(saved.stop_reason is not None for saved in self.saved)

    def unanswered(self) -> tuple[str, ...]:
        """Name the tool calls that the newest message asks for, in its order."""
        return tuple(self.last.asked()) if self.last else ()

    def note(self, call: ReturnedCall) -> None:
        """Keep what a call used until its message comes, to be written with it."""
        self.discard()
        self._call = call

    def discard(self) -> None:
        """Write what a call used whose message will not come: a hook threw the answer away."""
        call, self._call = self._call, None
        if call is not None:
            events, spent = self._spent(call, is_discarded=True)
            self._commit(Changes(events=events, spent=spent))

    def hold(self, entry: ToolEntry) -> None:
        """Keep a ledger entry until its result is in a message, and need not be in both."""
        self._held[entry.tool_use_id] = entry

    def hear(self, messages: list[StrandsMessage]) -> bool:
        """Add what the run was told to the words that the model is to answer, and say if it was.

        What has been said stays as it is: the message that is saved last, one of a user, is saved
        again with these words at its end. Roles go on to alternate, and tool results come first.

        Args:
            messages: The agent's own, the last of which gets the same words.

        Raises:
            LeaseLostError: The run is another's now.
            JournalUnavailableError: The journal did not answer; the attempt was told to stop.
        """
        is_told = False
        while self._is_user_last() and (tells := self._attempt.inbox.take(self._agent)):
            self._add(tells)
            is_told = True
        if is_told and messages:
            messages[-1]["content"] = self.saved[-1].message["content"]
        return is_told

    def words(self) -> list[ContentBlock]:
        """Take what the run was told, for the next message of a user to be made of.

        Call `unsay` when the agent was invoked with it: that message may not have come.
        """
        self._saying = self._attempt.inbox.take(self._agent)
        return _blocks(self._saying)

    def unsay(self) -> None:
        """Leave to others what was taken and not said."""
        unsaid, self._saying = self._saying, ()
        self._attempt.inbox.put_back(unsaid)

    def _add(self, tells: Sequence[Tell]) -> None:
        index, last = len(self.saved) - 1, self.saved[-1]
        content = [*last.message["content"], *_blocks(tells)]
        new = replace(last, message={**last.message, "content": content})
        delivered, events = self._delivered(tells, index)
        changes = Changes(messages=(self._at(index, new),), tells=delivered, events=events)
        try:
            self._commit(changes)
        except BaseException:
            self._attempt.inbox.put_back(tells)
            raise
        self.saved[index] = new

    def _delivered(
        self, tells: Sequence[Tell], index: int
    ) -> tuple[Sequence[Tell], Sequence[Event]]:
        now = self._attempt.clock()
        delivered = [tell.delivered(self._agent, message=index, at=now) for tell in tells]
        events = [
            self._attempt.event(
                EventType.MESSAGE_DELIVERED,
                name=self._agent,
                details={"Number": tell.number, "Message": index},
            )
            for tell in tells
        ]
        return delivered, events

    def _is_user_last(self) -> bool:
        return self.last is not None and self.last.message["role"] == "user"

    def fail(self, error: BaseException) -> None:
        """Refuse every write from now on; the first error stands."""
        self.failure = self.failure or error

    def read_session(self, session_id: str, **_: object) -> Session:
        """See `SessionRepository.read_session`: the run is the session, and it is there."""
        return Session(session_id=session_id, session_type=SessionType.AGENT)

    def create_session(self, session: Session, **_: object) -> Session:
        """See `SessionRepository.create_session`."""
        return session

    def read_agent(self, session_id: str, agent_id: str, **_: object) -> SessionAgent | None:
        """See `SessionRepository.read_agent`."""
        self.is_in_use = True
        if self._record is None:
            return None
        internal = cast("dict[str, Json]", self._record["_internal_state"])
        state = cast("dict[str, Json]", internal["interrupt_state"])
        answerable = interrupt_state(self.answers, state["context"])
        internal = {**internal, "interrupt_state": answerable}
        return SessionAgent.from_dict({**self._record, "_internal_state": internal})

    def create_agent(self, session_id: str, session_agent: SessionAgent, **_: object) -> None:
        """See `SessionRepository.create_agent`; written with the first message."""
        self._record = self._new_record(session_agent)

    def update_agent(self, session_id: str, session_agent: SessionAgent, **_: object) -> None:
        """See `SessionRepository.update_agent`; written only if it says something new.

        Strands calls this after every tool cycle.
        """
        record = self._new_record(session_agent)
        if record == self._record:
            return
        self._record, self._is_record_saved = record, False
        # The end of a failed or stopped agent is no news, and must not raise over its cause.
        if self.saved and self.failure is None and not self._attempt.stop.is_set():
            self._commit(Changes(agents=self._unsaved_record()))

    def create_message(
        self, session_id: str, agent_id: str, session_message: SessionMessage, **_: object
    ) -> None:
        """See `SessionRepository.create_message`.

        Raises:
            AttemptStoppedError: The attempt must end. A finished answer of the model is saved all
                the same; what a tool or Strands says because of the stop is not.
            InvalidMessageError: Models would refuse the conversation from now on.
        """
        call, self._call = self._call, None
        stop_reason = call.stop_reason if call else None
        new = Saved(message=session_message.message, stop_reason=stop_reason)
        if call is None or call.stop_reason == CANCELLED:
            self._attempt.leave_if_stopped()
        self._check(new)
        events, spent = self._spent(call)
        held = self._unheld(new)
        told, heard = self._delivered(self._saying, session_message.message_id)
        changes = Changes(
            messages=(self._at(session_message.message_id, new),),
            tells=told,
            agents=self._unsaved_record(),
            tools=held[:_ENTRIES],
            events=(*events, *heard),
            spent=spent,
            is_advance=True,
        )
        self._commit(changes)
        self._saying = ()
        self.saved.append(new)
        # A crash before these leaves results in both places, which harms nothing.
        for start in range(_ENTRIES, len(held), _ENTRIES):
            self._commit(Changes(tools=held[start : start + _ENTRIES]))

    def read_message(
        self, session_id: str, agent_id: str, message_id: int, **_: object
    ) -> SessionMessage | None:
        """See `SessionRepository.read_message`."""
        if message_id >= len(self.saved):
            return None
        return SessionMessage(message=self.saved[message_id].message, message_id=message_id)

    def update_message(
        self, session_id: str, agent_id: str, session_message: SessionMessage, **_: object
    ) -> None:
        """See `SessionRepository.update_message`: a guardrail took something out of a message."""
        index = session_message.message_id
        stop_reason = self.saved[index].stop_reason
        new = Saved(message=session_message.to_message(), stop_reason=stop_reason)
        self._commit(Changes(messages=(self._at(index, new),)))
        self.saved[index] = new

    def list_messages(
        self,
        session_id: str,
        agent_id: str,
        limit: int | None = None,
        offset: int = 0,
        **_: object,
    ) -> list[SessionMessage]:
        """See `SessionRepository.list_messages`."""
        end = None if limit is None else offset + limit
        return [
            SessionMessage(message=saved.message, message_id=index)
            for index, saved in list(enumerate(self.saved))[offset:end]
        ]

    def _commit(self, changes: Changes) -> None:
        if self.failure is not None:
            raise self.failure
        try:
            self._attempt.commit(changes)
        except BaseException as error:
            self.fail(error)
            raise
        if changes.agents:
            self._is_record_saved = True

    def _unheld(self, new: Saved) -> tuple[ToolEntry, ...]:
        """Give the ledger entries of the results in a message, without these results."""
        held = [self._held.pop(answered, None) for answered in new.answered()]
        return tuple(replace(entry, result=None) for entry in held if entry)

    def _unsaved_record(self) -> tuple[AgentRecord, ...]:
        if self._is_record_saved or self._record is None:
            return ()
        return (AgentRecord(agent=self._agent, body=self._record),)

    def _new_record(self, session_agent: SessionAgent) -> dict[str, Json]:
        """Shape what an agent keeps, without what the journal has anyway.

        That are the times Strands puts on it, and of interrupts all but what tools keep there: a
        sub-agent its conversation.
        """
        record = cast("dict[str, Json]", to_json(session_agent.to_dict()))
        kept = {key: record[key] for key in record.keys() - {"created_at", "updated_at"}}
        internal = cast("dict[str, Json]", record["_internal_state"])
        state = cast("dict[str, dict[str, Json]]", internal["interrupt_state"])
        context = {key: value for key, value in state["context"].items() if key != "responses"}
        internal["interrupt_state"] = {"context": context}
        return kept | {PROMPT: self._prompt_sha256, LIFE: self.life}

    def _at(self, index: int, saved: Saved) -> Message:
        return Message(agent=self._agent, index=index, body=saved.to_body())

    def _spent(
        self, call: ReturnedCall | None, *, is_discarded: bool = False
    ) -> tuple[Sequence[Event], Usage | None]:
        if call is None:
            return (), None
        details = call.to_details()
        # For the run's receipt: see `runs.receipt`.
        if self._is_resumed:
            details["Resumed"] = True
        if is_discarded:
            details["Discarded"] = True
        self._is_resumed = False
        event = self._attempt.event(EventType.MODEL_CALLED, name=self._agent, details=details)
        return (event,), call.usage

    def _check(self, new: Saved) -> None:
        """Refuse what must not stand in the conversation, and everything after it.

        That is what Strands writes in place of an answer that was broken off, and tool results
        that do not answer, each once, what the message before asks for.
        """
        if self.failure is not None:
            raise self.failure
        if new.stop_reason == CANCELLED:
            self.fail(UnexpectedStopError(self._agent, stop_reason=CANCELLED))
        answered, asked = sorted(new.answered()), sorted(self.unanswered())
        if answered != asked:
            text = f"answers tool calls {answered}, expected {asked}"
            self.fail(InvalidMessageError(self._agent, text))
        if self.failure is not None:
            raise self.failure


def _blocks(tells: Iterable[Tell]) -> list[ContentBlock]:
    return [{"text": tell.text} for tell in tells]
