"""What a durable step costs on the DynamoDB API, against its own request sent bare.

The emulator is not the service: it answers on the same machine, in Python. What holds on AWS, too,
is how many requests a step makes, how many write units they take, and what is added to them here.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.durable_step import HANDLER, STEPS, flat, gaps
from bench.emulated import EmulatedTable, emulated_table
from bench.engine import BenchEngine, invoke
from bench.idle_store import FittedStore
from bench.measure import Row, interleaved, percentile, spread, timed_ms
from bench.recorded_calls import Call, recording
from bench.write_units import item_bytes, transaction_units

_ROUNDS = 5
_TRANSACTION = "TransactWriteItems"
_PERCENTS = (50, 99)
_STEP = "durable step on the DynamoDB API"


def measure(folder: Path) -> list[Row]:
    """Measure the time from one step to the next in turns with the bare request."""
    with emulated_table(folder) as table:
        engine = BenchEngine(folder, table=table)
        attempt = engine.attempt()
        with recording({"dynamodb": table.client}) as calls:
            engine.invoke(HANDLER, attempt)
        written = [call for call in calls if call.operation == _TRANSACTION]
        # In the middle of the run: the first and the last have the workflow's own with them.
        step = _Request(written[len(written) // 2], attempt.session_id)
        sizes = step.sizes(table)
        works = (
            lambda: gaps(engine.invoke(HANDLER, engine.attempt())),
            lambda: [timed_ms(step.send) for _ in range(STEPS)],
            lambda: gaps(invoke(HANDLER, FittedStore(step.send).open(), attempt)),
        )
        ours, bare, fitted = map(flat, interleaved(works, rounds=_ROUNDS, warm_up=1))
    size = sum(sizes.values())
    request = f"its own {_TRANSACTION} of {len(sizes)} items, {size} bytes, sent bare"
    return [
        *(_row(f"{_STEP}, p{n}", ours, bare, percent=n, note=request) for n in _PERCENTS),
        _row(
            "the same p50, against the SDK",
            ours,
            fitted,
            percent=50,
            note=f"the SDK, fitted as ours is, on a store that only sends {request}",
        ),
        *_count_rows(calls, sizes),
    ]


class _Request:
    """The transaction of a step, to be sent again on its own."""

    def __init__(self, call: Call, session_id: str) -> None:
        self._call = call
        self._session_id = session_id

    def send(self) -> None:
        """Make the same writes once more: a new request, and the lease is still the attempt's."""
        self._call.with_session(self._session_id, self._session_id).make()

    def sizes(self, table: EmulatedTable) -> dict[str, int]:
        """Give the bytes of the items it writes, by their sort keys."""
        return dict(map(partial(_written, table), self._call.arguments["TransactItems"]))


def _written(
    table: EmulatedTable, write: dict[str, dict[str, dict[str, object]]]
) -> tuple[str, int]:
    ((_, body),) = write.items()
    place = body.get("Key") or body["Item"]
    key = {name: place[name] for name in ("PK", "SK")}
    item = table.client.get_item(TableName=table.name, Key=key)["Item"]
    return item["SK"]["S"], item_bytes(item)


def _row(
    what: str, ours: Sequence[float], theirs: Sequence[float], *, percent: int, note: str
) -> Row:
    return Row(
        what=what,
        value=percentile(ours, percent),
        baseline=percentile(theirs, percent),
        note=note,
        samples=len(ours),
        spread=spread(ours),
        baseline_spread=spread(theirs),
    )


def _count_rows(calls: Sequence[Call], sizes: dict[str, int]) -> list[Row]:
    items = ", ".join(str(size) for size in sizes.values())
    return [
        Row(
            what="requests to DynamoDB per durable step",
            value=len(calls) / STEPS,
            note=f"a workflow of {STEPS} steps, with the reading of what is there and its end",
            unit="requests",
            samples=STEPS,
        ),
        Row(
            what="write units per durable step",
            # The head: its entry in the index is sorted by when it was last changed.
            value=transaction_units(sizes, moved_entries=1),
            note=f"two for each KB of each item ({items} bytes), two for the head's index entry",
            unit="units",
            samples=1,
        ),
    ]
