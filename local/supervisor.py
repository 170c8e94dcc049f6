"""The process that owns a local stack: `python -m local.supervisor <settings as JSON>`.

It starts the emulator, the stand-in for AgentCore and the agent, deploys the template, and then
looks after them until it is told to end. Whatever happens is in the state file.
"""

import logging
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from types import FrameType
from typing import NoReturn, TextIO

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette

from invoker.signing import secrets_at
from local import logs
from local.agent_server import (
    HEALTH_PATH,
    AgentKeeper,
    AgentSettings,
    check_model,
    start_agent,
    wait_for_agent,
)
from local.agentcore import RUNTIME_ARN, build_app
from local.assembly import read_assembly
from local.deploy import deploy
from local.emulator import EmulatorSettings, start_emulator, wait_for_emulator
from local.errors import LocalError, PortInUseError, StackFailedError
from local.health import answers
from local.kept import keep, take_kept_port
from local.mailbox.app import build_app as build_mailbox
from local.mailbox.subscription import confirm, subscribe
from local.ports import LOOPBACK, free_port, holder, is_free, reserve
from local.processes import Child, identify, stop_child
from local.server import ServerThread
from local.state import Phase, Ports, StackState, write_state
from local.supervisor_settings import SupervisorSettings
from local.unitok.app import build_app as build_unitok
from local.unitok.store import PostStore
from local.watching import watch_again
from runs.errors import RunError
from runs.post.mailbox import Mailbox

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
#: What tells it to end.
_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: The agent hands its runs back and the emulator writes its state: both may take a moment.
_AGENT_GRACE_SECONDS = 5.0
_EMULATOR_GRACE_SECONDS = 15.0


class Supervisor:
    """One stack, from its first process to its last."""

    def __init__(self, settings: SupervisorSettings, *, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._home = settings.home
        self._environ = environ
        self._emulator: Child | None = None
        self._agent: Child | None = None
        self._server: ServerThread | None = None
        self._unitok: ServerThread | None = None
        self._mailbox: ServerThread | None = None
        self._reserved: TextIO | None = None
        #: Of a kept state that was taken up by a stack which is not up yet.
        self._kept_port: int | None = None
        me = identify(os.getpid())
        if me is None:
            msg = f"the system does not tell when process {os.getpid()} started"
            raise StackFailedError(msg)
        self._state = StackState(
            phase=Phase.STARTING,
            step="starting the AWS emulator",
            supervisor=me,
            ports=Ports(agent=settings.agent_port, agentcore=0, emulator=0),
            model=environ.get("ERRAND_MODEL") or None,
        )

    def run(self) -> None:
        """Bring the stack up and keep it up; return when it has failed, and all is stopped.

        Being told to end raises `SystemExit` here, and leaves no state file behind.
        """
        try:
            self._look_after(self._bring_up())
        except (LocalError, RunError, BotoCoreError, ClientError, OSError, ValueError) as error:
            # Whoever hears of the failure ends this process at once. That it was told to end would
            # remove the state file, and with it what failed.
            _ignore_signals()
            logger.exception("the stack failed")
            # Before anything is stopped, so that whoever waits for a run hears of it at once.
            self._tell(phase=Phase.FAILED, error=str(error))
        finally:
            # From here on it is ending anyway; being told so must not cut the stopping short.
            _ignore_signals()
            self._stop_all()
            self._keep_again()
        self._tell(emulator=None, agent=None)

    def _bring_up(self) -> AgentKeeper:
        self._reserved = reserve(self._settings.agent_port)
        kept_port = self._kept_port = take_kept_port(self._home)
        self._server = self._serve_agentcore()
        self._unitok = self._serve_unitok()
        self._mailbox = self._serve_mailbox()
        emulator = EmulatorSettings(
            port=kept_port if kept_port and is_free(kept_port) else free_port(),
            state=self._home.emulator_state,
            log_file=self._home.logs / "emulator.log",
            agentcore_url=f"http://{LOOPBACK}:{self._server.port}",
        )
        self._start_emulator(emulator)
        self._tell(step="deploying the stack")
        assembly = read_assembly(self._settings.assembly)
        parameters = {
            "RuntimeArn": RUNTIME_ARN,
            "ArtifactsUri": str(self._home.artifacts),
            "LinkKeysFile": str(self._home.link_keys),
            "WebhookKeysFile": str(self._home.webhook_secrets),
            "Endpoint": emulator.endpoint,
        }
        outputs = deploy(assembly, endpoint=emulator.endpoint, parameters=parameters)
        if "WebhookSecrets" in outputs:
            # Before the first event: receivers need it, too.
            secrets_at(outputs["WebhookSecrets"], client=_no_secrets_manager).keys()
        mailbox_url = self._state.mailbox_url
        subscribe(outputs["TopicArn"], mailbox_url=mailbox_url, endpoint=emulator.endpoint)
        self._tell(step="starting the agent", stack_name=assembly.stack_name, outputs=outputs)
        keeper = self._start_agent(outputs, endpoint=emulator.endpoint)
        if kept_port:
            number = watch_again(self._home, outputs, endpoint=emulator.endpoint)
            logger.info("watching kept runs again", extra={"runs": number})
        self._tell(phase=Phase.UP, step="up")
        self._kept_port = None
        return keeper

    def _serve_agentcore(self) -> ServerThread:
        app = build_app(f"http://{LOOPBACK}:{self._settings.agent_port}")
        return _served(app, port=self._settings.agentcore_port, name="agentcore")

    def _serve_unitok(self) -> ServerThread:
        path = self._home.unitok_data
        try:
            app = build_unitok(PostStore(path))
        except sqlite3.Error as error:
            msg = f"UniTok's posts in {path} can't be read: {error}; move the file away"
            raise StackFailedError(msg) from error
        return _served(app, port=self._settings.unitok_port, name="unitok")

    def _serve_mailbox(self) -> ServerThread:
        def confirmed(topic_arn: str, token: str) -> None:
            confirm(topic_arn, token, endpoint=self._state.endpoint)

        app = build_mailbox(Mailbox(self._home.mailbox), confirm=confirmed)
        return _served(app, port=self._settings.mailbox_port, name="mailbox")

    def _start_emulator(self, settings: EmulatorSettings) -> None:
        ports = replace(
            self._state.ports,
            agentcore=self._server.port if self._server else 0,
            emulator=settings.port,
            unitok=self._unitok.port if self._unitok else 0,
            mailbox=self._mailbox.port if self._mailbox else 0,
        )
        python = self._settings.emulator_python
        self._emulator = start_emulator(python, settings, environ=self._environ)
        self._tell(ports=ports, emulator=self._emulator.id)
        wait_for_emulator(self._emulator, settings)

    def _start_agent(self, outputs: Mapping[str, str], *, endpoint: str) -> AgentKeeper:
        check_model(self._environ)
        _check_port(self._settings.agent_port)
        settings = AgentSettings(
            port=self._settings.agent_port,
            table=outputs["TableName"],
            state_machine=outputs["StateMachineArn"],
            artifacts=self._home.artifacts,
            endpoint=endpoint,
            unitok_url=self._state.unitok_url,
            log_file=self._home.logs / "agent.log",
        )

        def start() -> Child:
            self._agent = start_agent(settings, environ=self._environ)
            self._tell(agent=self._agent.id)
            return self._agent

        keeper = AgentKeeper(
            start(), start=start, is_healthy=lambda: answers(settings.port, HEALTH_PATH)
        )
        wait_for_agent(keeper.child, settings)
        return keeper

    def _look_after(self, keeper: AgentKeeper) -> NoReturn:
        while True:
            if self._emulator and self._emulator.has_ended:
                raise _emulator_failure(self._emulator)
            if keeper.look():
                self._tell(agent_restarts=keeper.restarts)
            time.sleep(_LOOK_SECONDS)

    def _stop_all(self) -> None:
        # The agent first: it hands its runs back, and needs the journal for that.
        if self._agent:
            stop_child(self._agent, grace_seconds=_AGENT_GRACE_SECONDS)
        for server in filter(None, (self._server, self._unitok, self._mailbox)):
            server.stop()
        if self._emulator:
            stop_child(self._emulator, grace_seconds=_EMULATOR_GRACE_SECONDS)

    def _keep_again(self) -> None:
        """Leave a kept state to the next stack, if this one did not come up with it."""
        code = self._emulator.popen.returncode if self._emulator else 0
        # Killed, or crashed, it may have left a part.
        is_whole = code in (0, -signal.SIGTERM)
        if self._kept_port and is_whole:
            keep(self._home, emulator_port=self._kept_port)

    def _tell(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type] # names fields
        write_state(self._home.state_file, self._state)


def main() -> None:
    """Run a supervisor as the command line says."""
    settings = SupervisorSettings.from_text(sys.argv[1])
    logs.configure()
    for number in _ENDINGS:
        signal.signal(number, _end)
    try:
        Supervisor(settings, environ=os.environ).run()
    except SystemExit:
        settings.home.state_file.unlink(missing_ok=True)
        raise
    sys.exit(1)


def _served(app: Starlette, *, port: int, name: str) -> ServerThread:
    """Serve an app where it is preferred, or on another port if somebody listens there."""
    try:
        return ServerThread(app, port=port, name=name)
    except OSError:
        return ServerThread(app, port=0, name=name)


def _ignore_signals() -> None:
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    _ignore_signals()
    logger.info("told to end", extra={"signal": number})
    raise SystemExit(0)


def _no_secrets_manager() -> NoReturn:
    msg = "the secrets of webhooks are not in a file"
    raise StackFailedError(msg)


def _check_port(port: int) -> None:
    # It was free when the stack was asked for. By now somebody else's server may answer there.
    if not is_free(port):
        raise PortInUseError(port, holder=holder(port))


def _emulator_failure(emulator: Child) -> StackFailedError:
    code = emulator.popen.returncode
    msg = (
        f"the AWS emulator ended with code {code}, and the journal went with it; its runs are "
        f"lost. See {emulator.log_file}, then start again with `errand up`"
    )
    return StackFailedError(msg)


if __name__ == "__main__":
    main()
