"""Webhooks: what is on the bus, posted to those who asked for it, each signed."""

from pathlib import Path

from aws_cdk import (
    Duration,
    aws_events,
    aws_events_targets,
    aws_sqs,
)
from constructs import Construct

from infra.calls import called
from infra.consuming import consume
from infra.encryption import Encryption
from infra.events import RUN_REQUESTED, SOURCE
from infra.functions import bundled_function, log_group, own_role
from infra.kept_keys import KeptKeys
from infra.settings import Settings
from infra.statements import let

#: Longer than two addresses and an answer take that each use up their time.
_TIMEOUT = Duration.seconds(60)
#: Six times the function's: a message must not come again while it is worked on.
_VISIBILITY = Duration.seconds(360)
#: One more than there are pauses in `invoker/hooks.py`.
_MOST_TRIES = 11
#: Letters and digits, so that it is base64, and a multiple of four of them, which is whole bytes:
#: 33, where Standard Webhooks asks for 24 to 64.
_SECRET_LENGTH = 44


class Webhooks(Construct):
    """A rule, a queue with its dead letters, and the function that posts.

    A message for each event and receiver: one that is down does not keep the others. EventBridge's
    API destinations could post, too, but sign nothing, and give a receiver five seconds.
    """

    def __init__(  # noqa: PLR0913 - a construct names each thing it is wired to
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Path,
        encryption: Encryption,
        bus: aws_events.IEventBus,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = _queue(self, "DeadLetters", encryption=encryption)
        self.queue = _queue(
            self,
            "Queue",
            encryption=encryption,
            visibility_timeout=_VISIBILITY,
            dead_letter_queue=aws_sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=_MOST_TRIES
            ),
        )
        aws_events.Rule(
            self,
            "Rule",
            description="Posts what happens to runs",
            event_bus=bus,
            event_pattern=aws_events.EventPattern(
                source=[SOURCE],
                detail_type=aws_events.Match.anything_but(RUN_REQUESTED),
                # What has no id can't be told from its repetition.
                detail={"specversion": ["1.0"]},
            ),
            targets=[self._target(url) for url in settings.webhooks],
        )
        self.secrets = KeptKeys(
            self,
            "Keys",
            settings=settings,
            encryption=encryption,
            file="WebhookKeysFile",
            file_description="The file with the secrets of webhooks, made when it is missing",
            description="Secrets of webhooks, one per line; each signs",
            length=_SECRET_LENGTH,
            because="receivers have the secret, too: whoever operates both replaces it, line by "
            "line (docs/events.md)",
        )
        logs = log_group(self, "Logs", encryption=encryption)
        self.role = own_role(self, logs)
        let(self.role, "Pause", called("webhooks", "webhooks"), [self.queue.queue_arn])
        self.secrets.let_read(
            self.role, "WebhookSecrets", caller="webhooks", what="webhook secrets"
        )
        self.function = bundled_function(
            self,
            description="Posts events to receivers of webhooks",
            code=code,
            handler="invoker.webhooks.handler",
            role=self.role,
            timeout=_TIMEOUT,
            logs=logs,
            encryption=encryption,
            environment={
                "ERRAND_WEBHOOKS": " ".join(settings.webhooks),
                "ERRAND_WEBHOOK_SECRETS": self.secrets.place,
                "ERRAND_WEBHOOK_QUEUE": self.queue.queue_url,
                # On AWS the function is in no network but the internet, and its own machine.
                "ERRAND_WEBHOOK_PRIVATE": "yes" if settings.is_local else "no",
            },
        )
        consume(self.queue, self.function, role=self.role, batch_size=1)

    def _target(self, url: str) -> aws_events_targets.SqsQueue:
        return aws_events_targets.SqsQueue(
            self.queue,
            message=aws_events.RuleTargetInput.from_object(
                {"url": url, "event": aws_events.EventField.from_path("$.detail")}
            ),
            dead_letter_queue=self.dead_letters,
        )


def _queue(
    scope: Construct, construct_id: str, *, encryption: Encryption, **more: object
) -> aws_sqs.Queue:
    return aws_sqs.Queue(
        scope,
        construct_id,
        enforce_ssl=True,
        retention_period=Duration.days(14),
        **encryption.of_queue,
        **more,
    )
