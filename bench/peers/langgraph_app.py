"""LangGraph on its SQLite checkpointer: `langgraph_app.py steps|map FOLDER COUNT`.

`steps` runs a graph of trivial nodes, one after the other, twice, and prints when each node of the
second run was entered, in seconds, as a JSON array. `map` sends to as many nodes at once, and
prints when they were sent to and when all had come together again.

`durability="sync"` is the strictest level: what a node gave is in the file before the next begins.
The checkpointer makes its file a write-ahead log, which SQLite syncs at each commit by default.
"""

import json
import operator
import sqlite3
import sys
import time
import uuid
from typing import Annotated, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send


class _State(TypedDict):
    entered: Annotated[list[float], operator.add]


def _enter(_: _State) -> _State:
    return {"entered": [time.perf_counter()]}


def _chain(count: int) -> StateGraph:
    graph = StateGraph(_State)
    names = [f"s{number}" for number in range(count)]
    for name in names:
        graph.add_node(name, _enter)
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    return graph


def _fan(count: int) -> StateGraph:
    graph = StateGraph(_State)
    graph.add_node("begin", _enter)
    graph.add_node("branch", lambda _: {"entered": []})
    graph.add_node("end", _enter)
    graph.add_edge(START, "begin")
    graph.add_conditional_edges("begin", lambda _: [Send("branch", {})] * count, ["branch"])
    graph.add_edge("branch", "end")
    graph.add_edge("end", END)
    return graph


def main() -> None:
    """Do what the command line names."""
    task, folder, count = sys.argv[1:4]
    graph = _chain(int(count)) if task == "steps" else _fan(int(count))
    db = sqlite3.connect(f"{folder}/langgraph.db", check_same_thread=False)
    app = graph.compile(checkpointer=SqliteSaver(db))

    def run() -> list[float]:
        config = {
            "configurable": {"thread_id": uuid.uuid4().hex},
            "recursion_limit": int(count) + 1,
        }
        entered: list[float] = app.invoke({"entered": []}, config, durability="sync")["entered"]
        return entered

    run()
    print(json.dumps(run()))


main()
