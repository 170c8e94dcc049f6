"""A stand-in for AgentCore's data plane: sessions over HTTP in front of one local agent server.

It answers as the service does, errors included, so that the same invoker code and the same SDK
work on both. What differs: all sessions share one agent process, and stopping a session ends
nothing but the session's name (the agent's own work has ended by then, or is fenced off).
"""

import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from local.aws_errors import (
    AwsError,
    NotFoundError,
    RuntimeClientError,
    ValidationError,
    answer_error,
)
from local.environment import ACCOUNT, REGION
from local.identities import Identities

#: The runtime's name: any other is unknown here, as on AWS.
RUNTIME_ARN = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:runtime/errand-local"
SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"

_MAX_PAYLOAD = 100_000_000
_SESSION_LENGTH = range(33, 257)
#: The service's limit on a synchronous answer.
_ANSWER_SECONDS = 15 * 60.0
#: How long an agent that is starting is waited for, as AgentCore waits for a new microVM.
_START_SECONDS = 10.0
_CONNECT_POLL_SECONDS = 0.1
#: Headers of the caller that reach the container without being allow-listed.
_FORWARDED = re.compile(
    r"content-type|accept|traceparent|tracestate|baggage|x-amzn-trace-id|mcp-.*"
    r"|x-amzn-bedrock-agentcore-runtime-.*"
)


def build_app(agent_url: str, *, start_seconds: float = _START_SECONDS) -> Starlette:
    """Build the stand-in for one agent server.

    Args:
        agent_url: Where the agent listens, such as `http://127.0.0.1:8080`.
        start_seconds: How long to wait for an agent that does not listen yet.
    """
    plane = _DataPlane(agent_url, start_seconds=start_seconds)
    identities = Identities()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await plane.close()

    return Starlette(
        routes=[
            Route("/runtimes/{arn:path}/invocations", plane.invoke, methods=["POST"]),
            Route("/runtimes/{arn:path}/stopruntimesession", plane.stop, methods=["POST"]),
            Route("/identities/CreateWorkloadIdentity", identities.create, methods=["POST"]),
            Route("/identities/GetWorkloadIdentity", identities.get, methods=["POST"]),
            Route("/identities/UpdateWorkloadIdentity", identities.update, methods=["POST"]),
            Route("/identities/GetWorkloadAccessToken", identities.token, methods=["POST"]),
            Route(
                "/identities/GetWorkloadAccessTokenForUserId", identities.token, methods=["POST"]
            ),
        ],
        exception_handlers={AwsError: answer_error},
        lifespan=lifespan,
    )


class _DataPlane:
    """InvokeAgentRuntime and StopRuntimeSession."""

    def __init__(self, agent_url: str, *, start_seconds: float) -> None:
        timeout = httpx.Timeout(_ANSWER_SECONDS, connect=5.0)
        self._agent = httpx.AsyncClient(
            base_url=agent_url,
            timeout=timeout,
            # A kept connection would fail after a restart of the agent, and look delivered.
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,  # the user's proxies are not for loopback
        )
        self._start_seconds = start_seconds
        self._sessions: set[str] = set()

    async def close(self) -> None:
        await self._agent.aclose()

    async def invoke(self, request: Request) -> Response:
        _check_arn(request)
        session_id = request.headers.get(SESSION_HEADER)
        session_id = str(uuid.uuid4()) if session_id is None else _checked_session(session_id)
        payload = await request.body()
        if len(payload) > _MAX_PAYLOAD:
            message = f"the payload is {len(payload)} bytes, at most {_MAX_PAYLOAD}"
            raise ValidationError(message)
        self._sessions.add(session_id)
        headers = _forwarded(request) | {SESSION_HEADER.lower(): session_id}
        answer = await self._send(payload, headers=headers)
        if answer.is_error:
            text = (await answer.aread()).decode(errors="replace")
            await answer.aclose()
            message = f"received error ({answer.status_code}) from the agent: {text}"
            raise RuntimeClientError(message)
        return _passed_on(answer, session_id=session_id)

    async def stop(self, request: Request) -> Response:
        _check_arn(request)
        session_id = _checked_session(request.headers.get(SESSION_HEADER, ""))
        if session_id not in self._sessions:
            message = f"session {session_id!r} is not running"
            raise NotFoundError(message)
        self._sessions.discard(session_id)
        return Response(headers={SESSION_HEADER: session_id})

    async def _send(self, payload: bytes, *, headers: dict[str, str]) -> httpx.Response:
        deadline = time.monotonic() + self._start_seconds
        while True:
            request = self._agent.build_request(
                "POST", "/invocations", content=payload, headers=headers
            )
            try:
                return await self._agent.send(request, stream=True)
            except httpx.ConnectError as error:
                # Nothing was delivered, so sending it again can't run anything twice.
                if time.monotonic() > deadline:
                    message = f"the agent does not listen: {error}"
                    raise RuntimeClientError(message) from error
                await anyio.sleep(_CONNECT_POLL_SECONDS)
            except httpx.HTTPError as error:
                message = f"the agent broke off: {type(error).__name__} {error}"
                raise RuntimeClientError(message) from error


def _check_arn(request: Request) -> None:
    arn = request.path_params["arn"]
    if arn != RUNTIME_ARN:
        message = f"agent runtime {arn!r} does not exist, only {RUNTIME_ARN!r}"
        raise NotFoundError(message)


def _checked_session(session_id: str) -> str:
    if len(session_id) not in _SESSION_LENGTH:
        limits = f"expected {_SESSION_LENGTH.start} to {_SESSION_LENGTH.stop - 1}"
        message = f"runtimeSessionId has {len(session_id)} characters, {limits}"
        raise ValidationError(message)
    return session_id


def _forwarded(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if _FORWARDED.fullmatch(name)}


def _passed_on(answer: httpx.Response, *, session_id: str) -> Response:
    async def body() -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.aiter_bytes():
                yield chunk
        finally:
            await answer.aclose()

    return StreamingResponse(
        body(),
        answer.status_code,
        headers={SESSION_HEADER: session_id},
        media_type=answer.headers.get("content-type", "application/octet-stream"),
    )
