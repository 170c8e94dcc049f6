"""What a command line asks for, as the detail of a request the invoker will take."""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.errors import UsageError
from local.home import PROJECT
from runs.errors import InvalidRequestError
from runs.ids import MIN_SESSION_ID, new_session_id
from runs.json_types import Json
from runs.request import DEFAULT_WORKFLOW, RunRequest

#: Read as data: the names are needed before any workflow is.
REGISTRY = PROJECT / "agent" / "workflows" / "registry.toml"

_DEFAULT_PROMPTS = {
    DEFAULT_WORKFLOW: "Where does the money go, what has changed, and what could be saved?"
}
#: What is asked of the documents that ship; of others only their owner knows what to ask.
_SAMPLE_PROMPTS = {
    "research-report": "How do long-running agents survive crashes, and what does it cost?"
}
#: A word that a workflow knows, such as `aws`.
_WORD = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a command line asks for, unchecked."""

    workflow: str | None = None
    prompt: str | None = None
    input: str | None = None
    session_id: str | None = None
    idempotency_key: str | None = None
    deadline_seconds: float | None = None
    max_attempts: int | None = None
    max_tokens: int | None = None
    max_cost_usd: float | None = None
    max_seconds: float | None = None

    def to_fields(self) -> dict[str, Json]:
        """Give what was asked for, under the names a request has."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def workflows() -> frozenset[str]:
    """Give the names of the workflows there are."""
    return frozenset(tomllib.loads(REGISTRY.read_text(encoding="utf-8")))


def request_of(wish: Wish, *, is_remote: bool) -> dict[str, Json]:
    """Make the detail of a request.

    The session id is always in it, so that a request that is delivered twice is one run.

    Args:
        wish: What the command line says.
        is_remote: Whether the agent sees another machine's files.

    Raises:
        UsageError: The invoker would refuse it, with the same message.
    """
    detail = wish.to_fields()
    detail.setdefault("workflow", DEFAULT_WORKFLOW)
    prompt = default_prompt(str(detail["workflow"]), has_input=bool(wish.input))
    if prompt is not None:
        detail.setdefault("prompt", prompt)
    if wish.input is not None:
        detail["input"] = resolved_input(wish.input, is_remote=is_remote)
    return {**detail, "session_id": checked(detail, workflows()).session_id}


def checked(detail: Mapping[str, Json], workflows: Collection[str]) -> RunRequest:
    """Check a request's detail as the invoker will; without a session id it gets a new one.

    Raises:
        UsageError: The invoker would refuse it; the message names the option.
    """
    try:
        return RunRequest.from_json(
            detail,
            source="cli",
            workflows=workflows,
            session_id=new_session_id(),
            min_session_id=MIN_SESSION_ID,
        )
    except InvalidRequestError as error:
        msg = f"{option_of(error.field)}: {str(error).partition(': ')[2]}"
        raise UsageError(msg) from error


def default_prompt(workflow: str, *, has_input: bool) -> str | None:
    """Give what a workflow is asked where nothing is said; None where only its owner knows."""
    prompts = _DEFAULT_PROMPTS if has_input else _DEFAULT_PROMPTS | _SAMPLE_PROMPTS
    return prompts.get(workflow)


def option_of(field: str) -> str:
    """Name the option, or the argument, that gives a field of a request."""
    if field == "workflow":
        return "WORKFLOW"
    return f"--{field.removesuffix('_usd').replace('_', '-')}"


def resolved_input(given: str, *, is_remote: bool) -> str:
    """Make an input independent of this process's folder: URLs and words stay, paths get absolute.

    An object is the workflow's own matter, and stays too.

    Raises:
        UsageError: It is a file here, and the agent is elsewhere.
    """
    if not given or "://" in given or given.lstrip().startswith("{"):
        return given
    path = Path(given).expanduser()
    if _WORD.fullmatch(given) and not path.exists():
        return given
    if is_remote:
        msg = f"--input is {given!r}, which the agent on AWS can't read; upload it, and give s3://…"
        raise UsageError(msg)
    return str(path.absolute())
