"""Bills from S3 and from Cost Explorer, by boto3 and real sockets."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from agent.workflows.cost import queries, source
from agent.workflows.cost.bill import Bill
from agent.workflows.cost.errors import (
    BillNotFoundError,
    BillSourceError,
    BillSourceUnavailableError,
    BillTooLargeError,
    UnsupportedBillError,
)
from agent.workflows.cost.explorer import DAYS
from agent.workflows.cost.load import LoadedBill, load
from agent.workflows.cost.source import Clients, fetch
from local.own_emulator import RunningEmulator
from tests.support.cost import SAMPLE, Queries, focus

TODAY = date(2026, 1, 31)


def fetched(where: str, work: Path, clients: Clients) -> LoadedBill:
    found = fetch(where, work=work, clients=clients, today=TODAY, stop=threading.Event())
    return load(
        found.table, name=found.name, formats=found.formats, work=work, stop=threading.Event()
    )


def boto3_of(emulator: RunningEmulator) -> Clients:
    """Give what the agent has: boto3's clients, which can also transfer files."""
    session = boto3.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    return partial(session.client, endpoint_url=emulator.endpoint)


@pytest.fixture(scope="module")
def bucket(emulator: RunningEmulator) -> str:
    client = emulator.client("s3")
    client.create_bucket(Bucket="bills")
    client.put_object(Bucket="bills", Key="2025/sample.csv.gz", Body=SAMPLE.read_bytes())
    client.put_object(Bucket="bills", Key="small bill.csv", Body=focus({}).encode())
    return "bills"


def test_a_bill_is_read_from_s3(bucket: str, emulator: RunningEmulator, tmp_path: Path) -> None:
    loaded = fetched(f"s3://{bucket}/2025/sample.csv.gz", tmp_path, boto3_of(emulator))

    assert loaded.summary.name == "sample.csv.gz"
    assert loaded.summary.currencies == ("USD", "EUR")


def test_a_key_may_hold_blanks(bucket: str, emulator: RunningEmulator, tmp_path: Path) -> None:
    assert fetched(f"s3://{bucket}/small bill.csv", tmp_path, boto3_of(emulator)).summary.rows == 1


@pytest.mark.parametrize("where", ["s3://bills/none.csv", "s3://nowhere/a.csv", "s3://bills/"])
def test_what_is_not_in_s3_is_not_found(
    bucket: str, emulator: RunningEmulator, tmp_path: Path, where: str
) -> None:
    with pytest.raises(BillNotFoundError, match="does not exist"):
        fetched(where, tmp_path, boto3_of(emulator))


def test_a_name_that_is_no_bill_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedBillError, match=r"ends in '\.zip'"):
        fetched("s3://bills/a.zip", tmp_path, no_client)


def test_an_object_over_the_limit_is_not_fetched(
    bucket: str, emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_BYTES", 10)

    with pytest.raises(BillTooLargeError, match="expected at most 10"):
        fetched(f"s3://{bucket}/small bill.csv", tmp_path, boto3_of(emulator))

    assert not (tmp_path / "fetched").exists()


def no_client(service: str) -> Any:  # noqa: ANN401 - a client
    raise AssertionError(service)


def aws(url: str, **more: Any) -> Clients:  # noqa: ANN401 - boto3's
    """Give clients of a server of ours."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2, **more)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return lambda service: boto3.client(
        service, endpoint_url=url, region_name="us-east-1", config=config, **keys
    )


Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve JSON over HTTP for the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, found = answer(json.loads(body))
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def group(keys: list[str], unblended: str, amortized: str) -> dict[str, Any]:
    costs = {"UnblendedCost": unblended, "AmortizedCost": amortized}
    metrics = {name: {"Amount": amount, "Unit": "USD"} for name, amount in costs.items()}
    return {"Keys": keys, "Metrics": metrics}


def day(start: str, end: str, *groups: dict[str, Any]) -> dict[str, Any]:
    return {"TimePeriod": {"Start": start, "End": end}, "Groups": list(groups), "Total": {}}


class CostExplorer:
    """Answers as Cost Explorer does: by record type, in pages."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __call__(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append(request)
        if "Filter" not in request:
            kinds = [group([kind], "1", "1") for kind in ("Usage", "Credit")]
            return 200, {"ResultsByTime": [day("2026-01-01", "2026-02-01", *kinds)]}
        if request["Filter"]["Dimensions"]["Values"] == ["Credit"]:
            credit = group(["AWS Credits", "111"], "-2.5", "-2.5")
            return 200, {"ResultsByTime": [day("2026-01-02", "2026-01-03", credit)]}
        if "NextPageToken" not in request:
            first = group(["Amazon S3", "111"], "10.0000000001", "9")
            return 200, {
                "ResultsByTime": [day("2026-01-02", "2026-01-03", first)],
                "NextPageToken": "more",
            }
        second = group(["Amazon S3", "222"], "5", "5")
        return 200, {"ResultsByTime": [day("2026-01-03", "2026-01-04", second)]}


def test_cost_explorer_is_asked_page_by_page_and_adds_up(tmp_path: Path) -> None:
    explorer = CostExplorer()

    with serving(explorer) as url:
        loaded = fetched("aws", tmp_path, aws(url))

    (tmp_path / "opened.parquet").write_bytes(loaded.data)
    bill = Bill(tmp_path / "opened.parquet", ("USD",), Queries(), threading.Event())
    totals = bill.ask(queries.TOTALS, "USD").records()[0]
    categories = bill.ask(queries.CATEGORIES, "USD").rows
    bill.close()
    assert totals["billed_cost"] == Decimal("12.5000000001")
    assert totals["effective_cost"] == Decimal("11.5")
    assert [row[0] for row in categories] == ["Usage", "Credit"]
    assert loaded.summary.format == "AWS Cost Explorer"
    assert {"list_cost", "resource_id", "tags", "region"} <= set(loaded.summary.absent)
    assert [request.get("NextPageToken") for request in explorer.asked].count("more") == 1
    period = explorer.asked[0]["TimePeriod"]
    assert period["End"] == "2026-01-31"
    assert (TODAY - date.fromisoformat(period["Start"])).days == DAYS


def refusing(status: int, code: str) -> Answer:
    return lambda _: (status, {"__type": code, "message": "because"})


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "AccessDeniedException", BillSourceError),
        (400, "DataUnavailableException", BillSourceError),
        (400, "UnrecognizedClientException", BillSourceError),
        (400, "LimitExceededException", BillSourceUnavailableError),
        (400, "ThrottlingException", BillSourceUnavailableError),
        (503, "ServiceUnavailable", BillSourceUnavailableError),
    ],
)
def test_a_refusal_is_final_and_a_busy_service_is_not(
    tmp_path: Path, status: int, code: str, error: type[Exception]
) -> None:
    with serving(refusing(status, code)) as url, pytest.raises(error) as refused:
        fetched("aws", tmp_path, aws(url))

    assert code in str(refused.value)
    assert refused.value.retryable is (error is BillSourceUnavailableError)  # type: ignore[attr-defined]


def test_a_service_that_is_not_there_may_come_back(tmp_path: Path) -> None:
    with serving(refusing(500, "x")) as url:
        pass

    with pytest.raises(BillSourceUnavailableError):
        fetched("aws", tmp_path, aws(url))


def test_without_credentials_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    def clients(service: str) -> Any:  # noqa: ANN401 - a client
        return boto3.Session().client(service, region_name="us-east-1")

    for where in ("aws", "s3://bills/a.csv"):
        with pytest.raises(BillSourceError, match="no AWS credentials; set up the AWS CLI's"):
            fetched(where, tmp_path, clients)
