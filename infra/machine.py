"""The state machine that watches a run."""

from aws_cdk import aws_dynamodb, aws_events, aws_iam, aws_lambda
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.calls import called
from infra.encryption import Encryption
from infra.functions import vended_log_group
from infra.settings import Settings
from infra.statements import accept, let, let_beside
from statemachine import definition


class RunMachine(Construct):
    """`statemachine/run.asl.json`, deployed, with a role for the calls in it."""

    def __init__(  # noqa: PLR0913 - a construct names each thing it is wired to
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        encryption: Encryption,
        function: aws_lambda.IFunction,
        table: aws_dynamodb.ITableV2,
        bus: aws_events.IEventBus,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = vended_log_group(self, f"states/{settings.stack_name}", encryption=encryption)
        role = _role(self, function=function, table=table, bus=bus)
        encryption.let_use(role)
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            # What the agent needs to know of it, it must know before it is there.
            state_machine_name=settings.machine_name,
            definition_body=sfn.DefinitionBody.from_string(definition.render(settings.pace)),
            definition_substitutions={
                definition.INVOKER_ARN: function.function_arn,
                definition.TABLE_NAME: table.table_name,
                definition.BUS_NAME: bus.event_bus_name,
            },
            role=role,
            encryption_configuration=encryption.of_machine,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log_group, level=sfn.LogLevel.ERROR, include_execution_data=False
            ),
        )
        accept(
            role,
            "IAM5[Resource::*]",
            because="the delivery of logs, and traces, have no resource that could be named",
        )
        accept(
            self.machine,
            "SF1",
            because="the journal has a run's whole timeline; of an execution, which mostly looks "
            "at it, failures are worth keeping twice",
        )
        # An execution that got long hands its run over to a new one.
        successor = called("machine", "machine")
        let_beside(self, "Successor", [role], successor, [self.machine.state_machine_arn])


def _role(
    scope: Construct,
    *,
    function: aws_lambda.IFunction,
    table: aws_dynamodb.ITableV2,
    bus: aws_events.IEventBus,
) -> aws_iam.Role:
    role = aws_iam.Role(scope, "Role", assumed_by=aws_iam.ServicePrincipal("states.amazonaws.com"))
    for sid, on, resource in (
        ("Invoker", "invoker", function.function_arn),
        ("Journal", "journal", table.table_arn),
        ("Announce", "bus", bus.event_bus_arn),
    ):
        let(role, sid, called("machine", on), [resource])
    return role
