"""One invocation of the Lambda function in a process of its own, as Lambda gives it one."""

import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from agent.models.conversation import Conversation, Turn
from agent.workflows.research import playbook


@dataclass
class Context:
    """Lambda's context object, as far as it is used."""

    aws_request_id: str
    ends_at: float

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds until Lambda ends the invocation."""
        return max(0, int((self.ends_at - time.time()) * 1000))


def invoke(
    payload: bytes, environment: Mapping[str, str], seconds: float, dying: str, answer: Connection
) -> None:
    """Load the function as Lambda does, invoke it, and send what it gives; a process's target.

    Args:
        payload: The event, as JSON.
        environment: The function's variables.
        seconds: The function's time-out.
        dying: A file that is made when a researcher's second turn kills the process; it kills one
            process only. None does if this is empty.
        answer: Takes the output.
    """
    os.environ.update(environment)
    if dying:
        _die_once(Path(dying))
    from agent.lambda_home import handler  # noqa: PLC0415 - it reads the environment set above

    context = Context(aws_request_id=str(os.getpid()), ends_at=time.time() + seconds)
    answer.send_bytes(json.dumps(handler(json.loads(payload), context)).encode())


def _die_once(dying: Path) -> None:
    real: Any = playbook.research

    def research(conversation: Conversation) -> Turn:
        if conversation.turn == 1 and not dying.exists():
            dying.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        turn: Turn = real(conversation)
        return turn

    playbook.research = research
