"""Bring a table into the one shape every bill has, in a Parquet file, through bounded memory."""

import hashlib
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from agent.workflows.cost.columns import (
    BILL,
    MONEY,
    NO_CURRENCY,
    Column,
    Format,
    Kind,
    Source,
    choose_format,
    quoted,
)
from agent.workflows.cost.duck import connect, literal, stoppable
from agent.workflows.cost.errors import (
    BadValueError,
    BillTooLargeError,
    CorruptBillError,
    EmptyBillError,
)
from agent.workflows.cost.files import Layout, Table, read_header
from agent.workflows.cost.summary import Summary

#: More charges than this are refused: what a repeated line in a small gzip could unpack to.
MAX_ROWS = 50_000_000
#: The normalised bill is kept as an artifact, which passes through memory once.
MAX_BILL_BYTES = 512 * 2**20
#: What tables write for nothing; the FinOps Foundation's own sample has the word.
NULLS = ("", "NULL", "null")

THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBill:
    """A normalised bill and what is known of it."""

    data: bytes
    summary: Summary


def load(
    table: Table, *, name: str, formats: Sequence[Format], work: Path, stop: threading.Event
) -> LoadedBill:
    """Normalise a table.

    Args:
        table: The bill's file.
        name: What the report calls the bill.
        formats: What the table may be.
        work: A folder for files that nobody needs afterwards.
        stop: Set when the attempt must stop.

    Raises:
        BillError: The table is no bill, or can't be read as one.
        AttemptStoppedError: The attempt must stop.
    """
    target = work / "bill.parquet"
    connection = connect([table.path, target], spill=work / "spill", threads=THREADS)
    with connection, stoppable(connection, stop=stop):
        reading = _reading(table)
        try:
            types = _types(connection, reading)
            form = choose_format(table.where, list(types), formats)
            mapping = form.mapping(Source(types))
            _normalise(connection, reading, mapping=mapping, target=target)
        except duckdb.ConversionException as error:
            raise _bad_value(connection, table, reading, error) from error
        except (duckdb.InvalidInputException, duckdb.IOException, duckdb.OutOfRangeException) as e:
            raise CorruptBillError(table.where, _corruption(table, e)) from e
        facts = _facts(connection, target, table.where)
    if (size := target.stat().st_size) > MAX_BILL_BYTES:
        raise BillTooLargeError(
            table.where,
            size=f"{size:,} bytes when normalised",
            limit=f"{MAX_BILL_BYTES:,}",
        )
    data = target.read_bytes()
    summary = Summary(
        name=name,
        format=form.name,
        sha256=table.sha256,
        bill_sha256=hashlib.sha256(data).hexdigest(),
        rows=facts.rows,
        first_day=facts.first_day,
        last_day=facts.last_day,
        currencies=facts.currencies,
        providers=facts.providers,
        absent=facts.absent,
        rows_without_cost=facts.rows_without_cost,
        rows_over_a_day=facts.rows_over_a_day,
    )
    return LoadedBill(data=data, summary=summary)


def _reading(table: Table) -> str:
    """Give SQL that reads the table."""
    path = literal(table.path)
    if table.layout is Layout.PARQUET:
        return f"read_parquet({path})"
    names, delimiter = read_header(table)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    nulls = ", ".join(literal(null) for null in NULLS)
    # Nothing is guessed: what a sniffer makes of a sample need not hold for the rest of the file.
    return (
        f"read_csv({path}, header = true, auto_detect = false, delim = {literal(delimiter)}, "
        f"quote = '\"', escape = '\"', nullstr = [{nulls}], columns = {{{columns}}})"
    )


def _types(connection: duckdb.DuckDBPyConnection, reading: str) -> dict[str, str]:
    described = connection.execute(
        f"DESCRIBE SELECT * FROM {reading}"  # noqa: S608 - our own path
    ).fetchall()
    return {row[0]: row[1] for row in described}


def _normalise(
    connection: duckdb.DuckDBPyConnection,
    reading: str,
    *,
    mapping: Mapping[str, str],
    target: Path,
) -> None:
    columns = ",\n".join(
        f"{_value(column, mapping.get(column.name))} AS {quoted(column.name)}" for column in BILL
    )
    connection.execute(
        f"COPY (SELECT {columns} FROM {reading} LIMIT {MAX_ROWS + 1}) "  # noqa: S608 - ours
        f"TO {literal(target)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
    )


def _value(column: Column, sql: str | None) -> str:
    """Give SQL for a normalised column's value from SQL for what the source has."""
    match column.kind:
        case Kind.MONEY:
            return f"({sql or 'NULL'})::{MONEY}"
        case Kind.NUMBER:
            # Quantities are for people; one that can't be read must not hide the charge.
            return f"TRY_CAST({sql or 'NULL'} AS {MONEY})"
        case Kind.INSTANT:
            # Without a zone it is UTC (the connection's), as FOCUS says.
            return f"(({sql or 'NULL'})::TIMESTAMPTZ AT TIME ZONE 'UTC')"
        case Kind.TAGS:
            text = f"({sql or 'NULL'})::VARCHAR"
            return f"CASE WHEN {text} NOT IN ('{{}}', '[]', 'null') THEN {text} END"
        case Kind.TEXT if column.name == "currency":
            return f"coalesce(upper({sql or 'NULL'}), '{NO_CURRENCY}')"
        case Kind.TEXT:
            return f"({sql or 'NULL'})::VARCHAR"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    rows: int
    first_day: date
    last_day: date
    currencies: tuple[str, ...]
    providers: tuple[str, ...]
    absent: tuple[str, ...]
    rows_without_cost: int
    rows_over_a_day: int


def _facts(connection: duckdb.DuckDBPyConnection, bill: Path, where: str) -> _Facts:
    source = f"read_parquet({literal(bill)})"
    counts = ", ".join(f"count({quoted(column.name)})" for column in BILL)
    row = _one(
        connection,
        # A correction is dated in the month it corrects, which is not what the bill covers.
        f"""SELECT count(*),
            coalesce(min(charge_start) FILTER (charge_class IS NULL), min(charge_start)),
            coalesce(max(ends) FILTER (charge_class IS NULL), max(ends)),
            count(*) FILTER (effective_cost IS NULL),
            count(*) FILTER (charge_end - charge_start > INTERVAL 1 DAY), {counts}
            FROM (SELECT *, coalesce(charge_end, charge_start) AS ends FROM {source})""",  # noqa: S608
    )
    rows, start, end, without_cost, over_a_day, *filled = row
    if rows == 0:
        raise EmptyBillError(where, "has a header and no rows")
    if rows > MAX_ROWS:
        raise BillTooLargeError(where, size=f"over {MAX_ROWS:,} charges", limit=f"{MAX_ROWS:,}")
    if start is None:
        raise BadValueError(where, column="charge start", value="nothing", expected="instants")
    return _Facts(
        rows=rows,
        first_day=start.date(),
        last_day=_last_day(start, end),
        currencies=_distinct(connection, source, "currency"),
        providers=_distinct(connection, source, "provider"),
        absent=tuple(c.name for c, n in zip(BILL, filled, strict=True) if n == 0),
        rows_without_cost=without_cost,
        rows_over_a_day=over_a_day,
    )


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(sql).fetchone()
    return row or ()


def _distinct(connection: duckdb.DuckDBPyConnection, source: str, column: str) -> tuple[str, ...]:
    rows = connection.execute(
        f"SELECT {column} FROM {source} WHERE {column} IS NOT NULL "  # noqa: S608 - our own names
        "GROUP BY ALL ORDER BY count(*) DESC, 1"
    ).fetchall()
    return tuple(row[0] for row in rows)


def _last_day(start: datetime, end: datetime) -> date:
    """Give the day before an exclusive end; a charge without length counts for its own day."""
    return max(start, end - timedelta(microseconds=1)).date()


def _bad_value(
    connection: duckdb.DuckDBPyConnection, table: Table, reading: str, error: duckdb.Error
) -> BadValueError:
    """Find which column held the value DuckDB could not convert; it names only the value."""
    message = str(error)
    quoted_value = re.search(r'"([^"]*)"', message)
    value = quoted_value.group(1) if quoted_value else message.splitlines()[0]
    column = "that is a cost or a time"
    for name, kind in _types(connection, reading).items():
        if kind == "VARCHAR" and _holds(connection, reading, name, value):
            column = name
            break
    is_time = "timestamp" in message.lower()
    expected = "an ISO 8601 instant" if is_time else "a decimal number such as 1234.56"
    return BadValueError(table.where, column=column, value=value, expected=expected)


def _holds(connection: duckdb.DuckDBPyConnection, reading: str, name: str, value: str) -> bool:
    sql = f"SELECT 1 FROM {reading} WHERE {quoted(name)} = ? LIMIT 1"  # noqa: S608 - quoted
    return connection.execute(sql, [value]).fetchone() is not None


def _corruption(table: Table, error: duckdb.Error) -> str:
    """Say what is wrong with a file in fewer words than DuckDB, and without its file names."""
    message = str(error)
    if table.layout is Layout.PARQUET:
        return f"is a damaged Parquet file: {_without_path(message, table)}"
    if "utf-8" in message.lower() or "unicode" in message.lower():
        return f"is not UTF-8 text{_line(message)}"
    if counts := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message):
        return f"has {counts[2]} columns{_line(message)}, expected {counts[1]} as in its header"
    if "unterminated quote" in message:
        return f"has a quote that is not closed{_line(message)}"
    return f"is not CSV: {_without_path(message, table)}"


def _line(message: str) -> str:
    line = re.search(r"CSV Error on Line: (\d+)", message)
    return f" in line {line[1]}" if line else ""


def _without_path(message: str, table: Table) -> str:
    first = message.splitlines()[0].replace(str(table.path), table.where)
    return first.removeprefix("Invalid Input Error: ").removeprefix("IO Error: ")
