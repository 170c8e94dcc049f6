"""Telling deciders, put together when there is something to tell.

Most invocations tell nothing: their cold starts need not pay for letters, keys and clients.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3

from invoker.config import Config
from invoker.wiring import PATIENT
from runs.journal.base import Journal
from runs.run import Run

if TYPE_CHECKING:
    from runs.links import Links
    from runs.notifying import Notifier


class LateNotifier:
    """See `runs.notifying.Notifier`, which it makes when it is first used."""

    def __init__(self, config: Config, *, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._journal = journal
        self._clock = clock
        self._made: Notifier | None = None

    def notify(self, session_id: str) -> Run:
        """See `runs.notifying.Notifier.notify`."""
        self._made = self._made or self._make()
        return self._made.notify(session_id)

    def _make(self) -> "Notifier":
        from runs.bus.eventbridge import EventBridgeBus  # noqa: PLC0415 - see above
        from runs.notifying import Notifier  # noqa: PLC0415 - see above
        from runs.post.sns import SnsPost  # noqa: PLC0415 - see above

        client: Any = boto3.client("sns", config=PATIENT)
        events: Any = boto3.client("events", config=PATIENT)
        return Notifier(
            journal=self._journal,
            post=SnsPost(client, topic_arn=self._config.topic_arn),
            links=self._links(),
            bus=EventBridgeBus(events, name=self._config.bus),
            clock=self._clock,
        )

    def _links(self) -> "Links":
        from runs.link_keys import keyring_at  # noqa: PLC0415 - see above
        from runs.links import Links  # noqa: PLC0415 - see above

        config = self._config
        keyring = keyring_at(
            config.link_keys, client=lambda: boto3.client("secretsmanager", config=PATIENT)
        )
        return Links(keyring, base_url=config.approvals_url)
