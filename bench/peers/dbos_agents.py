"""DBOS on SQLite: `dbos_agents.py FOLDER agents|calls SECONDS COUNT …`.

A workflow of agents, each of so many calls of so many seconds, one after the other; or takes up the
one that is in the folder. An agent is a step, or each of its calls is. What a call returned is
noted in `calls.txt`.
"""

import sys
import time

# DBOS 3.4 asks more of SQLite than some systems' own version (3.40) can do.
import pysqlite3

sys.modules["sqlite3"] = pysqlite3
sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2

from pathlib import Path  # noqa: E402 - the library's modules come after their SQLite

from dbos import DBOS, SetWorkflowID  # noqa: E402


def _call(folder: str, seconds: float) -> None:
    time.sleep(seconds)
    with (Path(folder) / "calls.txt").open("a") as file:
        file.write("returned\n")


@DBOS.step()
def _call_step(folder: str, seconds: float) -> None:
    _call(folder, seconds)


@DBOS.step()
def _agent_step(folder: str, seconds: float, count: int) -> None:
    for _ in range(count):
        _call(folder, seconds)


@DBOS.workflow()
def _agents(folder: str, seconds: float, counts: list[int]) -> None:
    for count in counts:
        _agent_step(folder, seconds, count)


@DBOS.workflow()
def _calls(folder: str, seconds: float, counts: list[int]) -> None:
    for _ in range(sum(counts)):
        _call_step(folder, seconds)


def main() -> None:
    """Do what the command line names."""
    folder, kind, seconds, *counts = sys.argv[1:]
    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{folder}/dbos.db",
            "run_admin_server": False,
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    workflow = _agents if kind == "agents" else _calls
    # Launching has taken up what an earlier process left; the same id is the same workflow.
    with SetWorkflowID("agents"):
        DBOS.start_workflow(workflow, folder, float(seconds), list(map(int, counts))).get_result()
    DBOS.destroy()


main()
