"""The checks of `errand doctor`: this machine, the local stack, or a stack on AWS."""

import os
import sys
from collections.abc import Iterator, Mapping

from cli import text
from cli.bringing_up import model_note
from cli.check import Check, Verdict
from cli.check_deployment import deployment_checks
from cli.errors import CliError
from cli.local_place import LocalPlace
from cli.places import StackPlace
from local.agent_server import HEALTH_PATH, check_model
from local.emulator_environment import emulator_environment
from local.errors import ModelNotLocalError, StackStateError
from local.health import answers
from local.home import PROJECT, Home
from local.mailbox.app import HEALTH_PATH as MAILBOX_HEALTH_PATH
from local.node import MINIMUM_VERSION, node_version
from local.ports import holder, is_free
from local.stack import status
from local.state import Phase, StackState
from local.synth import cached
from local.unitok.app import HEALTH_PATH as UNITOK_HEALTH_PATH
from runs.errors import RunError
from runs.sweeping import WORDS

_PYTHON = (3, 11)


def local_checks(home: Home, *, port: int, environ: Mapping[str, str]) -> Iterator[Check]:
    """Look at this machine and at the stack of a home.

    Args:
        home: Where the stack keeps its files.
        port: Where the agent would listen, should the stack be brought up now.
        environ: The user's environment.
    """
    yield _python()
    yield _node(home, environ)
    yield _emulator(home)
    yield _folder(home)
    yield _model(environ)
    try:
        state = status(home)
    except (StackStateError, OSError) as error:
        yield Check(name="stack", verdict=Verdict.WRONG, found=str(error))
        return
    yield _stack(state, home)
    if state is None or state.phase is not Phase.UP:
        yield _port(port)
        return
    yield _agent(state, home)
    yield _unitok(state)
    yield _mailbox(state)
    yield from place_checks(LocalPlace(home))


def place_checks(place: StackPlace) -> Iterator[Check]:
    """Look at a stack that is up: what it is made of, and what it keeps."""
    try:
        deployment = place.deployment()
    except CliError as error:
        yield Check(
            name="deployment", verdict=Verdict.WRONG, found=str(error), advice=place.advice()
        )
        return
    yield from deployment_checks(deployment)
    yield _journal(place)
    yield _requests(place)
    yield _runs(place)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    is_new = sys.version_info[:2] >= _PYTHON
    return Check(
        name="python",
        verdict=Verdict.FINE if is_new else Verdict.WRONG,
        found=f"{version}, {sys.executable}",
        advice="" if is_new else "install Python 3.11 or newer",
    )


def _node(home: Home, environ: Mapping[str, str]) -> Check:
    version = node_version(environ)
    if version is not None and int(version.partition(".")[0]) >= MINIMUM_VERSION:
        return Check(name="node", verdict=Verdict.FINE, found=version)
    found = f"{version} is too old" if version else "not found on the PATH"
    if cached(PROJECT, home.cache):
        what = f"{found}; not needed now, the stack's template is made"
        return Check(name="node", verdict=Verdict.ABSENT, found=what)
    return Check(
        name="node",
        verdict=Verdict.WRONG,
        found=found,
        advice=f"install Node {MINIMUM_VERSION} or newer (https://nodejs.org): the AWS CDK needs "
        "it once, to make the stack's template",
    )


def _emulator(home: Home) -> Check:
    folder = home.emulator_environment
    if emulator_environment(folder).is_ready():
        return Check(name="emulator", verdict=Verdict.FINE, found=f"installed in {folder}")
    found = "not installed yet; `errand up` installs it, once"
    return Check(name="emulator", verdict=Verdict.ABSENT, found=found)


def _folder(home: Home) -> Check:
    existing = next(path for path in (home.root, *home.root.parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return Check(name="folder", verdict=Verdict.FINE, found=str(home.root))
    return Check(
        name="folder",
        verdict=Verdict.WRONG,
        found=f"{home.root} can't be written: {existing} is closed to you, or no folder",
        advice="name another folder with ERRAND_HOME",
    )


def _model(environ: Mapping[str, str]) -> Check:
    try:
        wanted = check_model(environ)
    except ModelNotLocalError as error:
        return Check(name="model", verdict=Verdict.WRONG, found=str(error))
    return Check(name="model", verdict=Verdict.FINE, found=wanted or "offline (ERRAND_MODEL unset)")


def _port(port: int) -> Check:
    if port == 0 or is_free(port):
        found = f"{port or 'any'} is free for the agent"
        return Check(name="port", verdict=Verdict.FINE, found=found)
    by = holder(port)
    return Check(
        name="port",
        verdict=Verdict.WRONG,
        found=f"{port}, where the agent would listen, is in use{f' by {by}' if by else ''}",
        advice=f"stop that process, or choose another port with ERRAND_PORT={port + 10}",
    )


def _stack(state: StackState | None, home: Home) -> Check:
    if state is None:
        kept = ", its runs are kept" if home.kept_mark.exists() else ""
        found = f"down{kept}; `errand up` starts it"
        return Check(name="stack", verdict=Verdict.ABSENT, found=found)
    if state.phase is Phase.STARTING:
        return Check(name="stack", verdict=Verdict.ABSENT, found=f"coming up: {state.step}")
    if state.phase is Phase.FAILED:
        return Check(
            name="stack",
            verdict=Verdict.WRONG,
            found=f"failed: {state.error}",
            advice=f"`errand up` starts a new one, `errand down` cleans up; logs: {home.logs}",
        )
    found = f"up at {state.endpoint} (supervisor {state.supervisor.pid})"
    return Check(name="stack", verdict=Verdict.FINE, found=found, advice=model_note(state) or "")


def _agent(state: StackState, home: Home) -> Check:
    pid = f" (pid {state.agent.pid})" if state.agent else ""
    died = f", started again {text.count(state.agent_restarts, 'time')}"
    where = f"{state.agent_url}{pid}{died if state.agent_restarts else ''}"
    if answers(state.ports.agent, HEALTH_PATH):
        return Check(name="agent", verdict=Verdict.FINE, found=f"answers at {where}")
    return Check(
        name="agent",
        verdict=Verdict.WRONG,
        found=f"does not answer at {where}",
        advice=f"it is started again when it dies; {home.logs / 'agent.log'} says why it did",
    )


def _unitok(state: StackState) -> Check:
    is_there = answers(state.ports.unitok, UNITOK_HEALTH_PATH)
    return _server("unitok", is_there=is_there, url=state.unitok_url)


def _mailbox(state: StackState) -> Check:
    is_there = answers(state.ports.mailbox, MAILBOX_HEALTH_PATH)
    return _server("mailbox", is_there=is_there, url=state.mailbox_url)


def _server(name: str, *, is_there: bool, url: str) -> Check:
    if is_there:
        return Check(name=name, verdict=Verdict.FINE, found=f"answers at {url}")
    return Check(
        name=name,
        verdict=Verdict.WRONG,
        found=f"does not answer at {url}",
        advice="`errand down --keep` and `errand up` start it again",
    )


def _journal(place: StackPlace) -> Check:
    try:
        newest = place.reader().newest(1)
    except (CliError, RunError) as error:
        return Check(name="journal", verdict=Verdict.WRONG, found=str(error), advice=place.advice())
    last = f"its last run is {newest[0].session_id}" if newest else "it has no runs yet"
    return Check(name="journal", verdict=Verdict.FINE, found=f"answers, {last}")


def _runs(place: StackPlace) -> Check:
    try:
        swept = place.sweep(is_dry=True)
    except (CliError, RunError) as error:
        return Check(name="runs", verdict=Verdict.WRONG, found=str(error), advice=place.advice())
    if not swept.found:
        found = f"{text.count(swept.looked_at, 'run')} looked at, none is stuck"
        return Check(name="runs", verdict=Verdict.FINE, found=found)
    first = swept.found[0]
    return Check(
        name="runs",
        verdict=Verdict.DOUBTFUL,
        found=f"{text.count(len(swept.found), 'run')} not as it should be: "
        f"{first.run.session_id} is {WORDS[first.problem]}",
        advice="the stack mends it within minutes; `errand sweep` does it now",
    )


def _requests(place: StackPlace) -> Check:
    try:
        lost = place.lost_requests()
    except CliError as error:
        return Check(
            name="requests", verdict=Verdict.WRONG, found=str(error), advice=place.advice()
        )
    if not lost:
        return Check(name="requests", verdict=Verdict.FINE, found="none was lost")
    return Check(
        name="requests",
        verdict=Verdict.WRONG,
        found=f"{text.count(lost, 'request')} could not be handed to the state machine",
        advice="they are in the rule's dead-letter queue; send them again",
    )
