"""What operators watch: the parts of a stack that tell how they are."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_dynamodb, aws_lambda, aws_sqs
from aws_cdk import aws_stepfunctions as sfn


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEndpoint:
    """The agent, as AgentCore's metrics name it."""

    name: str
    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The parts, each by what the dashboard and the alarms call it."""

    stage: str
    table: aws_dynamodb.ITableV2
    machine: sfn.IStateMachine
    #: `invoker` and `sweep` are among them.
    functions: Mapping[str, aws_lambda.IFunction]
    dead_letters: Mapping[str, aws_sqs.IQueue]
    #: None on a laptop, where AgentCore is a process of ours that measures nothing.
    agent: AgentEndpoint | None
