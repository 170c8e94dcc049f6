"""A replay that stops where the first thing would be begun that is not finished."""

from typing import NoReturn

from aws_durable_execution_sdk_python.identifier import OperationIdentifier

from agent.durable.differences import described
from agent.durable.replay import Replay
from agent.durable.timers import OPEN
from agent.errors import RehearsalEndsError
from runs.operations import Operation, OperationType


class Rehearsing(Replay):
    """See `Replay`. No step is entered under it, and nothing is begun."""

    #: What the run stands at: the first operation, of each branch, that is not finished.
    stands_at: str | None = None

    def ask(self, asked: OperationIdentifier, *, is_virtual: bool) -> Operation | None:
        """See `Replay.ask`.

        Raises:
            ReplayDiffersError: Something else is recorded there.
            RehearsalEndsError: It would be begun, or waited for.
        """
        recorded = super().ask(asked, is_virtual=is_virtual)
        if asked.type.value == OperationType.CONTEXT:
            # It is nothing but what is in it, which is asked for one by one.
            return recorded
        if recorded is None:
            self._stand(f"before {described(asked)}")
        if recorded.status not in OPEN:
            return recorded
        if recorded.type is not OperationType.CALLBACK:
            self._stand(f"at {described(asked)}")
        # It is open: the code may do something else before it waits for the answer.
        self.stands_at = self.stands_at or f"at {described(asked)}"
        return recorded

    def _stand(self, where: str) -> NoReturn:
        self.stands_at = self.stands_at or where
        raise RehearsalEndsError(where)
