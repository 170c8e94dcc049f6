"""Functions that take a queue's messages."""

from aws_cdk import Names, aws_iam, aws_lambda, aws_sqs

from infra.statements import let


def consume(
    queue: aws_sqs.Queue, function: aws_lambda.Function, *, role: aws_iam.Role, batch_size: int
) -> None:
    """Have Lambda give a queue's messages to a function, and take back those it names as failed.

    Lambda polls in the role's name. The CDK's own event source lets the role do more than that
    takes, and what it may do besides is said where its code is.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
    """
    actions = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    let(role, "Poll", actions, [queue.queue_arn])
    source = aws_lambda.EventSourceMapping(
        function,
        # The CDK's own name for it. With another there would be two for a moment, which Lambda
        # refuses for the same queue and function.
        f"SqsEventSource:{Names.node_unique_id(queue.node)}",
        target=function,
        event_source_arn=queue.queue_arn,
        batch_size=batch_size,
        max_concurrency=5,
        report_batch_item_failures=True,
    )
    # When it is made, Lambda looks whether the role may poll.
    source.node.add_dependency(role)
