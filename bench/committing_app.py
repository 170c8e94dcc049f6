"""A fire-and-forget agent that records its start: its thread makes one synced commit, no more.

Otherwise it is the app of `bench.baseline_app`.
"""

import contextvars
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from bedrock_agentcore.runtime import BedrockAgentCoreApp, RequestContext

from agent import logs

FILE = "starts.db"
_ADD = "INSERT INTO starts (session_id) VALUES (?)"

app = BedrockAgentCoreApp()


@app.entrypoint
def invoke(payload: dict[str, str], context: RequestContext) -> dict[str, str]:
    """Answer at once."""
    task_id = app.add_async_task("run")
    thread = threading.Thread(
        target=contextvars.copy_context().run,
        args=(_record, task_id, context.session_id),
        daemon=True,
    )
    thread.start()
    return {"status": "STARTED", "task_id": str(task_id)}


def make(folder: Path) -> None:
    """Make the file that starts are recorded in."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE starts (session_id TEXT PRIMARY KEY)")


def _record(task_id: int, session_id: str | None) -> None:
    with _lock:
        _db.execute(_ADD, (session_id,))
    app.complete_async_task(task_id)


if __name__ == "__main__":
    logs.configure(debug=False)
    _lock = threading.Lock()
    # Beside the artifacts: where a server of a benchmark has its folder.
    _folder = Path(os.environ["ERRAND_ARTIFACTS"]).parent
    _db = sqlite3.connect(_folder / FILE, isolation_level=None, check_same_thread=False)
    _db.execute("PRAGMA synchronous = FULL")
    app.run(port=int(os.environ["PORT"]))
