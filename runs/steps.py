"""Finding the step that a person means: by its name, its operation's id, or the beginning of it."""

from collections.abc import Iterable

from runs.errors import AmbiguousStepError, StepNotFoundError
from runs.operations import Operation
from runs.program import Program

#: The fewest characters of an id that are taken for one.
MIN_PREFIX = 6
_SHOWN_ID = 12
_SHOWN = 20


def find_step(program: Program, given: str, *, session_id: str) -> Operation:
    """Find an operation.

    Args:
        program: A run's operations.
        given: A name that no other operation has, an id, or the beginning of one.
        session_id: The run, for messages.

    Raises:
        StepNotFoundError: It means none; the message lists those there are.
        AmbiguousStepError: It means several; the message lists them with their ids.
    """
    if given in program.operations:
        return program.operations[given]
    operations = list(program.in_order())
    found = [each for each in operations if each.name == given]
    if not found and len(given) >= MIN_PREFIX:
        found = [each for each in operations if each.operation_id.startswith(given)]
    if not found:
        raise StepNotFoundError(session_id, given, known=_names(operations))
    if len(found) > 1:
        listed = [_described(program, each) for each in found[:_SHOWN]]
        raise AmbiguousStepError(session_id, given, count=len(found), candidates=listed)
    return found[0]


def step_name(operation: Operation) -> str:
    """Name an operation for people."""
    return operation.name or f"{operation.sub_type or operation.type} {_short(operation)}"


def _names(operations: Iterable[Operation]) -> list[str]:
    names = list(dict.fromkeys(step_name(each) for each in operations))
    more = len(names) - _SHOWN
    return names if more <= 0 else [*names[:_SHOWN], f"and {more} more"]


def _described(program: Program, operation: Operation) -> str:
    contexts = [step_name(each) for each in program.around(operation.operation_id)]
    inside = f", in {' in '.join(contexts)}" if contexts else ""
    return f"{_short(operation)}  {step_name(operation)}{inside}, {operation.status}"


def _short(operation: Operation) -> str:
    return operation.operation_id[:_SHOWN_ID]
