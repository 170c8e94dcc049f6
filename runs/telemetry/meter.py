"""Telling metrics: a log line in CloudWatch's embedded metric format per fact.

CloudWatch makes metrics of the lines it finds in a log. So telling one is no call that may fail or
take time, and whatever else the line says can be searched for.
"""

import logging
import time
from collections.abc import Mapping
from typing import Protocol

from runs.json_types import Json
from runs.telemetry.metrics import NAMESPACE, STAGE, Metric

METRICS_LOGGER = "errand.metrics"
logger = logging.getLogger(METRICS_LOGGER)

#: The variable that names the stage. Where it is not set, nobody has metrics made of the logs.
STAGE_VARIABLE = "ERRAND_STAGE"


class Meter(Protocol):
    """Who is told what was measured. Never raises."""

    def tell(self, values: Mapping[Metric, float], /, **facts: Json) -> None:
        """Tell the values of one fact, with what to find it by: the run's id, the workflow."""
        ...


class NoMeter:
    """Nobody is."""

    def tell(self, values: Mapping[Metric, float], /, **facts: Json) -> None:
        """See `Meter.tell`."""


class EmfMeter:
    """Writes embedded metric format to the logger `errand.metrics`."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def tell(self, values: Mapping[Metric, float], /, **facts: Json) -> None:
        """See `Meter.tell`. Logging does not raise: an error of its own goes to its handler."""
        if not values:
            return
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [[STAGE]],
            "Metrics": [{"Name": metric.value, "Unit": metric.unit.value} for metric in values],
        }
        known = {name: value for name, value in facts.items() if value is not None}
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        told = {metric.value: value for metric, value in values.items()}
        logger.info("measured", extra={"_aws": about, STAGE: self._stage, **told, **known})


def meter_for(environ: Mapping[str, str]) -> Meter:
    """Give the meter of a process, by its environment; see `meter_of`."""
    return meter_of(environ.get(STAGE_VARIABLE))


def meter_of(stage: str | None) -> Meter:
    """Give the meter of a deployment's stage; one that tells nobody where there is no stage."""
    named = (stage or "").strip()
    return EmfMeter(named) if named else NoMeter()
