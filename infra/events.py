"""The way in: a bus, and the rule that starts an execution for each request on it."""

from aws_cdk import Duration, aws_events, aws_events_targets, aws_iam, aws_sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.encryption import Encryption
from infra.settings import Settings
from infra.statements import accept

SOURCE = "errand"
RUN_REQUESTED = "Run Requested"


class RequestBus(Construct):
    """The bus that requests come in on and announcements go out on."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, encryption: Encryption
    ) -> None:
        super().__init__(scope, construct_id)
        self.bus = aws_events.EventBus(
            self, "Bus", event_bus_name=settings.stack_name, kms_key=encryption.key
        )


class RequestRule(Construct):
    """Starts an execution per request; what can't be delivered is kept in a queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption: Encryption,
        bus: aws_events.IEventBus,
        machine: sfn.IStateMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = aws_sqs.Queue(
            self,
            "DeadLetters",
            enforce_ssl=True,
            retention_period=Duration.days(14),
            **encryption.of_queue,
        )
        accept(
            self.dead_letters,
            "SQS3",
            because="these are dead letters: a rule's, which cdk-nag does not look for",
        )
        role = aws_iam.Role(
            self, "Role", assumed_by=aws_iam.ServicePrincipal("events.amazonaws.com")
        )
        # Whoever starts an execution encrypts its input.
        encryption.let_use(role)
        aws_events.Rule(
            self,
            "Rule",
            description="Starts a run for each request",
            event_bus=bus,
            event_pattern=aws_events.EventPattern(source=[SOURCE], detail_type=[RUN_REQUESTED]),
            targets=[_start_execution(machine, role, self.dead_letters)],
        )


def _start_execution(
    machine: sfn.IStateMachine, role: aws_iam.IRole, dead_letters: aws_sqs.IQueue
) -> aws_events_targets.SfnStateMachine:
    return aws_events_targets.SfnStateMachine(
        machine,
        role=role,
        # The detail goes on whole: a transformer can't leave out a field that is missing.
        input=aws_events.RuleTargetInput.from_object(
            {
                "session_id": aws_events.EventField.event_id,
                "detail": aws_events.EventField.from_path("$.detail"),
            }
        ),
        dead_letter_queue=dead_letters,
        # EventBridge's own defaults, 24 hours and 185 tries, would start runs nobody waits for.
        max_event_age=Duration.hours(2),
        retry_attempts=20,
    )
