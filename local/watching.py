"""Runs that were kept by `down --keep` while they were on their way."""

import json
from collections.abc import Mapping

from local.clients import local_client
from local.home import Home
from runs.artifacts.folder import FolderStore
from runs.journal.dynamodb import DynamoJournal
from runs.listing import open_runs


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
    ids = [run.session_id for run in open_runs(journal)]
    for session_id in ids:
        machine.start_execution(
            stateMachineArn=outputs["StateMachineArn"],
            input=json.dumps({"session_id": session_id, "watch": True}),
        )
    return len(ids)
