"""Workload identities: the four calls of AgentCore Identity that `agentcore invoke -l` makes."""

import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import JSONResponse

from local.aws_errors import ConflictError, NotFoundError, ValidationError
from local.environment import ACCOUNT, REGION
from runs.json_types import Json

_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_DIRECTORY = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:workload-identity-directory/default"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadIdentity:
    """A name an agent may get access tokens under."""

    name: str
    return_urls: tuple[str, ...]
    created_at: float
    updated_at: float

    def to_json(self) -> dict[str, Json]:
        """Give it as AWS answers it."""
        return {
            "name": self.name,
            "workloadIdentityArn": f"{_DIRECTORY}/workload-identity/{self.name}",
            "allowedResourceOauth2ReturnUrls": self.return_urls,
            "createdTime": self.created_at,
            "lastUpdatedTime": self.updated_at,
        }


class Identities:
    """The identities of one stand-in; gone when it ends."""

    def __init__(self) -> None:
        self._identities: dict[str, WorkloadIdentity] = {}
        self._lock = threading.Lock()

    async def create(self, request: Request) -> JSONResponse:
        """Answer CreateWorkloadIdentity."""
        body = await _body(request)
        name = _checked_name(body.get("name"))
        now = time.time()
        made = WorkloadIdentity(
            name=name, return_urls=_return_urls(body), created_at=now, updated_at=now
        )
        with self._lock:
            if name in self._identities:
                message = f"workload identity {name!r} exists"
                raise ConflictError(message)
            self._identities[name] = made
        return JSONResponse(made.to_json(), 201)

    async def get(self, request: Request) -> JSONResponse:
        """Answer GetWorkloadIdentity."""
        body = await _body(request)
        return JSONResponse(self._find(body.get("name")).to_json())

    async def update(self, request: Request) -> JSONResponse:
        """Answer UpdateWorkloadIdentity."""
        body = await _body(request)
        found = self._find(body.get("name"))
        changed = replace(found, return_urls=_return_urls(body), updated_at=time.time())
        with self._lock:
            self._identities[found.name] = changed
        return JSONResponse(changed.to_json())

    async def token(self, request: Request) -> JSONResponse:
        """Answer GetWorkloadAccessToken and its variants with a token that opens nothing."""
        body = await _body(request)
        found = self._find(body.get("workloadName"))
        token = f"local.{found.name}.{secrets.token_urlsafe(24)}"
        return JSONResponse({"workloadAccessToken": token})

    def _find(self, name: Json) -> WorkloadIdentity:
        checked = _checked_name(name)
        with self._lock:
            found = self._identities.get(checked)
        if found is None:
            message = f"workload identity {checked!r} does not exist"
            raise NotFoundError(message)
        return found


async def _body(request: Request) -> Mapping[str, Json]:
    try:
        body = await request.json()
    except ValueError as error:
        message = f"the request is not JSON: {error}"
        raise ValidationError(message) from error
    if not isinstance(body, dict):
        message = f"the request is a {type(body).__name__}, expected an object"
        raise ValidationError(message)
    return body


def _checked_name(name: Json) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        message = f"name {name!r} does not match {_NAME.pattern}"
        raise ValidationError(message)
    return name


def _return_urls(body: Mapping[str, Json]) -> tuple[str, ...]:
    urls = body.get("allowedResourceOauth2ReturnUrls") or ()
    if not isinstance(urls, list | tuple) or not all(isinstance(url, str) for url in urls):
        message = f"allowedResourceOauth2ReturnUrls {urls!r} is not a list of texts"
        raise ValidationError(message)
    return tuple(str(url) for url in urls)
