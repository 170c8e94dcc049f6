"""Making a new run of another's checkpoints: what it begins with.

It has what the other run had finished before a step, and does that step and all that comes after
it anew. What the other run had begun and not finished is not taken over: it was begun for another
run, under that run's keys.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from runs.again import Holdings, causes_of, check_conversations, reopened
from runs.artifacts.keys import artifact_key
from runs.budget import Budget
from runs.errors import ForkRefusedError, InvalidRequestError
from runs.operations import Operation, OperationStatus, OperationType
from runs.program import Program
from runs.results import check_json, result_of
from runs.run import INVOKED, Artifact, ForkedFrom, Run, Status
from runs.steps import find_step, step_name

_OPEN = frozenset({OperationStatus.STARTED, OperationStatus.PENDING, OperationStatus.READY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """What is asked for."""

    #: The new run's.
    session_id: str
    #: The step that is done anew: its name, its operation's id, or the beginning of that.
    at: str
    #: Who asks, as `Run.source` has it.
    source: str
    #: In place of the other run's.
    prompt: str | None = None
    input: str | None = None
    #: What earlier steps are to have come to, as JSON, by name or id like `at`.
    results: Mapping[str, str] = field(default_factory=dict)
    #: How long the new run may take; as long as the other one without it.
    deadline_seconds: float | None = None
    #: Limits that take the place of the other run's.
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a fork begins with."""

    run: Run
    #: The ids of the operations it takes over, in the order in which they were first recorded.
    kept: tuple[str, ...]
    #: Those of them that are not as they were.
    changed: Mapping[str, Operation]
    #: The agents whose conversations it takes over.
    agents: frozenset[str]


def check_forkable(run: Run) -> None:
    """Refuse to fork a run whose checkpoints may still change, or are elsewhere.

    Raises:
        ForkRefusedError: It has not ended, or is a Lambda durable execution.
    """
    if run.durable_execution is not None:
        raise ForkRefusedError(run.session_id, "it is a Lambda durable execution")
    if not run.status.is_terminal:
        why = f"it is {run.status}, and its checkpoints may still change; cancel it first"
        raise ForkRefusedError(run.session_id, why)


def is_same(run: Run, fork: Fork) -> bool:
    """Say whether a fork that there is may be the one that is asked for.

    What its steps were to have come to is not compared: the run has it only as they keep it.
    """
    known = run.forked_from
    is_there = known is not None and (
        fork.at == known.step or known.operation_id.startswith(fork.at)
    )
    is_told = fork.prompt in {None, run.prompt} and fork.input in {None, run.input}
    return is_there and is_told


def start_of(  # noqa: PLR0913 - all but three of them keyword-only
    run: Run,
    program: Program,
    fork: Fork,
    *,
    holdings: Holdings,
    whole: Callable[[str], Operation],
    now: datetime,
) -> Start:
    """Decide what a fork begins with.

    Args:
        run: The run that is forked.
        program: Its operations.
        fork: What is asked for.
        holdings: Its other records.
        whole: Reads an operation with what it was given and gave.
        now: When it is done.

    Raises:
        StepNotFoundError: A step that is named is none of the run's.
        AmbiguousStepError: It is several.
        StepRefusedError: The step goes on with a conversation that an earlier one began.
        InvalidRequestError: A result is not what its step could have come to, or its step is done
            anew itself.
    """
    at = find_step(program, fork.at, session_id=run.session_id)
    results = {
        find_step(program, given, session_id=run.session_id).operation_id: (given, text)
        for given, text in fork.results.items()
    }
    again = program.from_on(at.operation_id)
    causes = causes_of(run, program, now=now) - again - results.keys()
    later = again.union(*(program.after(cause) for cause in causes))
    check_conversations(run, program, holdings, again=again, later=later)
    contexts = {each for each in causes if _is_context(program.operations[each])}
    dropped = later | (causes - contexts) | (_unfinished(program) - results.keys())
    for operation_id, (given, _) in results.items():
        if operation_id in dropped:
            message = f"is done anew, as it comes with or after {step_name(at)!r}"
            raise InvalidRequestError(field=given, message=message)
    points = {at.operation_id, *causes, *results}
    around = {context.operation_id for point in points for context in program.around(point)}
    going_on = (around | contexts) - dropped - results.keys()
    changed = {each: reopened(program.operations[each]) for each in going_on} | {
        each: _edited(whole(each), given, text, now=now) for each, (given, text) in results.items()
    }
    kept = tuple(each for each in program.operations if each not in dropped)
    names = [step_name(program.operations[each]) for each in results]
    return Start(
        run=_forked(run, fork, at=at, kept=kept, edited=names, now=now),
        kept=kept,
        changed=changed,
        agents=frozenset(
            agent for agent, said_in in holdings.conversations.items() if said_in & set(kept)
        ),
    )


def _is_context(operation: Operation) -> bool:
    return operation.type is OperationType.CONTEXT


def _unfinished(program: Program) -> frozenset[str]:
    return frozenset(
        each
        for each, operation in program.operations.items()
        if operation.status in _OPEN and not _is_context(operation)
    )


def _edited(operation: Operation, given: str, text: str, *, now: datetime) -> Operation:
    """Give an operation with the result that a person wants it to have come to."""
    return replace(
        operation,
        status=OperationStatus.SUCCEEDED,
        payload=result_of(operation, text, field=given),
        error=None,
        due_at=None,
        replay_children=False,
        ended_at=operation.ended_at or now,
    )


def _forked(  # noqa: PLR0913 - all but two of them keyword-only
    run: Run,
    fork: Fork,
    *,
    at: Operation,
    kept: Collection[str],
    edited: Sequence[str],
    now: datetime,
) -> Run:
    if fork.prompt is not None and run.is_invoked:
        check_json(fork.prompt, field="prompt")
    length = run.deadline_at - (run.retried_at or run.created_at)
    if fork.deadline_seconds is not None:
        length = timedelta(seconds=fork.deadline_seconds)
    asked = {"prompt": fork.prompt, "input": fork.input}
    changes = [name for name, value in asked.items() if value is not None]
    return Run(
        session_id=fork.session_id,
        workflow=run.workflow,
        workflow_version=run.workflow_version,
        prompt=run.prompt if fork.prompt is None else fork.prompt,
        input=run.input if fork.input is None else fork.input,
        # A child's prompt is read in another way than others.
        source=INVOKED if run.is_invoked else fork.source,
        status=Status.QUEUED,
        max_attempts=run.max_attempts,
        wake_at=now,
        budget=fork.budget.or_else(run.budget),
        deadline_at=now + length,
        artifacts=tuple(_shared(run, each) for each in run.artifacts if _is_kept(each, kept)),
        created_at=now,
        updated_at=now,
        forked_from=ForkedFrom(
            session_id=run.session_id,
            step=step_name(at),
            operation_id=at.operation_id,
            edited=(*changes, *edited),
            older=run.forked_from.sessions if run.forked_from else (),
        ),
    )


def _is_kept(artifact: Artifact, kept: Collection[str]) -> bool:
    return artifact.operation_id is None or artifact.operation_id in kept


def _shared(run: Run, artifact: Artifact) -> Artifact:
    """Give a file as another run refers to it."""
    return replace(artifact, key=artifact.key or artifact_key(run.session_id, artifact.name))
