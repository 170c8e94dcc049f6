"""The task queue: work that comes as messages, and answers to what runs wait for."""

from pathlib import Path

from aws_cdk import (
    Duration,
    aws_dynamodb,
    aws_iam,
    aws_logs,
    aws_sqs,
)
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.artifacts import Artifacts
from infra.calls import called
from infra.consuming import consume
from infra.encryption import Encryption
from infra.functions import bundled_function, log_group, own_role
from infra.settings import Settings
from infra.statements import let

#: A batch of messages, each with three tries at the journal.
_TIMEOUT = Duration.seconds(60)
#: Six times the function's: a message must not come again while it is worked on.
_VISIBILITY = Duration.seconds(360)
_BATCH = 5
#: An answer waits for its question this long, which takes this many deliveries at most.
_PATIENCE_SECONDS = {True: 120, False: 3600}
_MOST_DELIVERIES = 30


class TaskQueue(Construct):
    """The queue with its dead letters, and the function that takes its messages."""

    def __init__(  # noqa: PLR0913 - a construct names each thing it is wired to
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Path,
        table: aws_dynamodb.ITableV2,
        artifacts: Artifacts,
        encryption: Encryption,
        machine: sfn.IStateMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        name = settings.task_queue_name
        self.dead_letters = _queue(self, "DeadLetters", name=f"{name}-dlq", encryption=encryption)
        self.queue = _queue(
            self,
            "Queue",
            name=name,
            encryption=encryption,
            visibility_timeout=_VISIBILITY,
            dead_letter_queue=aws_sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=_MOST_DELIVERIES
            ),
        )
        logs = log_group(self, "Logs", encryption=encryption)
        self.role = self._role(logs, table=table, machine=machine)
        artifacts.let_use(self.role, caller="tasks")
        self.function = bundled_function(
            self,
            description="Takes the messages of the task queue",
            code=code,
            handler="invoker.queue.handler",
            role=self.role,
            timeout=_TIMEOUT,
            logs=logs,
            encryption=encryption,
            environment={
                "ERRAND_TABLE": table.table_name,
                "ERRAND_ARTIFACTS": artifacts.uri,
                "ERRAND_WORKFLOWS": ",".join(settings.workflows),
                "ERRAND_STATE_MACHINE": machine.state_machine_arn,
                "ERRAND_TASK_QUEUE": self.queue.queue_url,
                "ERRAND_DEAD_LETTERS": self.dead_letters.queue_url,
                "ERRAND_ANSWER_WAIT_SECONDS": str(_PATIENCE_SECONDS[settings.is_local]),
            },
        )
        consume(self.queue, self.function, role=self.role, batch_size=_BATCH)

    def _role(
        self,
        logs: aws_logs.LogGroup,
        *,
        table: aws_dynamodb.ITableV2,
        machine: sfn.IStateMachine,
    ) -> aws_iam.Role:
        role = own_role(self, logs)
        for sid, on, resource in (
            ("Journal", "journal", table.table_arn),
            ("Machine", "machine", machine.state_machine_arn),
            ("Pause", "tasks", self.queue.queue_arn),
            ("DeadLetters", "task dead letters", self.dead_letters.queue_arn),
        ):
            let(role, sid, called("tasks", on), [resource])
        return role


def _queue(
    scope: Construct, construct_id: str, *, name: str, encryption: Encryption, **more: object
) -> aws_sqs.Queue:
    return aws_sqs.Queue(
        scope,
        construct_id,
        queue_name=name,
        enforce_ssl=True,
        retention_period=Duration.days(14),
        **encryption.of_queue,
        **more,
    )
