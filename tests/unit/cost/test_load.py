"""Bills of every format come into one shape; what is none fails with its own message."""

import gzip
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from agent.errors import AttemptStoppedError
from agent.workflows.cost import files, load
from agent.workflows.cost.errors import (
    BadValueError,
    BillError,
    BillNotFoundError,
    BillTooLargeError,
    BillUnreadableError,
    CorruptBillError,
    EmptyBillError,
    NotABillError,
    UnsupportedBillError,
)
from agent.workflows.cost.files import open_table
from tests.support.cost import CHARGE, csv_text, focus, load_path, load_text, on_day


def rows(text: str, folder: Path, columns: str) -> list[tuple[object, ...]]:
    bill, _ = load_text(text, folder)
    return duckdb.execute(f"SELECT {columns} FROM read_parquet('{bill.path}')").fetchall()  # noqa: S608 - ours


def written(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_focus_charges_keep_every_digit_of_their_costs(tmp_path: Path) -> None:
    text = focus({"EffectiveCost": "0.000000000001", "BilledCost": "1.5E-05", "ListCost": "-3"})

    assert rows(text, tmp_path, "effective_cost, billed_cost, list_cost") == [
        (Decimal("0.000000000001"), Decimal("0.000015000000"), Decimal(-3))
    ]


@pytest.mark.parametrize(
    "instant",
    [
        "2025-09-01T00:00:00Z",
        "2025-09-01T00:00:00.000Z",
        "2025-09-01 00:00:00",
        "2025-09-01 00:00:00 UTC",
        "2025-09-01T00:00Z",
        "2025-09-01T02:00:00+02:00",
        "2025-09-01",
    ],
)
def test_an_instant_without_a_zone_is_utc(tmp_path: Path, instant: str) -> None:
    text = focus({"ChargePeriodStart": instant})

    assert rows(text, tmp_path, "charge_start::VARCHAR") == [("2025-09-01 00:00:00",)]


def test_literal_nulls_and_empty_cells_are_nothing(tmp_path: Path) -> None:
    text = focus({"RegionId": "NULL", "ResourceId": "", "Tags": "{}", "EffectiveCost": "NULL"})

    bill, summary = load_text(text, tmp_path)

    assert rows(text, tmp_path, "region, resource_id, tags, effective_cost") == [(None,) * 4]
    assert {"region", "resource_id", "tags"} <= set(summary.absent)
    assert summary.rows_without_cost == 1
    assert bill.currencies == ("USD",)


def test_a_bill_may_use_other_delimiters_a_byte_order_mark_and_other_case(tmp_path: Path) -> None:
    names = ";".join(name.lower() for name in CHARGE)
    text = f"\ufeff{names}\r\n{';'.join(CHARGE.values())}\r\n"

    assert rows(text, tmp_path, "currency, service") == [("USD", "Storage")]


def test_a_quoted_line_break_stays_within_its_cell(tmp_path: Path) -> None:
    text = focus({"ChargeDescription": 'a "b"\nc'})

    assert rows(text, tmp_path, "description") == [('a "b"\nc',)]


def test_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    text = "BilledCost," + focus({}).replace("\n", "\n7,", 1)

    assert rows(text, tmp_path, "billed_cost") == [(Decimal(7),)]


def test_a_currency_is_a_currency_in_any_case_and_none_is_its_own(tmp_path: Path) -> None:
    text = focus({"BillingCurrency": "usd"}, {"BillingCurrency": " USD "}, {"BillingCurrency": ""})

    _, summary = load_text(text, tmp_path)

    assert summary.currencies == ("USD", "XXX")


def test_the_period_ends_before_the_exclusive_end_and_ignores_corrections(tmp_path: Path) -> None:
    correction = on_day(1, ChargeClass="Correction") | {"ChargePeriodStart": "2025-07-01"}

    _, summary = load_text(focus(on_day(3), on_day(5), correction), tmp_path)

    assert (summary.first_day.isoformat(), summary.last_day.isoformat()) == (
        "2025-09-03",
        "2025-09-05",
    )


def test_focus_1_3_names_the_provider_differently(tmp_path: Path) -> None:
    charge = {name: value for name, value in CHARGE.items() if name != "ProviderName"}
    text = csv_text([charge | {"ServiceProviderName": "Oracle"}])

    assert rows(text, tmp_path, "provider") == [("Oracle",)]


@pytest.mark.parametrize("name", ["bill.csv.gz", "gzip called csv.csv", "bill[1]*.csv.gz"])
def test_gzip_is_told_by_its_bytes_and_any_name_will_do(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, gzip.compress(focus({}).encode()))

    assert load_path(path, tmp_path / "work").summary.rows == 1


def test_parquet_with_typed_columns_is_read_like_csv(tmp_path: Path) -> None:
    path = tmp_path / "bill.parquet"
    duckdb.execute(
        f"""COPY (SELECT 0.1::DOUBLE AS BilledCost, 0.1::DOUBLE AS EffectiveCost,
            2::DECIMAL(10, 2) AS ListCost, 'USD' AS BillingCurrency, 'Usage' AS ChargeCategory,
            TIMESTAMPTZ '2025-09-01 00:00:00+00' AS ChargePeriodStart,
            TIMESTAMP_MS '2025-09-02 00:00:00' AS ChargePeriodEnd, 'AWS' AS ProviderName,
            'S3' AS ServiceName, MAP {{'team': 'shop'}} AS Tags, 12::BIGINT AS SubAccountId)
            TO '{path}'"""
    )

    bill = load_path(path, tmp_path / "work")

    (tmp_path / "out.parquet").write_bytes(bill.data)
    found = duckdb.execute(
        f"""SELECT billed_cost, list_cost, tags ->> '$.team', account_id, charge_end::VARCHAR
            FROM read_parquet('{tmp_path / "out.parquet"}')"""  # noqa: S608 - our own path
    ).fetchall()
    assert found == [(Decimal("0.1"), Decimal(2), "shop", "12", "2025-09-02 00:00:00")]


def test_the_same_bill_gives_the_same_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, "bill.csv", focus(*(on_day(day) for day in range(1, 29))))

    first = load_path(path, tmp_path / "one")

    assert load_path(path, tmp_path / "two") == first


def test_a_table_that_is_no_bill_names_the_columns_it_lacks(tmp_path: Path) -> None:
    path = written(tmp_path, "staff.csv", "name,BilledCost,ServiceName\nAda,1,x\n")

    with pytest.raises(NotABillError) as refused:
        load_path(path, tmp_path / "work")

    assert refused.value.missing == (
        "BillingCurrency",
        "ChargeCategory",
        "ChargePeriodEnd",
        "ChargePeriodStart",
        "EffectiveCost",
        "ListCost",
        "ProviderName",
    )
    assert "BillingCurrency, ChargeCategory" in str(refused.value)
    assert "FOCUS 1.x or AWS CUR 2.0" in str(refused.value)


def test_a_cur_without_a_column_is_told_so_as_a_cur(tmp_path: Path) -> None:
    path = written(tmp_path, "cur.csv", "line_item_currency_code,line_item_product_code\nUSD,x\n")

    with pytest.raises(NotABillError, match=r"as AWS CUR 2\.0 it lacks .*line_item_unblended_cost"):
        load_path(path, tmp_path / "work")


@pytest.mark.parametrize(
    ("name", "data", "error", "message"),
    [
        ("a.csv", b"", EmptyBillError, "is empty"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), EmptyBillError, "is empty"),
        ("a.csv", "\n \n", EmptyBillError, "holds nothing but white space"),
        ("a.csv", "a,b\n1,2\n", NotABillError, "is not a bill"),
        ("a.csv", ",".join(CHARGE) + "\n", EmptyBillError, "has a header and no rows"),
        (
            "a.csv.gz",
            gzip.compress(b"a,b\n" * 9999, mtime=0)[:-9],
            CorruptBillError,
            "truncated gzip",
        ),
        (
            "a.csv.gz",
            gzip.compress(b"a,b", mtime=0)[:-8] + b"12345678",
            CorruptBillError,
            "damaged gzip",
        ),
        ("a.csv", focus({}).encode("utf-16"), CorruptBillError, "is UTF-16 text, expected UTF-8"),
        ("a.csv", b"a\0b,c\n", CorruptBillError, "is not text, expected CSV in UTF-8"),
        ("a.csv", "caf\u00e9,b\n".encode("latin-1"), CorruptBillError, "byte 0xe9 at position 3"),
        ("a.csv", focus({}) + "1,2,3\n", CorruptBillError, "has 3 columns in line 3, expected 10"),
        ("a.csv", focus({}) + '"open', CorruptBillError, "line 3"),
        ("a.parquet", b"PAR1" + b"x" * 64, CorruptBillError, "is a damaged Parquet file"),
        ("a.parquet", b"PAR1" + b"x" * 64 + b"PAR1", CorruptBillError, "damaged Parquet file"),
        ("a.xlsx", b"PK", UnsupportedBillError, "ends in '.xlsx', expected one of: .csv, .csv.gz"),
        ("bill", b"a,b\n", UnsupportedBillError, "has no ending, expected one of: .csv"),
        (
            "a.csv",
            focus({"EffectiveCost": "1,5"}),
            BadValueError,
            "has '1,5' in column EffectiveCost, expected a decimal number",
        ),
        (
            "a.csv",
            focus({"ChargePeriodStart": "09/01/2025"}),
            BadValueError,
            "has '09/01/2025' in column ChargePeriodStart, expected an ISO 8601 instant",
        ),
        (
            "a.csv",
            focus({"ChargePeriodStart": "NULL"}),
            BadValueError,
            "has 'nothing' in column charge start",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, name: str, data: bytes | str, error: type[BillError], message: str
) -> None:
    path = written(tmp_path, name, data)

    with pytest.raises(error) as refused:
        load_path(path, tmp_path / "work")

    assert message in str(refused.value)
    assert name in str(refused.value)
    assert refused.value.retryable is False


def test_a_bad_byte_far_into_the_file_is_found_with_its_line(tmp_path: Path) -> None:
    good = focus(*[{"ChargeDescription": "x" * 200}] * 6_000)
    path = written(tmp_path, "a.csv", good.encode() + good.splitlines()[1].encode() + b"\xff\n")

    with pytest.raises(CorruptBillError, match="is not UTF-8 text in line 6002"):
        load_path(path, tmp_path / "work")


def test_a_directory_is_not_a_bill(tmp_path: Path) -> None:
    (tmp_path / "parts.csv").mkdir()

    with pytest.raises(BillUnreadableError, match="is a directory, expected one file"):
        load_path(tmp_path / "parts.csv", tmp_path / "work")


def test_a_missing_file_says_what_could_be_named(tmp_path: Path) -> None:
    with pytest.raises(BillNotFoundError, match="does not exist, expected the path of a file"):
        load_path(tmp_path / "none.csv", tmp_path / "work")


def test_a_device_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")

    with pytest.raises(BillUnreadableError, match="is a device or a pipe"):
        load_path(tmp_path / "pipe.csv", tmp_path / "work")


@contextmanager
def without_privileges() -> Iterator[None]:
    """Run the block as a user whom permissions hold for."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("is_folder_closed", [False, True])
def test_a_file_that_may_not_be_read_says_so(is_folder_closed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder) / "closed"
        closed.mkdir()
        path = written(closed, "secret.csv", focus({}))
        path.chmod(0)
        closed.chmod(0 if is_folder_closed else 0o755)
        Path(folder).chmod(0o755)

        with (
            without_privileges(),
            pytest.raises(BillUnreadableError, match="can't be read: Permission denied"),
        ):
            open_table(str(path), path, work=Path(folder), stop=threading.Event())

        closed.chmod(0o755)


def test_a_file_over_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 100)
    path = written(tmp_path, "a.csv", "x" * 101)

    with pytest.raises(BillTooLargeError, match="has 101 bytes, expected at most 100"):
        load_path(path, tmp_path / "work")


def test_a_small_gzip_can_not_unpack_to_more_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 3 * 2**20)
    path = written(tmp_path, "a.csv.gz", gzip.compress(b"\n" * (4 * 2**20), mtime=0))

    with pytest.raises(BillTooLargeError, match="over 3,145,728 bytes"):
        load_path(path, tmp_path / "work")

    assert (tmp_path / "work" / "unpacked").stat().st_size <= 3 * 2**20


def test_a_bill_of_too_many_charges_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "MAX_ROWS", 2)
    path = written(tmp_path, "a.csv", focus({}, {}, {}))

    with pytest.raises(BillTooLargeError, match="over 2 charges"):
        load_path(path, tmp_path / "work")


def test_an_attempt_that_must_stop_stops_reading(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    path = written(tmp_path, "a.csv", focus({}))

    with pytest.raises(AttemptStoppedError):
        load_path(path, tmp_path / "work", stop=stop)
