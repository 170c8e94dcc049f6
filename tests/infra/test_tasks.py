"""The task queue in the template."""

from infra.settings import Settings
from tests.support.template import Synthesised

FUNCTION = "AWS::Lambda::Function"
QUEUE = "AWS::SQS::Queue"
MAPPING = "AWS::Lambda::EventSourceMapping"


def test_the_queue_and_its_dead_letters_have_the_names_that_senders_know(
    synthesised: Synthesised,
) -> None:
    queue = synthesised.only(QUEUE, "TasksQueue")
    dead = synthesised.only(QUEUE, "TasksDeadLetters")

    assert queue["QueueName"] == "post-generator-task-queue"
    assert dead["QueueName"] == "post-generator-task-queue-dlq"
    assert dead["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_another_stage_has_a_queue_of_its_own() -> None:
    settings = Settings.from_context({"target": "aws", "stage": "prod"})

    assert settings.task_queue_name == "post-generator-task-queue-prod"


def test_a_message_does_not_come_again_while_it_is_worked_on(synthesised: Synthesised) -> None:
    queue = synthesised.only(QUEUE, "TasksQueue")
    function = synthesised.only(FUNCTION, "Tasks")

    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]


def test_messages_fail_one_by_one_and_end_as_dead_letters(synthesised: Synthesised) -> None:
    queue, mapping = synthesised.only(QUEUE, "TasksQueue"), synthesised.only(MAPPING)
    wait = int(
        synthesised.only(FUNCTION, "Tasks")["Environment"]["Variables"][
            "ERRAND_ANSWER_WAIT_SECONDS"
        ]
    )

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    dead = synthesised.id_of(QUEUE, "TasksDeadLetters")
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [dead, "Arn"]}
    # An answer that waits for its question must not be taken for one whose handler dies.
    pauses = [min(300, 2 ** min(count, 10)) for count in range(1, 1_000)]
    needed = next(count for count in range(1, 1_000) if sum(pauses[:count]) > wait)
    assert queue["RedrivePolicy"]["maxReceiveCount"] > needed + 5
