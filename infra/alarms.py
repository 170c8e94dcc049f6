"""The alarms: what each watches, from when on, and what silence means.

Each metric is one by itself: the emulator knows no alarms on sums of several.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from aws_cdk import Duration, aws_cloudwatch

from infra.measures import (
    FIVE_MINUTES,
    MAXIMUM,
    of_agent,
    of_function,
    of_machine,
    of_queue,
    of_table,
    ours,
)
from infra.watched import Watched
from runs.telemetry.metrics import Metric

_DAY, _HOUR = Duration.days(1), Duration.hours(1)
_QUARTER = Duration.minutes(15)
_ABOVE = aws_cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_BELOW = aws_cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
#: Nothing was counted because nothing happened. CloudWatch has no zeros for what nobody told.
_QUIET = aws_cloudwatch.TreatMissingData.NOT_BREACHING
#: Nothing was counted because whoever counts does not run.
_SILENT = aws_cloudwatch.TreatMissingData.BREACHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm, as CloudWatch is told of it."""

    name: str
    #: The section of the runbook that says what to do; several alarms may share one.
    section: str
    #: What is the matter, for whoever gets the mail.
    says: str
    metric: aws_cloudwatch.Metric
    #: More than this is too much; of what must not be silent, less.
    threshold: float = 0
    is_floor: bool = False
    #: How many periods; in a row, unless it is out of more than that.
    periods: int = 1
    out_of: int = 0

    @property
    def comparison(self) -> aws_cloudwatch.ComparisonOperator:
        """Give on which side of the threshold it rings."""
        return _BELOW if self.is_floor else _ABOVE

    @property
    def missing(self) -> aws_cloudwatch.TreatMissingData:
        """Give what no data mean."""
        return _SILENT if self.is_floor else _QUIET


def alarms_of(watched: Watched, *, daily_cost: Decimal) -> Iterator[Alarm]:
    """Give the alarms of a stack."""
    yield from _of_runs(watched, daily_cost)
    yield from _of_machine(watched)
    yield from _of_functions(watched)
    yield from _of_dead_letters(watched)
    if "webhooks" in watched.functions:
        yield from _of_webhooks(watched.stage)
    yield from _of_journal(watched)
    yield from _of_agent(watched)


def _of_runs(watched: Watched, daily_cost: Decimal) -> Iterator[Alarm]:
    stage = watched.stage
    yield Alarm(
        name="runs-stuck",
        section="runs-stuck",
        says="Three sweeps of four have found runs that the normal way has left.",
        metric=ours(Metric.RUNS_STUCK, stage, statistic=MAXIMUM),
        periods=3,
        # A sweep that begins a little late leaves a period without one.
        out_of=4,
    )
    for name, metric, says in (
        ("runs-failed", Metric.RUNS_FAILED, "Runs have failed."),
        ("runs-timed-out", Metric.RUNS_TIMED_OUT, "Runs did not end by their deadline."),
        ("runs-stalled", Metric.RUNS_STALLED, "Attempts were let go: nothing happened in them."),
        ("runs-rejected", Metric.RUNS_REJECTED, "Requests came that no run can be made of."),
        ("approvals-expired", Metric.APPROVALS_EXPIRED, "Nobody decided in time, which is a no."),
    ):
        yield Alarm(name=name, section=name, says=says, metric=ours(metric, stage, period=_QUARTER))
    yield Alarm(
        name="cost",
        section="cost",
        says=f"Model calls of a day have cost more than {daily_cost} US dollars.",
        metric=ours(Metric.COST, stage, period=_DAY),
        threshold=float(daily_cost),
    )


def _of_machine(watched: Watched) -> Iterator[Alarm]:
    for name, metric, says in (
        ("executions-aborted", "ExecutionsAborted", "Executions were stopped by hand."),
        ("executions-timed-out", "ExecutionsTimedOut", "Executions took longer than they may."),
        ("executions-throttled", "ExecutionThrottled", "Step Functions slows executions down."),
    ):
        yield Alarm(
            name=name, section="executions", says=says, metric=of_machine(metric, watched.machine)
        )


def _of_functions(watched: Watched) -> Iterator[Alarm]:
    for name, function in watched.functions.items():
        yield Alarm(
            name=f"{name}-errors",
            section="function-errors",
            says=f"The function {name} has failed in two periods of five minutes in a row.",
            metric=of_function("Errors", function),
            periods=2,
        )
        yield Alarm(
            name=f"{name}-throttles",
            section="function-throttles",
            says=f"Lambda has refused calls of the function {name}.",
            metric=of_function("Throttles", function),
        )
    yield Alarm(
        name="sweep-silent",
        section="sweep-silent",
        says="For 15 minutes nobody has swept the journal.",
        metric=of_function("Invocations", watched.functions["sweep"]),
        threshold=1,
        is_floor=True,
        periods=3,
    )


def _of_dead_letters(watched: Watched) -> Iterator[Alarm]:
    for name, queue in watched.dead_letters.items():
        yield Alarm(
            name=f"{name}-dead-letters",
            section=f"{name}-dead-letters",
            says="There are dead letters: what they ask for or tell is not done.",
            metric=of_queue(queue),
        )


def _of_webhooks(stage: str) -> Iterator[Alarm]:
    yield Alarm(
        name="webhooks-refused",
        section="webhooks-refused",
        says="Receivers did not take events in more than three tries within an hour.",
        metric=ours(Metric.WEBHOOKS_REFUSED, stage, period=_HOUR),
        threshold=3,
    )
    yield Alarm(
        name="webhooks-dropped",
        section="webhooks-dropped",
        says="Events were dropped: their receiver is gone, or was removed.",
        metric=ours(Metric.WEBHOOKS_DROPPED, stage, period=_QUARTER),
    )


def _of_journal(watched: Watched) -> Iterator[Alarm]:
    for name, metric in (("reads", "ReadThrottleEvents"), ("writes", "WriteThrottleEvents")):
        yield Alarm(
            name=f"journal-{name}-throttled",
            section="journal-throttled",
            says=f"DynamoDB has refused {name} of the journal in two periods in a row.",
            metric=of_table(metric, watched.table),
            periods=2,
        )
    yield Alarm(
        name="journal-failures",
        section="journal-failures",
        says="The journal did not answer, after all tries.",
        metric=ours(Metric.JOURNAL_FAILURES, watched.stage, period=FIVE_MINUTES),
        periods=2,
    )


def _of_agent(watched: Watched) -> Iterator[Alarm]:
    if watched.agent is None:
        return
    for name, metric, says in (
        ("agent-system-errors", "SystemErrors", "AgentCore could not start or reach the agent."),
        ("agent-throttles", "Throttles", "AgentCore refuses sessions: a quota is used up."),
    ):
        yield Alarm(
            name=name,
            section=name,
            says=says,
            metric=of_agent(metric, watched.agent),
            periods=2,
        )
