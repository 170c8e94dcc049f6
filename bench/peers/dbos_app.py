"""DBOS on SQLite: `dbos_app.py steps|map FOLDER COUNT` or `dbos_app.py recovery FOLDER`.

`steps` runs a workflow of trivial steps twice, and prints when each step of the second was entered,
in seconds, as a JSON array. `map` starts as many workflows of one step from one, and prints when
they were started and when all had ended. `recovery` starts a workflow that hangs in its second
step, or takes up the one that is in the folder; each step notes when it was entered in `steps.txt`.
"""

import sys
import time

# DBOS 3.4 asks more of SQLite than some systems' own version (3.40) can do.
import pysqlite3

sys.modules["sqlite3"] = pysqlite3
sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2

import json  # noqa: E402 - the library's modules come after their SQLite
from pathlib import Path  # noqa: E402

from dbos import DBOS, SetWorkflowID  # noqa: E402

_HANG_SECONDS = 3_600


@DBOS.step()
def _enter() -> float:
    return time.perf_counter()


@DBOS.workflow()
def _steps(count: int) -> list[float]:
    return [_enter() for _ in range(count)]


@DBOS.workflow()
def _branch() -> None:
    _enter()


@DBOS.workflow()
def _map(count: int) -> list[float]:
    began = time.perf_counter()
    branches = [DBOS.start_workflow(_branch) for _ in range(count)]
    for branch in branches:
        branch.get_result()
    return [began, time.perf_counter()]


@DBOS.step()
def _work(folder: str, number: int) -> int:
    notes = Path(folder) / "steps.txt"
    is_first = not notes.exists() or f"step {number}" not in notes.read_text()
    with notes.open("a") as file:
        file.write(f"step {number} {time.time()}\n")
    if number == 2 and is_first:
        time.sleep(_HANG_SECONDS)
    return number


@DBOS.workflow()
def _recovered(folder: str) -> list[int]:
    return [_work(folder, number) for number in (1, 2, 3)]


_TIMED = {"steps": _steps, "map": _map}


def main() -> None:
    """Do what the command line names."""
    task, folder = sys.argv[1:3]
    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{folder}/dbos.db",
            "run_admin_server": False,
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    if task in _TIMED:
        _TIMED[task](int(sys.argv[3]))
        print(json.dumps(_TIMED[task](int(sys.argv[3]))))
    else:
        # Launching has taken up what an earlier process left; the same id is the same workflow.
        with SetWorkflowID("recovered"):
            DBOS.start_workflow(_recovered, folder).get_result()
    DBOS.destroy()


main()
