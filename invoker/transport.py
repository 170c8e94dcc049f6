"""Calls to the agent through AgentCore Runtime, and what their errors mean."""

import json
from typing import Any, Protocol

from botocore.config import Config as BotoConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from invoker.errors import AgentRefusedError, AgentUnavailableError
from runs.telemetry.scope import current_scope

CONNECT_SECONDS = 3
#: A session that starts cold is waited for. When it takes longer the request may still reach the
#: agent, which is why no answer does not mean no start.
READ_SECONDS = 20
#: What one call can take; with less time left, none is begun.
CALL_SECONDS = CONNECT_SECONDS + READ_SECONDS + 2

#: botocore would send an invocation again after a time-out, and so start a run twice. Trying again
#: is the state machine's decision.
CLIENT_CONFIG = BotoConfig(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    retries={"total_max_attempts": 1},
)

_TRANSIENT = frozenset(
    {
        "InternalServerException",
        "RetryableConflictException",
        # The container is not up, or its server answered with an error.
        "RuntimeClientError",
        "ServiceQuotaExceededException",
        "ThrottlingException",
    }
)
#: The session is not there, or is being stopped already: what stopping wants.
_STOPPED = frozenset({"ConflictException", "ResourceNotFoundException"})
#: Our agent answers in a few dozen bytes.
_MAX_ANSWER_BYTES = 65_536


class AgentCore(Protocol):
    """The two calls of boto3's `bedrock-agentcore` client that are used here."""

    def invoke_agent_runtime(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """Send a payload to a session; see boto3."""
        ...

    def stop_runtime_session(self, **arguments: Any) -> object:  # noqa: ANN401 - boto3's
        """End a session; see boto3."""
        ...


class AgentRuntime:
    """The agent, behind one AgentCore runtime."""

    def __init__(self, client: AgentCore, *, arn: str) -> None:
        self._client = client
        self._arn = arn

    def send(self, session_id: str, action: str) -> str:
        """Ask the agent for something and give the status it answers with.

        Raises:
            AgentUnavailableError: It did not answer; it may have got the request.
            AgentRefusedError: AgentCore will not pass on this call, now or later.
        """
        payload = {"action": action, "session_id": session_id}
        try:
            answer = self._client.invoke_agent_runtime(
                agentRuntimeArn=self._arn,
                runtimeSessionId=session_id,
                contentType="application/json",
                accept="application/json",
                payload=json.dumps(payload).encode(),
                **_traced(),
            )
            body = answer["response"].read(_MAX_ANSWER_BYTES)
        except (ClientError, BotoCoreError) as error:
            raise self._translated(error) from error
        return _status(body)

    def stop(self, session_id: str) -> None:
        """End a session; one that has ended stays so.

        Raises:
            AgentUnavailableError: AgentCore did not answer.
            AgentRefusedError: AgentCore refuses the call.
        """
        try:
            self._client.stop_runtime_session(
                agentRuntimeArn=self._arn, runtimeSessionId=session_id
            )
        except (ClientError, BotoCoreError) as error:
            if not _is_stopped(error):
                raise self._translated(error) from error

    def _translated(self, error: Exception) -> AgentUnavailableError | AgentRefusedError:
        if isinstance(error, ClientError):
            return self._translated_answer(error)
        if isinstance(error, BotoConnectionError):
            return AgentUnavailableError(f"AgentCore can't be reached: {error}")
        if isinstance(error, HTTPClientError | IncompleteReadError):
            return AgentUnavailableError(f"AgentCore did not answer: {error}", is_delivered=True)
        return AgentRefusedError(f"the call of {self._arn} can't be made: {error}")

    def _translated_answer(self, error: ClientError) -> AgentUnavailableError | AgentRefusedError:
        code = error.response.get("Error", {}).get("Code", "")
        http = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _TRANSIENT or http >= 500:
            return AgentUnavailableError(str(error))
        return AgentRefusedError(f"AgentCore refuses the call of {self._arn}: {error}")


def _traced() -> dict[str, str]:
    """Say where in a trace the call is made from, so that what it leads to is in the same."""
    trace = current_scope().trace
    return {} if trace is None else {"traceId": trace.xray, "traceParent": trace.traceparent}


def _is_stopped(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in _STOPPED


def _status(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError as error:
        why = f"the agent answered {body[:200]!r}, expected JSON"
        raise AgentUnavailableError(why, is_delivered=True) from error
    if not isinstance(answer, dict) or not isinstance(answer.get("status"), str):
        why = f"the agent answered {body[:200]!r}, expected an object with a status"
        raise AgentUnavailableError(why, is_delivered=True)
    return str(answer["status"])
