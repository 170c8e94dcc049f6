"""What a run costs on AWS: its way through the parts of the stack, times their prices.

Quantities are counted where the definition or the run tells them (state transitions, seconds of a
session, requests, tokens). What no run tells is assumed, and named in `Assumptions`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from cli.price_table import Price, PriceTable
from cli.run_shape import RunShape
from statemachine.definition import Pace
from statemachine.paths import path_of

_HOUR = 3600
#: The days of a month, on average.
_MONTH_MINUTES = 30.4 * 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What is assumed of every run; each is a number that no run tells."""

    #: Of one vCPU, while a session works: it mostly waits for models.
    busy_vcpu: float = 0.15
    memory_gb: float = 0.6
    #: An invocation of the invoker, which mostly waits for AgentCore.
    invocation_seconds: float = 0.5
    function_gb: float = 0.5
    #: Write units by what is recorded, as counted on the workflows that ship: a transaction's
    #: record and event, the head, and its two entries in the index.
    writes_of_run: int = 40
    writes_per_model_call: int = 20
    writes_per_tool_call: int = 19
    writes_per_step: int = 16
    writes_per_note: int = 7
    #: Of one update of a head, when no transaction is needed.
    writes_per_update: int = 3
    heartbeat_seconds: int = 20
    reads_of_attempt: int = 15
    log_bytes_per_record: int = 800
    #: The sweep, every five minutes.
    sweep_minutes: int = 5
    sweep_seconds: float = 1.0
    #: As many as the stack has.
    alarms: int = 29
    secrets: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item of an estimate."""

    what: str
    quantity: Decimal
    price: Price
    factor: Decimal

    @property
    def usd(self) -> Decimal:
        """Give what it comes to."""
        return self.quantity * self.price.usd * self.factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """Prices runs."""

    table: PriceTable
    pace: Pace
    region: str = "us-east-1"
    assumed: Assumptions = field(default_factory=Assumptions)

    @property
    def factor(self) -> Decimal:
        """Give what the region costs, as a multiple of us-east-1."""
        return self.table.regions.get(self.region, Decimal(1))

    def lines(self, shape: RunShape) -> tuple[Line, ...]:
        """Give what one run costs besides its model."""
        return tuple(self._lines(shape))

    def monthly(self) -> tuple[Line, ...]:
        """Give what the stack costs in a month, whether there are runs or not."""
        sweeps = _MONTH_MINUTES / self.assumed.sweep_minutes
        seconds = sweeps * self.assumed.sweep_seconds * self.assumed.function_gb
        return (
            self._line("sweep", sweeps, "lambda_request"),
            self._line("sweep", seconds, "lambda_gb_second"),
            self._line("alarms", self.assumed.alarms, "alarm"),
            self._line("dashboard", 1, "dashboard"),
            self._line("keys of links", self.assumed.secrets, "secret"),
        )

    def polled(self, shape: RunShape) -> Decimal:
        """Price the same run in the usual design, besides its model.

        It polls every ten seconds, keeps its session while it waits, and leaves it to its idle time
        of 15 minutes at the end.
        """
        seconds = shape.working_seconds + shape.waiting_seconds
        transitions = 5 + 3 * math.ceil(seconds / 10)
        replaced = (
            self._line("transitions", transitions, "transition"),
            self._line("memory", self._gb_hours(seconds + 900), "gb_hour"),
        )
        kept = (line for line in self._lines(shape) if line.what not in {"transitions", "memory"})
        return sum((line.usd for line in (*replaced, *kept)), Decimal(0))

    def _lines(self, shape: RunShape) -> Iterator[Line]:
        assumed = self.assumed
        path = path_of(self.pace, work=shape.work, waits=shape.waits)
        invocations = sum(path.count(name) for name in _INVOKING)
        yield self._line("transitions", len(path), "transition")
        vcpu = shape.working_seconds * assumed.busy_vcpu / _HOUR
        yield self._line("processor", vcpu, "vcpu_hour")
        yield self._line("memory", self._gb_hours(shape.working_seconds), "gb_hour")
        yield self._line("journal", self._writes(shape, path, invocations), "write_unit")
        reads = path.count("CheckStatus") + len(shape.work) * assumed.reads_of_attempt + invocations
        yield self._line("journal", reads, "read_unit")
        seconds = invocations * assumed.invocation_seconds * assumed.function_gb
        yield self._line("invoker", invocations, "lambda_request")
        yield self._line("invoker", seconds, "lambda_gb_second")
        yield self._line("request and end", 2, "event")
        yield self._line("files", shape.notes, "put")
        records = shape.model_calls + shape.tool_calls + shape.steps + shape.notes + invocations
        yield self._line("logs", records * assumed.log_bytes_per_record / 1e9, "log_gb")

    def _writes(self, shape: RunShape, path: tuple[str, ...], invocations: int) -> int:
        assumed = self.assumed
        waited = sum(path.count(name) for name in _WAITING) + path.count("Announced")
        heartbeats = math.ceil(shape.working_seconds / assumed.heartbeat_seconds)
        return (
            assumed.writes_of_run
            + shape.model_calls * assumed.writes_per_model_call
            + shape.tool_calls * assumed.writes_per_tool_call
            + shape.steps * assumed.writes_per_step
            + shape.notes * assumed.writes_per_note
            + (waited + heartbeats + 2 * invocations) * assumed.writes_per_update
        )

    def _gb_hours(self, seconds: float) -> float:
        return seconds * self.assumed.memory_gb / _HOUR

    def _line(self, what: str, quantity: float, price: str) -> Line:
        return Line(
            what=what,
            quantity=Decimal(str(round(quantity, 9))),
            price=self.table.prices[price],
            factor=self.factor,
        )


def total(lines: tuple[Line, ...]) -> Decimal:
    """Sum up what lines come to."""
    return sum((line.usd for line in lines), Decimal(0))


_INVOKING = ("Accept", "Dispatch", "Notify", "StopParked", "Stop", "Expire")
_WAITING = ("AwaitSignal", "AwaitWork", "AwaitAnswer", "AwaitDays")
