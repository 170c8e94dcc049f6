"""The stack: which capabilities there are, and how they are wired."""

from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, CfnParameter, Stack, aws_iam
from constructs import Construct

from infra.approvals import Approvals, LinkKeys
from infra.events import RequestBus, RequestRule
from infra.invoker import Invoker
from infra.journal import JournalTable
from infra.machine import RunMachine
from infra.notifications import Notifications
from infra.settings import Settings
from infra.tasks import TaskQueue


class ErrandStack(Stack):
    """All of Errand but the agent itself, which the parameter `RuntimeArn` names."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        bundle: Path,
        **stack: Any,  # noqa: ANN401 - the CDK's own keywords, passed on
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        runtime_arn = _parameter(
            self,
            "RuntimeArn",
            description="The AgentCore runtime that executes runs",
            pattern=r"arn:[\w-]+:bedrock-agentcore:[\w-]+:\d{12}:runtime/[\w-]+",
        )
        artifacts = _parameter(
            self,
            "ArtifactsUri",
            description="Where large payloads and the files of runs are kept: a folder, or s3://…",
            pattern=r"(/|s3://).+",
        )
        journal = JournalTable(self, "Journal", settings=settings)
        bus = RequestBus(self, "Requests", settings=settings).bus
        link_keys = LinkKeys(self, "Links", settings=settings)
        approvals = Approvals(
            self,
            "Approvals",
            settings=settings,
            code=bundle,
            table=journal.table,
            artifacts=artifacts,
            link_keys=link_keys,
        )
        notifications = Notifications(self, "Notifications", settings=settings)
        invoker = Invoker(
            self,
            "Invoker",
            settings=settings,
            code=bundle,
            table=journal.table,
            runtime_arn=runtime_arn,
            artifacts=artifacts,
            topic_arn=notifications.topic.topic_arn,
            approvals_url=approvals.url,
            link_keys=link_keys,
        )
        notifications.let_publish(invoker.role)
        machine = RunMachine(
            self,
            "Run",
            settings=settings,
            function=invoker.function,
            table=journal.table,
            bus=bus,
        ).machine
        self._let_wake(machine.state_machine_arn, invoker.role, approvals.role)
        rule = RequestRule(self, "Start", bus=bus, machine=machine)
        tasks = TaskQueue(
            self,
            "Tasks",
            settings=settings,
            code=bundle,
            table=journal.table,
            artifacts=artifacts,
            machine=machine,
        )
        for name, value in {
            "TableName": journal.table.table_name,
            "BusName": bus.event_bus_name,
            "StateMachineArn": machine.state_machine_arn,
            "InvokerName": invoker.function.function_name,
            "TopicArn": notifications.topic.topic_arn,
            "DeadLetterQueueUrl": rule.dead_letters.queue_url,
            "TaskQueueUrl": tasks.queue.queue_url,
            "TaskDeadLetterQueueUrl": tasks.dead_letters.queue_url,
            "ApprovalsUrl": approvals.url,
            "LinkKeys": link_keys.place,
        }.items():
            CfnOutput(self, name, value=value)

    def _let_wake(self, machine_arn: str, *roles: aws_iam.Role) -> None:
        # A policy beside the roles' own: the machine waits for the invoker, and this names the
        # machine.
        aws_iam.Policy(
            self,
            "Wake",
            roles=list(roles),
            statements=[
                aws_iam.PolicyStatement(
                    sid="Wake", actions=["states:SendTaskSuccess"], resources=[machine_arn]
                )
            ],
        )


def _parameter(stack: Stack, name: str, *, description: str, pattern: str) -> str:
    parameter = CfnParameter(
        stack, name, type="String", description=description, allowed_pattern=pattern
    )
    return str(parameter.value_as_string)
