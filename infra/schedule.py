"""A schedule that asks for a run, as an example of one."""

import json

from aws_cdk import (
    Duration,
    Stack,
    aws_events,
    aws_iam,
    aws_scheduler,
    aws_scheduler_targets,
    aws_sqs,
)
from constructs import Construct

from infra.encryption import Encryption
from infra.events import RUN_REQUESTED, SOURCE
from infra.scheduled import Schedule

#: Scheduler's own defaults, a day and 185 tries, would start runs nobody waits for.
_TRIES = 20
_MOST_AGE = Duration.hours(2)


class RequestSchedule(Construct):
    """Puts a request on the bus at each of its times, once for each."""

    def __init__(  # noqa: PLR0913 - a construct names each thing it is wired to
        self,
        scope: Construct,
        construct_id: str,
        *,
        schedule: Schedule,
        encryption: Encryption,
        bus: aws_events.IEventBus,
        dead_letters: aws_sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            ),
        )
        encryption.let_use(role)
        aws_scheduler.Schedule(
            self,
            "Schedule",
            description="Asks for a run",
            schedule=aws_scheduler.ScheduleExpression.expression(schedule.times),
            key=encryption.key,
            target=aws_scheduler_targets.EventBridgePutEvents(
                aws_scheduler_targets.EventBridgePutEventsEntry(
                    event_bus=bus,
                    source=SOURCE,
                    detail_type=RUN_REQUESTED,
                    detail=aws_scheduler.ScheduleTargetInput.from_text(_request(schedule)),
                ),
                role=role,
                dead_letter_queue=dead_letters,
                retry_attempts=_TRIES,
                max_event_age=_MOST_AGE,
            ),
        )


def _request(schedule: Schedule) -> str:
    context = aws_scheduler.ContextAttribute
    # A try that is repeated is another event, and asks for the same run.
    key = f"{context.schedule_arn} {context.scheduled_time}"
    return json.dumps({"idempotency_key": key, **schedule.request})
