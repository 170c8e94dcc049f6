"""The chain on the emulator, wired as on AWS, with every call of each of its roles written down.

Our code is the deployed bundle's and the agent's own; only variables are added to their
environments. What stands for the account is the emulator, and for AgentCore its stand-in.
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from agent.workflows.cost.source import SAMPLE
from local.agentcore import RUNTIME_ARN, build_app
from local.assembly import read_assembly
from local.deploy import deploy
from local.environment import CREDENTIALS, REGION
from local.home import PROJECT, Home
from local.own_emulator import RunningEmulator
from local.ports import free_port
from local.server import ServerThread
from local.synth import synthesise
from runs.artifacts.s3 import S3Store
from runs.journal.dynamodb import DynamoJournal
from runs.run import Run, Status
from statemachine import definition
from tests.support.agent_server import AgentServer
from tests.support.calls import environment, needs_in
from tests.support.recorded_agent import BREAKS, INVOKES
from tests.support.stack import running_emulator

#: Nobody takes what is posted to it, so that each post is tried again.
RECEIVER = "http://127.0.0.1:1/hook"
LINK_KEY = "a key of links that is long enough to sign with, and only for tests"
WEBHOOK_SECRET = "c2VjcmV0cyBvZiB3ZWJob29rcyBhcmUgMzMgYnl0ZXM"
ARTIFACTS, INPUTS = "artifacts", "bills"
BILL = f"s3://{INPUTS}/{SAMPLE.name}"
#: The roles with code of ours, by the constructs whose functions have them.
FUNCTIONS = {
    "invoker": "Invoker",
    "approvals": "Approvals",
    "tasks": "Tasks",
    "sweep": "Sweep",
    "webhooks": "Webhooks",
}
#: What a definition's tasks are on, and how IAM names them.
_TASKS = {
    "dynamodb": ("journal", "dynamodb"),
    "events": ("bus", "events"),
    "lambda": ("invoker", "lambda"),
    "states": ("machine", "states"),
}
AGENT, DURABLE, MACHINE = "agent", "durable", "machine"
SECONDS = 60.0


class RecordedChain:
    """The running chain, and what it has called so far."""

    def __init__(
        self, folder: Path, emulator: RunningEmulator, *, outputs: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.emulator = emulator
        self.outputs = outputs
        self.steps = emulator.client("stepfunctions")
        self.store = S3Store(emulator.client("s3"), bucket=ARTIFACTS, prefix="")
        self.journal = DynamoJournal(
            emulator.client("dynamodb"), table=outputs["TableName"], artifacts=self.store
        )
        self.resources = self._resources()
        self.secrets = {
            name: emulator.client("secretsmanager").create_secret(Name=name, SecretString=text)[
                "ARN"
            ]
            for name, text in (("links", LINK_KEY), ("webhooks", WEBHOOK_SECRET))
        }
        for bucket in (ARTIFACTS, INPUTS):
            emulator.client("s3").create_bucket(Bucket=bucket)
        emulator.client("s3").put_object(Bucket=INPUTS, Key=SAMPLE.name, Body=SAMPLE.read_bytes())
        for role, construct in FUNCTIONS.items():
            self._record(role, construct)

    def calls_of(self, role: str) -> Path:
        """Give the file with a role's calls."""
        return self.folder / f"{role}.calls"

    def needs(self) -> dict[str, dict[str, list[str]]]:
        """Give what each role's calls needed: the actions, by what they are on."""
        found: dict[str, dict[str, set[str]]] = {}
        for role in (*FUNCTIONS, AGENT, DURABLE):
            for need in needs_in(self.calls_of(role)):
                on = self._name(need.service, need.on)
                found.setdefault(role, {}).setdefault(on, set()).add(need.action)
        found[MACHINE] = calls_of_definition(definition.PATH.read_text(encoding="utf-8"))
        return {
            role: {on: sorted(actions) for on, actions in sorted(by_name.items())}
            for role, by_name in sorted(found.items())
        }

    def agent_environment(self) -> dict[str, str]:
        """Give the variables of the agent, which its runtime has on AWS."""
        return {
            **CREDENTIALS,
            **environment(self.calls_of(AGENT)),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.emulator.endpoint,
            "ERRAND_JOURNAL": f"dynamodb:{self.outputs['TableName']}",
            "ERRAND_ARTIFACTS": f"s3://{ARTIFACTS}",
            "ERRAND_STATE_MACHINE": self.outputs["StateMachineArn"],
            "ERRAND_LEASE_SECONDS": "2",
            "ERRAND_PARK_AFTER": "0",
        }

    def durable_environment(self) -> dict[str, str]:
        """Give the variables of the durable function."""
        return {
            **CREDENTIALS,
            **environment(self.calls_of(DURABLE), is_fork=True),
            "AWS_ENDPOINT_URL": self.emulator.endpoint,
            "ERRAND_JOURNAL": f"dynamodb:{self.outputs['TableName']}",
            "ERRAND_ARTIFACTS": f"s3://{ARTIFACTS}",
            "ERRAND_LEASE_SECONDS": "15",
            "ERRAND_MODEL": "offline",
        }

    def invoke(self, role: str, event: object) -> Any:  # noqa: ANN401 - any JSON
        """Invoke a function, and give what it answers."""
        answer = self.emulator.client("lambda").invoke(
            FunctionName=self.resources[f"{FUNCTIONS[role]}Function"], Payload=json.dumps(event)
        )
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said

    def start(self, **given: Any) -> str:  # noqa: ANN401 - any JSON
        """Start an execution as the bus's rule does, and give the run's id."""
        session_id = str(given.setdefault("session_id", str(uuid.uuid4())))
        self.steps.start_execution(
            stateMachineArn=self.outputs["StateMachineArn"], input=json.dumps(given)
        )
        return session_id

    def watch(self, session_id: str) -> str:
        """Start an execution that watches a run, and give its ARN."""
        started = self.steps.start_execution(
            stateMachineArn=self.outputs["StateMachineArn"],
            input=json.dumps({"session_id": session_id, "watch": True}),
        )
        return str(started["executionArn"])

    def head(self, session_id: str) -> Run | None:
        """Read a head."""
        return self.journal.get(session_id)

    def wait_for(self, session_id: str, *statuses: Status) -> Run:
        """Wait until a run has one of these statuses."""
        self.wait_until(
            lambda: (run := self.head(session_id)) is not None and run.status in statuses,
            lambda: f"{session_id} is {(run := self.head(session_id)) and run.status}",
        )
        run = self.head(session_id)
        assert run is not None
        return run

    def wait_for_call(self, role: str, action: str) -> None:
        """Wait until a role has called something."""
        self.wait_until(
            lambda: action in {need.action for need in needs_in(self.calls_of(role))},
            lambda: f"the {role} did not call {action}",
        )

    def wait_until(self, check: Callable[[], object], why: Callable[[], str]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + SECONDS
        while not check():
            assert time.monotonic() < deadline, why()
            time.sleep(0.05)

    def _resources(self) -> dict[str, str]:
        """Give the physical ids by the logical ones, these without the CDK's hashes."""
        client = self.emulator.client("cloudformation")
        (stack,) = client.describe_stacks()["Stacks"]
        found = client.describe_stack_resources(StackName=stack["StackName"])["StackResources"]
        return {it["LogicalResourceId"][:-8]: it["PhysicalResourceId"] for it in found}

    def _record(self, role: str, construct: str) -> None:
        client, name = self.emulator.client("lambda"), self.resources[f"{construct}Function"]
        variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        as_on_aws = {
            "ERRAND_ARTIFACTS": f"s3://{ARTIFACTS}",
            "ERRAND_LINK_KEYS": self.secrets["links"],
            "ERRAND_WEBHOOK_SECRETS": self.secrets["webhooks"],
        }
        variables |= {key: value for key, value in as_on_aws.items() if key in variables}
        if "ERRAND_WORKFLOWS" in variables:
            variables["ERRAND_WORKFLOWS"] += f",{INVOKES},{BREAKS}"
        if "ERRAND_SWEEP_PATIENCE_SECONDS" in variables:
            variables["ERRAND_SWEEP_PATIENCE_SECONDS"] = "0.001"
        variables |= environment(self.calls_of(role))
        client.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )

    def _name(self, service: str, on: str) -> str:
        """Name what a call is on as `infra/calls.json` does."""
        table, machine = self.outputs["TableName"], self.outputs["StateMachineArn"]
        match service:
            case "dynamodb":
                return on.replace(table, "journal")
            case "stepfunctions":
                # Who sends a token's answer is authorised on the machine that gave it.
                is_execution = on.startswith(machine.replace(":stateMachine:", ":execution:"))
                return "executions" if is_execution else "machine"
            case "lambda":
                return "durable executions"
            case "bedrock-runtime":
                return "model"
            case "ce":
                return "cost explorer"
            case _:
                return self._named[on]

    @property
    def _named(self) -> Mapping[str, str]:
        return {
            ARTIFACTS: "artifacts",
            INPUTS: "inputs",
            RUNTIME_ARN: "agent",
            self.outputs["BusName"]: "bus",
            self.outputs["TopicArn"]: "topic",
            self.outputs["TaskQueueUrl"]: "tasks",
            self.outputs["TaskDeadLetterQueueUrl"]: "task dead letters",
            self.resources["WebhooksQueue"]: "webhooks",
            self.secrets["links"]: "link keys",
            self.secrets["webhooks"]: "webhook secrets",
        }


def calls_of_definition(text: str) -> dict[str, set[str]]:
    """Give what the tasks of a definition call: all of it stands in them."""
    found: dict[str, set[str]] = {}
    for state in json.loads(text)["States"].values():
        resource = str(state.get("Resource", "")).removeprefix("arn:aws:states:::")
        if resource:
            service, operation = resource.removeprefix("aws-sdk:").split(".")[0].split(":")
            on, prefix = _TASKS[service]
            name = "InvokeFunction" if service == "lambda" else operation[0].upper() + operation[1:]
            found.setdefault(on, set()).add(f"{prefix}:{name}")
    return found


@contextmanager
def recorded_chain(folder: Path) -> Iterator[RecordedChain]:
    """Deploy the local template into an emulator of its own, and record, for the block."""
    assembly = synthesise(PROJECT, Home.at(folder).cache, environ=os.environ, webhooks=(RECEIVER,))
    port = free_port()
    with ExitStack() as running:
        plane = ServerThread(build_app(f"http://127.0.0.1:{port}"), port=0)
        running.callback(plane.stop)
        emulator = running.enter_context(
            running_emulator(folder, agentcore_url=f"http://127.0.0.1:{plane.port}")
        )
        outputs = deploy(
            read_assembly(assembly),
            endpoint=emulator.endpoint,
            parameters={
                "RuntimeArn": RUNTIME_ARN,
                "ArtifactsUri": str(folder / "artifacts"),
                "LinkKeysFile": str(folder / "link-keys"),
                "WebhookKeysFile": str(folder / "webhook-secrets"),
                "Endpoint": emulator.endpoint,
            },
        )
        chain = RecordedChain(folder, emulator, outputs=outputs)
        running.enter_context(
            AgentServer(
                folder,
                environ=chain.agent_environment()
                | {"ERRAND_MODEL": "offline:1", "PORT": str(port)},
                command=("-m", "tests.support.recorded_agent"),
                port=port,
            )
        )
        yield chain
