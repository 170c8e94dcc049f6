"""What processes tell about themselves, kept to be looked at."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from typing import Any

from runs.json_types import Json
from runs.telemetry.logs import JsonFormatter, ScopeFilter
from runs.telemetry.metrics import Metric


class KeptMeter:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[dict[Metric, float], dict[str, Json]]] = []

    def tell(self, values: Mapping[Metric, float], /, **facts: Json) -> None:
        """See `runs.telemetry.meter.Meter.tell`."""
        self.told.append((dict(values), facts))

    def values(self, metric: Metric) -> list[float]:
        """Give all values of one metric."""
        return [values[metric] for values, _ in self.told if metric in values]

    def counts(self) -> dict[Metric, float]:
        """Give the sums of all that were told and are not zero."""
        told = {metric for values, _ in self.told for metric in values}
        sums = {metric: sum(self.values(metric)) for metric in told}
        return {metric: value for metric, value in sums.items() if value}


@contextmanager
def logged(name: str | None = None) -> Iterator[list[dict[str, Any]]]:
    """Give the lines that a logger, or all, write meanwhile, as every process writes them."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(ScopeFilter())
    logger = logging.getLogger(name)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    lines: list[dict[str, Any]] = []
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        lines += [json.loads(line) for line in stream.getvalue().splitlines()]
