"""Putting an agent process together from its configuration."""

import os
import sys
from datetime import UTC, datetime

import boto3
from bedrock_agentcore.runtime import BedrockAgentCoreApp
from botocore.config import Config as BotoConfig

from agent.app import make_app
from agent.config import Config, FolderTarget, SqliteTarget
from agent.durable_function import DurableFunction
from agent.ending import end
from agent.models.select import preload
from agent.redaction import CAPTURE, OPT_IN, redacting
from agent.registry import Registry
from agent.runner import Runner
from agent.settling import Settler
from agent.tracing import Tracing
from runs.artifacts.base import ArtifactStore
from runs.artifacts.folder import FolderStore
from runs.artifacts.s3 import S3Store
from runs.journal.base import Journal
from runs.journal.dynamodb import DynamoJournal
from runs.journal.sqlite import SqliteJournal
from runs.notifying import Notifier
from runs.post import MAILBOX
from runs.post.mailbox import Mailbox
from runs.signals import NoPulse, NoSignal, Pulse, Signal
from runs.stepfunctions import StepFunctionsPulse, StepFunctionsSignal, StepFunctionsWatcher
from runs.telemetry.measured import Measured
from runs.telemetry.meter import meter_of
from runs.watch import NobodyWatches, PolledJournal, Watcher

#: A call that hangs holds up a heartbeat: give up well within a lease and try again.
_CLIENT = BotoConfig(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
#: The signal may be lost, so it may not take long either.
_SIGNAL_CLIENT = BotoConfig(
    connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
)

#: The next one comes soon, and it must not hold up the lease's renewal, by the same thread.
_PULSE_CLIENT = BotoConfig(
    connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}
)

#: How long a thread that computes keeps the interpreter from others. A write to the journal gives
#: it up with each statement, and waits to have it back: at Python's own 5 ms, one thread that draws
#: a chart makes each write of every run take ten times as long.
_SWITCH_SECONDS = 0.0005

#: Requests in flight are answered in milliseconds; one that is not must not hold up the shutdown.
_GRACE_SECONDS = 3


def compose(config: Config, registry: Registry) -> BedrockAgentCoreApp:
    """Build the clients and stores, and the server over them."""
    artifacts = _artifacts(config)
    journal = _journal(config, artifacts)
    preload(config.model)
    runner = Runner(
        journal=journal,
        artifacts=artifacts,
        registry=registry,
        settler=Settler(journal=journal, signal=_signal(config), meter=meter_of(config.stage)),
        limits=config.limits,
        model=config.model,
        clock=_now,
        budget=config.budget,
        watcher=_watcher(config),
        tracing=_tracing(config),
        pulse=_pulse(config),
    )
    # A table has a state machine beside it, a file has nobody.
    polls = isinstance(config.journal, SqliteTarget)
    return make_app(runner, debug=config.debug, polls=polls, notifier=_notifier(config, journal))


def compose_function(config: Config, registry: Registry) -> DurableFunction:
    """Build the clients and stores, and the Lambda durable function over them."""
    artifacts = _artifacts(config)
    journal = _journal(config, artifacts)
    preload(config.model)
    return DurableFunction(
        journal=journal,
        artifacts=artifacts,
        registry=registry,
        # The service waits for nobody's signal: it hears of the end by the function's answer.
        settler=Settler(journal=journal, signal=NoSignal(), meter=meter_of(config.stage)),
        limits=config.limits,
        model=config.model,
        clock=_now,
        budget=config.budget,
        tracing=_tracing(config),
    )


def serve(app: BedrockAgentCoreApp, *, port: int, host: str | None = None) -> None:
    """Serve until told to end, and then end, whatever code still hangs in a thread.

    Without a host the SDK binds 127.0.0.1, and all interfaces in a container.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Without a configuration of its own the server logs as everything here does.
    app.run(port=port, host=host, timeout_graceful_shutdown=_GRACE_SECONDS, log_config=None)
    end()


def _tracing(config: Config) -> Tracing:
    """Set up what spans say.

    Libraries have switches of their own: Strands reads its one when its first agent is built,
    botocore's instrumentation with each call.
    """
    os.environ[CAPTURE] = str(config.traces_content).lower()
    if not config.traces_content:
        os.environ[OPT_IN] = redacting(os.environ.get(OPT_IN, ""))
    tracing = Tracing(keeps_content=config.traces_content)
    # Now, before AgentCore takes its snapshot of the process.
    tracing.install()
    return tracing


def _artifacts(config: Config) -> ArtifactStore:
    target = config.artifacts
    if isinstance(target, FolderTarget):
        return FolderStore(target.root)
    return S3Store(boto3.client("s3", config=_CLIENT), bucket=target.bucket, prefix=target.prefix)


def _journal(config: Config, artifacts: ArtifactStore) -> Journal:
    target, observer = config.journal, Measured(meter_of(config.stage))
    if isinstance(target, SqliteTarget):
        return SqliteJournal(target.path, artifacts=artifacts, observer=observer)
    client = boto3.client("dynamodb", config=_CLIENT)
    return DynamoJournal(client, table=target.table, artifacts=artifacts, observer=observer)


def _signal(config: Config) -> Signal:
    if isinstance(config.journal, SqliteTarget):
        # An embedded journal has no state machine beside it.
        return NoSignal()
    return StepFunctionsSignal(boto3.client("stepfunctions", config=_SIGNAL_CLIENT))


def _pulse(config: Config) -> Pulse:
    if isinstance(config.journal, SqliteTarget):
        return NoPulse()
    return StepFunctionsPulse(boto3.client("stepfunctions", config=_PULSE_CLIENT))


def _notifier(config: Config, journal: Journal) -> Notifier | None:
    if not isinstance(config.journal, SqliteTarget):
        # The state machine has the invoker tell deciders.
        return None
    mailbox = Mailbox(config.journal.path.parent / MAILBOX)
    return Notifier(journal=journal, post=mailbox, clock=_now)


def _watcher(config: Config) -> Watcher:
    if isinstance(config.journal, SqliteTarget):
        return PolledJournal()
    if config.state_machine is None:
        return NobodyWatches("ERRAND_STATE_MACHINE is not set, expected a state machine's ARN")
    client = boto3.client("stepfunctions", config=_CLIENT)
    return StepFunctionsWatcher(client, state_machine=config.state_machine)


def _now() -> datetime:
    return datetime.now(UTC)
