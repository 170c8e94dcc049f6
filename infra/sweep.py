"""The sweep: a function on a schedule that compares the journal with reality."""

from pathlib import Path

from aws_cdk import (
    ArnFormat,
    Duration,
    Stack,
    aws_dynamodb,
    aws_events,
    aws_events_targets,
    aws_iam,
)
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.artifacts import Artifacts
from infra.calls import called
from infra.encryption import Encryption
from infra.functions import bundled_function, log_group, own_role
from infra.settings import Settings
from infra.statements import let

#: No longer than a stop keeps a session to itself: see `invoker.stopping`.
_TIMEOUT = Duration.seconds(60)
_INTERVAL = Duration.minutes(5)
#: For how long the normal way may take before a run is mended: some of its longest waits.
_PATIENCE_SECONDS = {True: 60, False: 300}


class Sweep(Construct):
    """The function, its own role with what it really calls, and the schedule."""

    def __init__(  # noqa: PLR0913 - a construct names each thing it is wired to
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Path,
        table: aws_dynamodb.ITableV2,
        runtime_arn: str,
        artifacts: Artifacts,
        encryption: Encryption,
        machine: sfn.IStateMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        logs = log_group(self, "Logs", encryption=encryption)
        self.role = own_role(self, logs)
        _let_sweep(
            self.role,
            settings=settings,
            table=table,
            runtime_arn=runtime_arn,
            machine_arn=machine.state_machine_arn,
        )
        # The head of a run with a long prompt is partly there.
        artifacts.let_use(self.role, caller="sweep")
        self.function = bundled_function(
            self,
            description="Mends runs that the normal way has left",
            code=code,
            handler="invoker.sweep.handler",
            role=self.role,
            timeout=_TIMEOUT,
            logs=logs,
            encryption=encryption,
            environment={
                "ERRAND_TABLE": table.table_name,
                "ERRAND_ARTIFACTS": artifacts.uri,
                "ERRAND_RUNTIME_ARN": runtime_arn,
                "ERRAND_STATE_MACHINE": machine.state_machine_arn,
                "ERRAND_SWEEP_PATIENCE_SECONDS": str(_PATIENCE_SECONDS[settings.is_local]),
            },
        )
        # A sweep that failed is not repeated: the next one does the same.
        self.function.configure_async_invoke(
            retry_attempts=0, max_event_age=Duration.seconds(_INTERVAL.to_seconds())
        )
        self.rule = aws_events.Rule(
            self,
            "Schedule",
            description="Has the journal swept",
            schedule=aws_events.Schedule.rate(_INTERVAL),
            targets=[aws_events_targets.LambdaFunction(self.function, retry_attempts=0)],
        )


def _let_sweep(
    role: aws_iam.Role,
    *,
    settings: Settings,
    table: aws_dynamodb.ITableV2,
    runtime_arn: str,
    machine_arn: str,
) -> None:
    let(role, "Journal", called("sweep", "journal"), [table.table_arn])
    index = "index/by_status"
    let(role, "Listing", called("sweep", f"journal/{index}"), [f"{table.table_arn}/{index}"])
    let(role, "Machine", called("sweep", "machine"), [machine_arn])
    let(
        role,
        "Executions",
        called("sweep", "executions"),
        [
            Stack.of(role).format_arn(
                service="states",
                resource="execution",
                resource_name=f"{settings.machine_name}:*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
        ],
        because="executions are named by the events that start them, and there is one for each run",
    )
    let(
        role,
        "Sessions",
        called("sweep", "agent"),
        [runtime_arn, f"{runtime_arn}/*"],
        because="a call is authorised on the runtime and on its end point, which lies below it",
    )
