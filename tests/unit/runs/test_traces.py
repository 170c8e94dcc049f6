"""Trace headers are read, written, and made up where there is none."""

from dataclasses import replace

import pytest

from runs.children import child_of
from runs.operations import OperationStatus, OperationType
from runs.telemetry.traces import Trace, trace_of
from tests.support.journals import NOW, a_run, an_operation, later

XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
W3C = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"


def test_both_headers_name_the_same_place() -> None:
    trace = Trace.from_xray(XRAY)

    assert trace is not None
    assert trace == Trace.from_traceparent(W3C)
    assert (trace.xray, trace.traceparent) == (XRAY, W3C)


def test_what_is_not_recorded_stays_so() -> None:
    trace = Trace.from_xray(XRAY.replace("Sampled=1", "Sampled=0"))

    assert trace is not None
    assert trace.traceparent.endswith("-00")
    assert Trace.from_traceparent(trace.traceparent) == trace


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Root=1-5759e988-bd862e3fe1be46a994272793",
        "Root=nonsense;Parent=53995c3f42cd8ad8",
        "Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd86;Parent=53995c3f42cd8ad8",
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000",
    ],
)
def test_an_x_ray_header_that_names_no_span_is_none(header: str | None) -> None:
    assert Trace.from_xray(header) is None


def test_more_in_an_x_ray_header_is_let_be() -> None:
    header = f"Self=1-67891234-12456789abcdef012345678; {XRAY};Lineage=1:a:0"

    assert Trace.from_xray(header) == Trace.from_xray(XRAY)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8",
        f"00-{'0' * 32}-53995c3f42cd8ad8-01",
        f"00-5759e988bd862e3fe1be46a994272793-{'0' * 16}-01",
        "ff-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
        "00-5759e988bd862e3fe1be46a99427279x-53995c3f42cd8ad8-01",
    ],
)
def test_a_traceparent_that_is_none_is_none(header: str | None) -> None:
    assert Trace.from_traceparent(header) is None


def test_a_run_is_in_the_trace_of_what_asked_for_it() -> None:
    assert trace_of(a_run(trace=W3C)).traceparent == W3C


def test_a_run_that_nothing_traced_has_a_trace_of_its_own() -> None:
    run = a_run()

    trace = trace_of(run)

    assert trace_of(replace(run, attempt=3, updated_at=later(60))) == trace
    assert trace.trace_id != trace_of(a_run()).trace_id
    assert int(trace.trace_id[:8], 16) == int(NOW.timestamp())
    assert Trace.from_xray(trace.xray) == trace


def test_a_child_run_is_in_its_parents_trace() -> None:
    parent = a_run()
    invoke = an_operation(
        type=OperationType.CHAINED_INVOKE, status=OperationStatus.STARTED, ended_at=None
    )

    child = child_of(parent, invoke, workflow="cost-analysis", now=later(5))

    assert trace_of(child) == trace_of(parent)
