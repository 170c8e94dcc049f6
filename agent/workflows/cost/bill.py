"""Questions to a loaded bill: read-only SQL over the charges of one currency, within limits."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import duckdb

from agent.workflows.cost import sql_guard
from agent.workflows.cost.duck import connect, literal, lock, stoppable
from agent.workflows.cost.errors import QueryFailedError, QueryRefusedError
from runs.json_types import Json

#: Rows of one answer; what is asked for by people and models fits on a page.
MAX_ROWS = 1_000
TIMEOUT_SECONDS = 30.0
MAX_SQL = 10_000

#: What a cell of an answer can be.
Cell = None | bool | int | Decimal | str


@dataclass(frozen=True, slots=True)
class Query:
    """A question: SQL over the charges of one currency. The same question has the same id."""

    sql: str
    currency: str

    @property
    def id(self) -> str:
        """Give the name by which a finding cites it."""
        text = f"{self.currency}\n{self.sql}"
        return "q" + hashlib.sha256(text.encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query gave."""

    query: Query
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    #: There were more rows than `MAX_ROWS`.
    is_truncated: bool = False

    def records(self) -> list[dict[str, Cell]]:
        """Give the rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def to_json(self) -> dict[str, Json]:
        """Give the answer as JSON; numbers that are not whole are strings, so none is rounded."""
        shape: dict[str, Json] = {
            "query_id": self.query.id,
            "currency": self.query.currency,
            "columns": list(self.columns),
            "rows": [[_to_json(cell) for cell in row] for row in self.rows],
        }
        if self.is_truncated:
            shape["note"] = f"only the first {MAX_ROWS} rows"
        return shape


class QueryLog(Protocol):
    """Remembers questions by id, over every attempt of a run."""

    def put(self, query: Query) -> None:
        """Remember a query; remembering it again changes nothing."""
        ...

    def get(self, query_id: str) -> Query | None:
        """Give a query, or None when none of that id was asked."""
        ...


@dataclass
class Bill:
    """A normalised bill that can be asked. Safe to share by threads; questions take turns.

    A question sees the charges of one currency as the view `bill`, and no others: no SQL can add
    up amounts of different currencies.
    """

    path: Path
    currencies: tuple[str, ...]
    log: QueryLog
    stop: threading.Event
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _open: dict[str, duckdb.DuckDBPyConnection] = field(default_factory=dict, init=False)
    _resources: ExitStack = field(default_factory=ExitStack, init=False)

    def close(self) -> None:
        """Close what was opened."""
        self._resources.close()
        self._open.clear()

    def ask(self, sql: str, currency: str) -> Answer:
        """Execute one SELECT over the charges of one currency.

        Raises:
            QueryError: It was refused, failed or took too long; the message is for the asker.
            AttemptStoppedError: The attempt must stop.
        """
        if currency not in self.currencies:
            known = ", ".join(self.currencies)
            why = f"the bill has no currency {currency!r}, only {known}"
            raise QueryRefusedError(why)
        if len(sql) > MAX_SQL:
            why = f"the SQL has {len(sql):,} characters, at most {MAX_SQL:,} are read"
            raise QueryRefusedError(why)
        query = Query(sql, currency)
        with self._lock:
            connection = self._connection(currency)
            with stoppable(connection, stop=self.stop, seconds=TIMEOUT_SECONDS):
                sql_guard.check(connection, sql)
                answer = _execute(connection, query)
        self.log.put(query)
        return answer

    def _connection(self, currency: str) -> duckdb.DuckDBPyConnection:
        if currency not in self._open:
            spill = self.path.parent / "spill"
            # One thread: rows without an ORDER BY come in the same order every time.
            connection = connect([self.path], spill=spill, threads=1)
            self._resources.callback(connection.close)
            connection.execute(
                f"CREATE VIEW {sql_guard.VIEW} AS SELECT * FROM "  # noqa: S608 - our own path
                f"read_parquet({literal(self.path)}) WHERE currency = {literal(currency)}"
            )
            lock(connection)
            self._open[currency] = connection
        return self._open[currency]


def _execute(connection: duckdb.DuckDBPyConnection, query: Query) -> Answer:
    try:
        with _read_only(connection):
            cursor = connection.execute(query.sql)
            rows = cursor.fetchmany(MAX_ROWS + 1)
            names = tuple(str(column[0]) for column in cursor.description or ())
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise QueryFailedError(str(error).strip()) from error
    return Answer(
        query=query,
        columns=names,
        rows=tuple(tuple(_cell(value) for value in row) for row in rows[:MAX_ROWS]),
        is_truncated=len(rows) > MAX_ROWS,
    )


@contextmanager
def _read_only(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("BEGIN TRANSACTION READ ONLY")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _cell(value: object) -> Cell:
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return _plain(value)
        case float():
            # Fifteen digits are what a double holds; the rest is noise.
            return _plain(Decimal(format(value, ".15g"))) if value == value else None  # noqa: PLR0124
        case datetime():
            return value.isoformat(sep=" ")
        case date():
            return value.isoformat()
        case _:
            return json.dumps(value, default=str, ensure_ascii=False)


def _plain(value: Decimal) -> Decimal:
    """Drop zeros at the end, and the exponent they would leave."""
    if not value.is_finite():
        return value
    short = value.normalize()
    return short.quantize(Decimal(1)) if short.as_tuple().exponent > 0 else short  # type: ignore[operator]  # finite


def _to_json(cell: Cell) -> Json:
    return format(cell, "f") if isinstance(cell, Decimal) else cell
