"""Bringing a local stack up and down, and telling how it is. Prints nothing; reports steps."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from local.agent_server import check_model
from local.emulator_environment import emulator_environment
from local.errors import PortInUseError, ProcessStartError, StackFailedError, StackStateError
from local.home import PROJECT, Home
from local.kept import keep as keep_state
from local.locks import file_lock
from local.ports import free_port, holder, is_free
from local.processes import Child, ProcessId, find_marked, is_running, spawn, stop, stop_child, tail
from local.state import Phase, StackState, read_state
from local.supervisor_settings import SupervisorSettings
from local.synth import cached, synthesise

DEFAULT_AGENT_PORT = 8080
#: Where `aws-local.ini` has AgentCore's end point; another port is taken if it is in use.
AGENTCORE_PORT = 8090
#: Where UniTok's page is, or on another port if this one is in use.
UNITOK_PORT = 8091
#: The same for the mailbox.
MAILBOX_PORT = 8092

#: Told what is being done, in a few words, by any thread.
Report = Callable[[str], None]

#: In the environment of every process of a stack, so that `down` finds those nobody wrote down.
_MARK = "ERRAND_STACK_HOME"
_POLL_SECONDS = 0.05
#: The supervisor gives its children 20 seconds in all.
_SUPERVISOR_GRACE_SECONDS = 25.0


def _silent(_step: str) -> None:
    return


def up(
    home: Home,
    *,
    environ: Mapping[str, str],
    agent_port: int = DEFAULT_AGENT_PORT,
    webhooks: Sequence[str] = (),
    report: Report = _silent,
) -> StackState:
    """Bring a stack up, unless it is up; two calls at once bring up one.

    What an earlier stack left behind is ended first. If this one can't be brought up, or the
    caller is interrupted, nothing of it is left running.

    Args:
        home: Where the stack keeps its files.
        environ: The user's environment; its AWS credentials go no further.
        agent_port: Where the agent is to listen; 0 is any free port.
        webhooks: Where events are posted to.
        report: Told each step.

    Returns:
        The stack, in phase UP. It may have been up before, on another port.

    Raises:
        LocalError: It could not be brought up; the message says why and what to do.
    """
    with _alone(home, report):
        found = status_or_none(home)
        if found and found.phase is not Phase.FAILED:
            return _wait(home, found, report=report)
        if found:
            report("cleaning up after an earlier stack")
        _clean(home)
        _turn_logs(home)
        check_model(environ)
        port = _agent_port(agent_port)
        python, assembly = _prepare(home, environ, webhooks=webhooks, report=report)
        settings = SupervisorSettings(
            home=home,
            agent_port=port,
            agentcore_port=AGENTCORE_PORT,
            unitok_port=UNITOK_PORT,
            mailbox_port=MAILBOX_PORT,
            emulator_python=python,
            assembly=assembly,
        )
        return _start(settings, environ, report=report)


def down(home: Home, *, keep: bool = False, report: Report = _silent) -> bool:
    """Stop a stack and all its processes, whatever state it is in; tell whether there was one.

    Args:
        home: Where the stack keeps its files.
        keep: Keep the emulator's state for the next `up`. A stack that is not up has none.
        report: Told each step.
    """
    with _alone(home, report):
        found = status_or_none(home)
        if found:
            report("stopping the stack")
        has_state = found and found.emulator and is_running(found.emulator)
        is_anything_ended = _clean(home)
        if keep and found and has_state:
            keep_state(home, emulator_port=found.ports.emulator)
        elif not keep:
            shutil.rmtree(home.emulator_state, ignore_errors=True)
        return is_anything_ended or found is not None


def status(home: Home) -> StackState | None:
    """Tell how a stack is; None when there is none.

    Raises:
        StackStateError: Its state file can't be read.
    """
    state = read_state(home.state_file)
    return state.as_seen_now() if state else None


def status_or_none(home: Home) -> StackState | None:
    """Tell how a stack is, an unreadable state file being as good as none."""
    try:
        return status(home)
    except StackStateError:
        return None


def _alone(home: Home, report: Report) -> AbstractContextManager[None]:
    return file_lock(
        home.lock_file, on_wait=lambda: report("waiting for another command on this stack")
    )


def _turn_logs(home: Home) -> None:
    """Begin new logs, and keep those of the stack before: they may say why it ended."""
    for log_file in home.logs.glob("*.log"):
        log_file.replace(log_file.with_suffix(".log.1"))


def _agent_port(wanted: int) -> int:
    if wanted == 0:
        return free_port()
    if not is_free(wanted):
        raise PortInUseError(wanted, holder=holder(wanted))
    return wanted


def _prepare(
    home: Home, environ: Mapping[str, str], *, webhooks: Sequence[str], report: Report
) -> tuple[Path, Path]:
    """Make what a stack needs and the last one left: nothing, or two slow things at once."""
    emulator = emulator_environment(home.emulator_environment)
    if not emulator.is_ready():
        report("installing the AWS emulator (once)")
    if not cached(PROJECT, home.cache, webhooks=webhooks):
        report("making the stack's template (once for each change)")
    with ThreadPoolExecutor(max_workers=2) as pool:
        python = pool.submit(emulator.python)
        assembly = pool.submit(synthesise, PROJECT, home.cache, environ=environ, webhooks=webhooks)
        return python.result(), assembly.result()


def _start(
    settings: SupervisorSettings, environ: Mapping[str, str], *, report: Report
) -> StackState:
    home = settings.home
    report("starting the stack")
    supervisor = spawn(
        "the stack's supervisor",
        [sys.executable, "-m", "local.supervisor", settings.to_text()],
        environ={**environ, _MARK: str(home.root)},
        log_file=home.logs / "supervisor.log",
        cwd=PROJECT,
    )
    try:
        state = _wait(home, _first_state(home, supervisor), report=report)
    except BaseException:
        # Also Ctrl-C. The supervisor stops what it started; the rest is for a killed one.
        stop_child(supervisor, grace_seconds=_SUPERVISOR_GRACE_SECONDS)
        _end_marked(home)
        raise
    supervisor.let_go()
    return state


def _first_state(home: Home, supervisor: Child) -> StackState:
    while True:
        state = read_state(home.state_file)
        if state and state.supervisor.pid == supervisor.pid:
            return state
        if supervisor.has_ended:
            why = f"ended with code {supervisor.popen.returncode} while starting"
            log = supervisor.log_file
            raise ProcessStartError(supervisor.name, why, log_file=log, tail=tail(log))
        time.sleep(_POLL_SECONDS)


def _wait(home: Home, state: StackState | None, *, report: Report) -> StackState:
    """Wait until a stack that is coming up is up."""
    told = None
    while state and state.phase is Phase.STARTING:
        if state.step != told:
            told = state.step
            report(told)
        time.sleep(_POLL_SECONDS)
        state = status(home)
    if state is None:
        msg = "the stack was stopped while it was coming up"
        raise StackFailedError(msg)
    if state.phase is Phase.FAILED:
        raise StackFailedError(state.error)
    return state


def _clean(home: Home) -> bool:
    """End every process of a stack, recorded or not; tell whether there was one."""
    found = status_or_none(home)
    recorded = tuple(found.processes.values()) if found else ()
    ended = [process for process in recorded if is_running(process)]
    for process in ended:
        stop(process, grace_seconds=_SUPERVISOR_GRACE_SECONDS)
    ended += _end_marked(home)
    home.state_file.unlink(missing_ok=True)
    return bool(ended)


def _end_marked(home: Home) -> tuple[ProcessId, ...]:
    found = find_marked(_MARK, str(home.root))
    for process in found:
        stop(process)
    return found
