"""The dashboard: one row for each question that an operator has."""

from collections.abc import Iterable, Sequence

from aws_cdk import Duration, aws_cloudwatch
from constructs import Construct

from infra.measures import (
    AVERAGE,
    MAXIMUM,
    P50,
    P95,
    latency_of,
    of_agent,
    of_function,
    of_machine,
    of_queue,
    of_table,
    ours,
)
from infra.watched import AgentEndpoint, Watched
from runs.telemetry.metrics import Metric

#: A dashboard is 24 columns wide.
_COLUMNS = 24
_OPERATIONS = ("GetItem", "PutItem", "UpdateItem", "Query", "TransactWriteItems")

Graph = tuple[str, Sequence[aws_cloudwatch.IMetric]]


def dashboard(
    scope: Construct,
    construct_id: str,
    *,
    name: str,
    watched: Watched,
    alarms: Sequence[aws_cloudwatch.IAlarm],
) -> aws_cloudwatch.Dashboard:
    """Make the dashboard, with the alarms' states above all."""
    made = aws_cloudwatch.Dashboard(
        scope, construct_id, dashboard_name=name, default_interval=Duration.days(1)
    )
    made.add_widgets(
        aws_cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=_COLUMNS)
    )
    rows = [_runs(watched), _work(watched), _spent(watched), _people(watched), _machinery(watched)]
    rows += [_functions(watched), _journal(watched)]
    if "webhooks" in watched.functions:
        rows.append(_webhooks(watched))
    if watched.agent is not None:
        rows.append(_agent(watched.agent))
    for row in rows:
        made.add_widgets(*_widgets(row))
    return made


def _widgets(row: Sequence[Graph]) -> Iterable[aws_cloudwatch.IWidget]:
    for title, metrics in row:
        yield aws_cloudwatch.GraphWidget(
            title=title,
            left=list(metrics),
            width=_COLUMNS // len(row),
            left_y_axis=aws_cloudwatch.YAxisProps(min=0, show_units=False),
        )


def _many(
    watched: Watched, *metrics: Metric, statistic: str = "Sum"
) -> list[aws_cloudwatch.Metric]:
    return [ours(metric, watched.stage, statistic=statistic) for metric in metrics]


def _percentiles(watched: Watched, metric: Metric) -> list[aws_cloudwatch.Metric]:
    """Give how a measure is spread: half of all are below the first, 19 of 20 below the second."""
    return [ours(metric, watched.stage, statistic=each).with_(label=each) for each in (P50, P95)]


def _runs(watched: Watched) -> list[Graph]:
    return [
        (
            "Runs now",
            _many(
                watched,
                Metric.RUNS_QUEUED,
                Metric.RUNS_BUSY,
                Metric.RUNS_WAITING,
                Metric.RUNS_STUCK,
                statistic=MAXIMUM,
            ),
        ),
        (
            "Runs begun and ended",
            _many(
                watched,
                Metric.RUNS_ACCEPTED,
                Metric.RUNS_COMPLETED,
                Metric.RUNS_FAILED,
                Metric.RUNS_CANCELLED,
                Metric.RUNS_TIMED_OUT,
                Metric.RUNS_REJECTED,
            ),
        ),
        ("Duration of runs, seconds", _percentiles(watched, Metric.RUN_DURATION)),
    ]


def _work(watched: Watched) -> list[Graph]:
    return [
        (
            "Attempts and retries",
            _many(
                watched,
                Metric.ATTEMPTS_STARTED,
                Metric.ATTEMPTS_LOST,
                Metric.LEASES_LOST,
                Metric.STEP_RETRIES,
                Metric.RUNS_RETRIED,
                Metric.RUNS_STALLED,
            ),
        ),
        (
            "Hand-overs",
            _many(
                watched,
                Metric.DISPATCHES_TAKEN,
                Metric.DISPATCHES_FAILED,
                Metric.DISPATCHES_REFUSED,
                Metric.STOPS_FAILED,
            ),
        ),
        ("From acceptance to claim, milliseconds", _percentiles(watched, Metric.CLAIM_WAIT)),
    ]


def _spent(watched: Watched) -> list[Graph]:
    return [
        ("Cost, US dollars", _many(watched, Metric.COST, Metric.SAVED_COST)),
        (
            "Tokens",
            _many(
                watched,
                Metric.INPUT_TOKENS,
                Metric.OUTPUT_TOKENS,
                Metric.CACHE_READ_TOKENS,
                Metric.CACHE_WRITE_TOKENS,
            ),
        ),
        (
            "Model and tool calls",
            _many(
                watched,
                Metric.MODEL_CALLS,
                Metric.MODEL_FAILURES,
                Metric.UNPRICED_CALLS,
                Metric.TOOL_CALLS,
                Metric.TOOL_FAILURES,
            ),
        ),
    ]


def _people(watched: Watched) -> list[Graph]:
    return [
        ("Approvals waiting", _many(watched, Metric.APPROVALS_WAITING, statistic=MAXIMUM)),
        (
            "Approvals",
            _many(
                watched,
                Metric.APPROVALS_REQUESTED,
                Metric.APPROVALS_DECIDED,
                Metric.APPROVALS_EXPIRED,
            ),
        ),
        (
            "Longest wait of a parked run, seconds",
            _many(watched, Metric.OLDEST_WAITING, statistic=MAXIMUM),
        ),
    ]


def _machinery(watched: Watched) -> list[Graph]:
    return [
        (
            "Executions",
            [
                of_machine(name, watched.machine)
                for name in (
                    "ExecutionsStarted",
                    "ExecutionsSucceeded",
                    "ExecutionsFailed",
                    "ExecutionsTimedOut",
                    "ExecutionsAborted",
                    "ExecutionThrottled",
                )
            ],
        ),
        (
            "Dead letters",
            [of_queue(queue).with_(label=name) for name, queue in watched.dead_letters.items()],
        ),
        (
            "Messages of the task queue",
            _many(
                watched,
                Metric.MESSAGES_TAKEN,
                Metric.MESSAGES_DELAYED,
                Metric.MESSAGES_REJECTED,
            ),
        ),
    ]


def _functions(watched: Watched) -> list[Graph]:
    def of_each(metric: str, statistic: str) -> list[aws_cloudwatch.Metric]:
        return [
            of_function(metric, function, statistic=statistic).with_(label=name)
            for name, function in watched.functions.items()
        ]

    return [
        ("Errors of functions", of_each("Errors", "Sum")),
        ("Throttles of functions", of_each("Throttles", "Sum")),
        ("Duration of functions, p95 in milliseconds", of_each("Duration", P95)),
    ]


def _journal(watched: Watched) -> list[Graph]:
    throttles = [
        of_table(name, watched.table) for name in ("ReadThrottleEvents", "WriteThrottleEvents")
    ]
    return [
        (
            "Journal: refused, and not answered",
            [*throttles, *_many(watched, Metric.JOURNAL_FAILURES)],
        ),
        (
            "Journal: latency, milliseconds",
            [latency_of(each, watched.table).with_(label=each) for each in _OPERATIONS],
        ),
    ]


def _webhooks(watched: Watched) -> list[Graph]:
    told = (Metric.WEBHOOKS_DELIVERED, Metric.WEBHOOKS_REFUSED, Metric.WEBHOOKS_DROPPED)
    return [("Webhooks", _many(watched, *told))]


def _agent(agent: AgentEndpoint) -> list[Graph]:
    return [
        ("Agent: calls", [of_agent("Invocations", agent), of_agent("SessionCount", agent)]),
        (
            "Agent: errors and throttles",
            [of_agent(name, agent) for name in ("SystemErrors", "UserErrors", "Throttles")],
        ),
        ("Agent: latency, milliseconds", [of_agent("Latency", agent, statistic=AVERAGE)]),
    ]
