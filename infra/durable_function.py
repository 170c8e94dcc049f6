"""The workflows as a Lambda durable function: the same code, with the Lambda service as engine."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from aws_cdk import (
    Annotations,
    Duration,
    RemovalPolicy,
    aws_events,
    aws_events_targets,
    aws_iam,
    aws_lambda,
    aws_sqs,
)
from constructs import Construct

from infra.agent_code import HANDLER
from infra.calls import called
from infra.encryption import Encryption
from infra.functions import log_group, own_role
from infra.statements import accept, let_beside

#: A run's latest deadline, and a little: the run's own ending is the better told one.
_EXECUTION = Duration.days(31)
#: The journal has all that the service keeps of an execution which has ended.
_KEPT = Duration.days(14)
#: The longest there is. An invocation ends earlier, where its work is recorded, and begins again.
_INVOCATION = Duration.minutes(15)
#: For DuckDB over a bill; CPU comes with it.
_MEMORY_MB = 2048
#: How an execution ends without the workflow having said so.
_ENDINGS = ("FAILED", "STOPPED", "TIMED_OUT")


class DurableFunction(Construct):
    """The function with its role, and an alias of the version to invoke."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption: Encryption,
        code: Path,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        logs = log_group(self, "Logs", encryption=encryption)
        self.role = own_role(self, logs)
        self.function = aws_lambda.Function(
            self,
            "Function",
            description="Executes Errand's workflows as Lambda durable executions",
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            architecture=aws_lambda.Architecture.ARM_64,
            code=aws_lambda.Code.from_asset(str(code)),
            handler=HANDLER,
            role=self.role,
            timeout=_INVOCATION,
            memory_size=_MEMORY_MB,
            durable_config=aws_lambda.DurableConfig(
                execution_timeout=_EXECUTION, retention_period=_KEPT
            ),
            log_group=logs,
            logging_format=aws_lambda.LoggingFormat.JSON,
            environment=dict(environment),
            environment_encryption=encryption.key,
            tracing=aws_lambda.Tracing.ACTIVE,
            # An execution goes on with the version it began with, after a deployment, too.
            current_version_options=aws_lambda.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
        )
        Annotations.of(self.function).acknowledge_info(
            "aws-lambda:Function.DurableConfig", "it is durable from its first deployment on"
        )
        accept(
            self.function,
            "L1",
            because="the code's wheels are those of the agent on AgentCore, for Python 3.13",
        )
        accept(
            self.role, "IAM5[Resource::*]", because="traces have no resource that could be named"
        )
        self._let_checkpoint()
        self._encrypt(encryption)
        #: Endings that the invoker could not be told of.
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
        self.alias = aws_lambda.Alias(
            self, "Live", alias_name="live", version=self.function.current_version
        )

    def tell_endings(self, invoker: aws_lambda.IFunction) -> None:
        """Have the invoker told when the service ended an execution itself.

        A person stops one, it takes too long, or its function crashes again and again: then no
        code of ours runs that could record it.
        """
        aws_events.Rule(
            self,
            "Endings",
            description="Tells the journal of durable executions that the service ended",
            event_pattern=aws_events.EventPattern(
                source=["aws.lambda"],
                detail_type=["Durable Execution Status Change"],
                detail={
                    "status": list(_ENDINGS),
                    "functionArn": [{"prefix": self.function.function_arn}],
                },
            ),
            targets=[
                aws_events_targets.LambdaFunction(
                    invoker,
                    event=aws_events.RuleTargetInput.from_object(
                        {
                            "action": "conclude",
                            "execution": aws_events.EventField.from_path(
                                "$.detail.durableExecutionArn"
                            ),
                            "status": aws_events.EventField.from_path("$.detail.status"),
                        }
                    ),
                    dead_letter_queue=self.dead_letters,
                )
            ],
        )

    def let_answer(self, role: aws_iam.Role, *, caller: str) -> None:
        """Let one who takes decisions tell the service of them, whose executions wait for it."""
        let_beside(
            self,
            f"AnswersOf{caller.capitalize()}",
            [role],
            called(caller, "durable executions"),
            [f"{self.function.function_arn}:*"],
            because="they are authorised on an execution, which is below the function's versions",
        )

    def _encrypt(self, encryption: Encryption) -> None:
        if encryption.key is None:
            return
        below = cast("aws_lambda.CfnFunction", self.function.node.default_child)
        # What the service keeps of executions; the construct has no word for it.
        below.add_property_override("DurableConfig.KMSKeyArn", encryption.key.key_arn)

    def _let_checkpoint(self) -> None:
        let_beside(
            self,
            "Checkpoints",
            [self.role],
            called("durable", "durable executions"),
            [f"{self.function.function_arn}:*"],
            because="they are authorised on an execution, which is below the function's versions",
        )
