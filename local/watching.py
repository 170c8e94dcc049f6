"""Runs that were kept by `down --keep` while they were on their way."""

import json
from collections.abc import Mapping

from local.clients import local_client
from local.home import Home
from runs.artifacts.folder import FolderStore
from runs.journal.dynamodb import DynamoJournal
from runs.run import TERMINAL, Status


def watch_again(home: Home, outputs: Mapping[str, str], *, endpoint: str) -> int:
    """Start executions that watch the kept runs that have not ended; give their number.

    An emulator that stops ends its executions. On AWS nothing of the kind happens.
    """
    journal = DynamoJournal(
        local_client("dynamodb", endpoint),
        table=outputs["TableName"],
        artifacts=FolderStore(home.artifacts),
    )
    machine = local_client("stepfunctions", endpoint)
    ids = [each for status in Status if status not in TERMINAL for each in _ids(journal, status)]
    for session_id in ids:
        machine.start_execution(
            stateMachineArn=outputs["StateMachineArn"],
            input=json.dumps({"session_id": session_id, "watch": True}),
        )
    return len(ids)


def _ids(journal: DynamoJournal, status: Status) -> list[str]:
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = journal.list_runs(status=status, cursor=cursor)
        ids += [run.session_id for run in page.runs]
        cursor = page.cursor
        if cursor is None:
            return ids
