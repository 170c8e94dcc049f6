"""The metrics that operators see: those of our code, and those that AWS publishes.

Without labels: with one, an alarm on a metric becomes one on an expression.
"""

from aws_cdk import Duration, aws_cloudwatch, aws_dynamodb, aws_lambda, aws_sqs
from aws_cdk import aws_stepfunctions as sfn

from infra.watched import AgentEndpoint
from runs.telemetry.metrics import NAMESPACE, STAGE, Metric

FIVE_MINUTES = Duration.minutes(5)

SUM, MAXIMUM, AVERAGE, P50, P95 = "Sum", "Maximum", "Average", "p50", "p95"


def ours(
    metric: Metric, stage: str, *, statistic: str = SUM, period: Duration = FIVE_MINUTES
) -> aws_cloudwatch.Metric:
    """Give a metric that our code tells."""
    return aws_cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric.value,
        dimensions_map={STAGE: stage},
        statistic=statistic,
        period=period,
    )


def of_machine(name: str, machine: sfn.IStateMachine) -> aws_cloudwatch.Metric:
    """Give a metric of Step Functions."""
    return _theirs("AWS/States", name, {"StateMachineArn": machine.state_machine_arn})


def of_function(
    name: str, function: aws_lambda.IFunction, *, statistic: str = SUM
) -> aws_cloudwatch.Metric:
    """Give a metric of Lambda."""
    dimensions = {"FunctionName": function.function_name}
    return _theirs("AWS/Lambda", name, dimensions, statistic=statistic)


def of_queue(queue: aws_sqs.IQueue) -> aws_cloudwatch.Metric:
    """Give how many messages a queue holds."""
    return _theirs(
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        {"QueueName": queue.queue_name},
        statistic=MAXIMUM,
    )


def of_table(name: str, table: aws_dynamodb.ITableV2) -> aws_cloudwatch.Metric:
    """Give a metric of DynamoDB, of all operations on a table."""
    return _theirs("AWS/DynamoDB", name, {"TableName": table.table_name})


def latency_of(operation: str, table: aws_dynamodb.ITableV2) -> aws_cloudwatch.Metric:
    """Give how long DynamoDB took for an operation."""
    return _theirs(
        "AWS/DynamoDB",
        "SuccessfulRequestLatency",
        {"TableName": table.table_name, "Operation": operation},
        statistic=AVERAGE,
    )


def of_agent(name: str, agent: AgentEndpoint, *, statistic: str = SUM) -> aws_cloudwatch.Metric:
    """Give a metric of AgentCore, of the end point that the invoker calls."""
    return _theirs(
        "AWS/Bedrock-AgentCore",
        name,
        {
            "Operation": "InvokeAgentRuntime",
            "Name": f"{agent.name}::DEFAULT",
            "Resource": agent.arn,
        },
        statistic=statistic,
    )


def _theirs(
    namespace: str,
    name: str,
    dimensions: dict[str, str],
    *,
    statistic: str = SUM,
) -> aws_cloudwatch.Metric:
    return aws_cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        period=FIVE_MINUTES,
    )
