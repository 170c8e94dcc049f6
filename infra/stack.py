"""The stack: which capabilities there are, and how they are wired."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from aws_cdk import ArnFormat, CfnOutput, Stack, aws_iam
from constructs import Construct

from infra.agent_code import Home
from infra.agent_policy import let_execute_runs
from infra.approvals import Approvals, LinkKeys
from infra.artifacts import Artifacts
from infra.calls import called
from infra.durable_function import DurableFunction
from infra.encryption import Encryption
from infra.events import RequestBus, RequestRule
from infra.invoker import Invoker
from infra.journal import JournalTable
from infra.machine import RunMachine
from infra.notifications import Notifications
from infra.observability import Observability
from infra.runtime import AgentRuntime
from infra.schedule import RequestSchedule
from infra.settings import PROJECT, Settings
from infra.statements import let, let_beside
from infra.sweep import Sweep
from infra.tasks import TaskQueue
from infra.watched import AgentEndpoint, Watched
from infra.webhooks import Webhooks


class AgentCode(Protocol):
    """Gives the zip of the agent's code for a home."""

    def __call__(self, *, home: Home) -> Path:
        """Make it, if it is not there."""
        ...


class ErrandStack(Stack):
    """All of Errand. On a laptop the agent and the artifact store are given as parameters."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        bundle: Path,
        agent_code: AgentCode,
        **stack: Any,  # noqa: ANN401 - the CDK's own keywords, passed on
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        encryption = Encryption(self, "Encryption", settings=settings)
        journal = JournalTable(self, "Journal", settings=settings, encryption=encryption)
        artifacts = Artifacts(self, "Artifacts", settings=settings, encryption=encryption)
        bus = RequestBus(self, "Requests", settings=settings, encryption=encryption).bus
        runtime = AgentRuntime(
            self,
            "Agent",
            settings=settings,
            encryption=encryption,
            code=partial(self._code, agent_code, Home.AGENTCORE),
            environment={
                **self._agent_environment(settings, journal, artifacts),
                "ERRAND_STATE_MACHINE": self._machine_arn(settings),
                # Or each look at the agent's health would be a trace of its own.
                "OTEL_PYTHON_EXCLUDED_URLS": "ping",
            },
        )
        if runtime.role is not None:
            let_execute_runs(
                runtime.role,
                caller="agent",
                settings=settings,
                table=journal.table,
                artifacts=artifacts,
                encryption=encryption,
            )
            self._let_watch(settings, runtime.role)
        link_keys = LinkKeys(self, "Links", settings=settings, encryption=encryption)
        approvals = Approvals(
            self,
            "Approvals",
            settings=settings,
            code=bundle,
            table=journal.table,
            artifacts=artifacts,
            encryption=encryption,
            link_keys=link_keys,
        )
        notifications = Notifications(
            self, "Notifications", settings=settings, encryption=encryption
        )
        invoker = Invoker(
            self,
            "Invoker",
            settings=settings,
            code=bundle,
            table=journal.table,
            runtime_arn=runtime.arn,
            artifacts=artifacts,
            encryption=encryption,
            topic_arn=notifications.topic.topic_arn,
            bus=bus,
            approvals_url=approvals.url,
            link_keys=link_keys,
        )
        notifications.let_publish(invoker.role, caller="invoker")
        machine = RunMachine(
            self,
            "Run",
            settings=settings,
            encryption=encryption,
            function=invoker.function,
            table=journal.table,
            bus=bus,
        ).machine
        # The machine waits for the invoker.
        for caller, role in (("invoker", invoker.role), ("approvals", approvals.role)):
            actions = called(caller, "machine")
            let_beside(
                self, f"WakeBy{caller.capitalize()}", [role], actions, [machine.state_machine_arn]
            )
        rule = RequestRule(self, "Start", encryption=encryption, bus=bus, machine=machine)
        tasks = TaskQueue(
            self,
            "Tasks",
            settings=settings,
            code=bundle,
            table=journal.table,
            artifacts=artifacts,
            encryption=encryption,
            machine=machine,
        )
        sweep = Sweep(
            self,
            "Sweep",
            settings=settings,
            code=bundle,
            table=journal.table,
            runtime_arn=runtime.arn,
            artifacts=artifacts,
            encryption=encryption,
            machine=machine,
        )
        functions = {
            "invoker": invoker.function,
            "approvals": approvals.function,
            "tasks": tasks.function,
            "sweep": sweep.function,
        }
        dead_letters = {"requests": rule.dead_letters, "tasks": tasks.dead_letters}
        if settings.schedule is not None:
            RequestSchedule(
                self,
                "Schedule",
                schedule=settings.schedule,
                encryption=encryption,
                bus=bus,
                dead_letters=rule.dead_letters,
            )
        outputs = {
            "RuntimeArn": runtime.arn,
            "ArtifactsUri": artifacts.uri,
            "TableName": journal.table.table_name,
            "BusName": bus.event_bus_name,
            "StateMachineArn": machine.state_machine_arn,
            "InvokerName": invoker.function.function_name,
            "SweepName": sweep.function.function_name,
            "TopicArn": notifications.topic.topic_arn,
            "DeadLetterQueueUrl": rule.dead_letters.queue_url,
            "TaskQueueUrl": tasks.queue.queue_url,
            "TaskDeadLetterQueueUrl": tasks.dead_letters.queue_url,
            "ApprovalsUrl": approvals.url,
            "LinkKeys": link_keys.place,
        }
        if settings.webhooks:
            webhooks = Webhooks(
                self, "Webhooks", settings=settings, code=bundle, encryption=encryption, bus=bus
            )
            functions["webhooks"] = webhooks.function
            dead_letters["webhooks"] = webhooks.dead_letters
            outputs["WebhookSecrets"] = webhooks.secrets.place
            outputs["WebhookDeadLetterQueueUrl"] = webhooks.dead_letters.queue_url
        for function in functions.values():
            # What they measure is told apart by it.
            function.add_environment("ERRAND_STAGE", settings.stage)
        if settings.durable and not settings.is_local:
            durable = self._durable_function(
                settings,
                code=agent_code,
                encryption=encryption,
                journal=journal,
                artifacts=artifacts,
                invoker=invoker,
                deciding={"approvals": approvals.role, "tasks": tasks.role},
            )
            functions["durable"] = durable.function
            dead_letters["durable"] = durable.dead_letters
            outputs["DurableFunctionArn"] = durable.alias.function_arn
            outputs["DurableDeadLetterQueueUrl"] = durable.dead_letters.queue_url
        observability = Observability(
            self,
            "Observability",
            settings=settings,
            encryption=encryption,
            watched=Watched(
                stage=settings.stage,
                table=journal.table,
                machine=machine,
                functions=functions,
                dead_letters=dead_letters,
                agent=_endpoint(runtime),
            ),
        )
        outputs["AlarmTopicArn"] = observability.topic.topic_arn
        outputs["DashboardName"] = observability.dashboard.dashboard_name
        for name, value in outputs.items():
            # A parameter has its own name, and says the same.
            CfnOutput(self, f"Output{name}", value=value).override_logical_id(name)

    def _durable_function(  # noqa: PLR0913 - what it is wired to
        self,
        settings: Settings,
        *,
        code: AgentCode,
        encryption: Encryption,
        journal: JournalTable,
        artifacts: Artifacts,
        invoker: Invoker,
        deciding: Mapping[str, aws_iam.Role],
    ) -> DurableFunction:
        function = DurableFunction(
            self,
            "Durable",
            encryption=encryption,
            code=self._code(code, Home.LAMBDA),
            environment=self._agent_environment(settings, journal, artifacts),
        )
        let_execute_runs(
            function.role,
            caller="durable",
            settings=settings,
            table=journal.table,
            artifacts=artifacts,
            encryption=encryption,
        )
        function.tell_endings(invoker.function)
        for caller, role in deciding.items():
            function.let_answer(role, caller=caller)
        return function

    def _code(self, code: AgentCode, home: Home) -> Path:
        """Give the agent's code for a home; its source where the CDK deploys nothing."""
        return code(home=home) if self.bundling_required else PROJECT / "agent"

    def _agent_environment(
        self, settings: Settings, journal: JournalTable, artifacts: Artifacts
    ) -> dict[str, str]:
        environment = {
            "ERRAND_JOURNAL": f"dynamodb:{journal.table.table_name}",
            "ERRAND_ARTIFACTS": artifacts.uri,
            "ERRAND_MODEL": f"bedrock:{settings.model}",
            "ERRAND_STAGE": settings.stage,
        }
        if settings.unitok is not None:
            environment["UNITOK_API_URL"] = settings.unitok
        return environment

    def _machine_arn(self, settings: Settings) -> str:
        """Write the ARN out: the machine waits for the invoker, and that for the agent."""
        arn = self.format_arn(
            service="states",
            resource="stateMachine",
            resource_name=settings.machine_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return str(arn)

    def _let_watch(self, settings: Settings, role: aws_iam.Role) -> None:
        # Child runs are watched by an execution each; a waiting one is told that its worker lives,
        # and of the end.
        let(role, "Machine", called("agent", "machine"), [self._machine_arn(settings)])


def _endpoint(runtime: AgentRuntime) -> AgentEndpoint | None:
    if runtime.name is None:
        return None
    return AgentEndpoint(name=runtime.name, arn=runtime.arn)
