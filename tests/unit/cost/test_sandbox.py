"""SQL that a model wrote can read the bill, and do nothing else."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from agent.errors import AttemptStoppedError
from agent.workflows.cost import bill as bill_module
from agent.workflows.cost import sql_guard
from agent.workflows.cost.bill import Bill
from agent.workflows.cost.errors import QueryFailedError, QueryRefusedError, QueryTimeoutError
from tests.support.cost import focus, load_text, on_day


@pytest.fixture
def bill(tmp_path: Path) -> Iterator[Bill]:
    text = focus(
        on_day(1, Tags='{"team": "shop"}'),
        on_day(2, EffectiveCost="2"),
        on_day(3, EffectiveCost="40", BillingCurrency="EUR"),
    )
    opened, _ = load_text(text, tmp_path)
    yield opened
    opened.close()


ESCAPES = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM \"read_text\"('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "FROM '/etc/passwd'",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM glob('/*')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT 1 WHERE EXISTS (FROM read_blob('/etc/passwd'))",
    "WITH x AS (FROM read_csv('/etc/passwd')) SELECT * FROM x",
    "SELECT 1 UNION ALL SELECT content FROM read_text('/etc/passwd')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('bill')",
    "COPY bill TO '/tmp/out.csv'",
    "COPY (SELECT 1) TO '/tmp/out.csv'",
    "ATTACH '/tmp/other.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "EXPORT DATABASE '/tmp/out'",
    "PRAGMA version",
    "PRAGMA enable_external_access",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "CALL pragma_version()",
    "CREATE TABLE x AS SELECT 1",
    "CREATE OR REPLACE VIEW bill AS SELECT 1",
    "DROP VIEW bill",
    "INSERT INTO bill VALUES (1)",
    "DELETE FROM bill",
    "WITH x AS (DELETE FROM bill RETURNING *) SELECT * FROM x",
    "WITH x AS (INSERT INTO bill VALUES (1) RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE bill SET service = 'x' RETURNING *) SELECT * FROM x",
    "WITH RECURSIVE t AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM t) SELECT * FROM t",
    "EXPLAIN SELECT 1",
    "DESCRIBE bill",
    "SUMMARIZE bill",
    "SHOW TABLES",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY bill TO '/tmp/out.csv'",
    "SELECT 1 /* ; */; DROP VIEW bill --",
    "SELECT 1 -- \n; DROP VIEW bill",
    "/* unclosed",
    "",
    "-- nothing",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM main.bill",
    "SELECT * FROM memory.main.bill",
    "SELECT current_setting('threads')",
    "SELECT getenv('HOME')",
    "SELECT getvariable('x')",
    "SELECT write_log('x')",
    "SELECT repeat('x', 3000000000)",
    "SELECT range(3000000000)",
    "SELECT lpad('x', 2000000000, 'x')",
    "SELECT list_resize([1], 2000000000)",
    "SELECT * FROM range(10)",
    "SELECT main.sum(effective_cost) FROM bill",
    "SELECT nextval('x')",
    "SELECT " + "1," * 6_000 + "1",
]


@pytest.mark.parametrize("sql", ESCAPES)
def test_what_is_not_one_select_over_the_bill_is_refused(bill: Bill, sql: str) -> None:
    with pytest.raises(QueryRefusedError):
        bill.ask(sql, "USD")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT content FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "EXPORT DATABASE '{folder}/out'",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "SET lock_configuration = false",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW bill",
        "WITH x AS (DELETE FROM bill RETURNING *) SELECT * FROM x",
    ],
)
def test_the_connection_refuses_it_too_should_the_guard_let_it_pass(
    bill: Bill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.setattr(sql_guard, "check", lambda _connection, _sql: None)

    with pytest.raises(QueryFailedError):
        bill.ask(sql.format(folder=tmp_path), "USD")

    assert not list(tmp_path.glob("out*"))
    assert not (tmp_path / "other.db").exists()


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) FROM bill", ((2,),)),
        ("SELECT count(*) FROM bill -- ; DROP VIEW bill", ((2,),)),
        ("/* COPY */ SELECT 'COPY bill; DROP' AS text", (("COPY bill; DROP",),)),
        ("WITH Spent AS (SELECT effective_cost AS c FROM Bill) SELECT sum(c) FROM spent", ((3,),)),
        ("SELECT tags ->> '$.team' AS t, count(*) FROM bill GROUP BY 1 ORDER BY 1", None),
        ("SELECT sum(effective_cost) OVER (ORDER BY charge_start) FROM bill ORDER BY 1", None),
        ("SELECT x FROM (VALUES (1), (2)) AS t(x) EXCEPT SELECT 1", ((2,),)),
        ("SELECT date_trunc('month', charge_start)::DATE FROM bill LIMIT 1", (("2025-09-01",),)),
        ("SELECT CASE WHEN service ILIKE '%stor%' THEN 1 ELSE 2 END FROM bill LIMIT 1", ((1,),)),
        ("FROM bill SELECT max(effective_cost)", ((2,),)),
    ],
)
def test_ordinary_questions_are_answered(
    bill: Bill, sql: str, rows: tuple[tuple[object, ...], ...] | None
) -> None:
    answer = bill.ask(sql, "USD")

    assert rows is None or answer.rows == rows
    assert bill.log.get(answer.query.id) == answer.query


def test_a_question_sees_the_charges_of_its_currency_only(bill: Bill) -> None:
    sql = "SELECT sum(effective_cost) FROM bill"

    assert bill.ask(sql, "USD").rows == ((Decimal(3),),)
    assert bill.ask(sql, "EUR").rows == ((Decimal(40),),)


def test_a_currency_the_bill_does_not_have_is_refused(bill: Bill) -> None:
    with pytest.raises(QueryRefusedError, match="no currency 'GBP', only USD, EUR"):
        bill.ask("SELECT 1", "GBP")


def test_a_mistake_is_explained_and_not_remembered(bill: Bill) -> None:
    with pytest.raises(QueryFailedError, match='column "cost" not found'):
        bill.ask("SELECT cost FROM bill", "USD")

    assert bill.log.get(bill_module.Query("SELECT cost FROM bill", "USD").id) is None


def test_a_long_answer_is_cut_and_says_so(bill: Bill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill_module, "MAX_ROWS", 1)

    answer = bill.ask("SELECT effective_cost FROM bill ORDER BY 1", "USD")

    assert answer.rows == ((1,),)
    assert answer.to_json()["note"] == "only the first 1 rows"


_MANY = ", ".join(f"bill b{number}" for number in range(32))
SLOW = f"SELECT count(*) FROM {_MANY}"  # noqa: S608 - ours


def test_a_slow_question_is_stopped_at_the_limit(
    bill: Bill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bill_module, "TIMEOUT_SECONDS", 0.2)

    with pytest.raises(QueryTimeoutError, match=r"stopped after 0\.2 s"):
        bill.ask(SLOW, "USD")

    assert bill.ask("SELECT 1", "USD").rows == ((1,),)


def test_a_slow_question_stops_with_its_attempt(bill: Bill) -> None:
    timer = threading.Timer(0.3, bill.stop.set)
    timer.start()

    with pytest.raises(AttemptStoppedError):
        bill.ask(SLOW, "USD")

    timer.join()


def test_questions_of_several_threads_take_turns(bill: Bill) -> None:
    found: list[object] = []

    def ask() -> None:
        found.extend(bill.ask("SELECT sum(effective_cost) FROM bill", "USD").rows)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [(Decimal(3),)] * 8
