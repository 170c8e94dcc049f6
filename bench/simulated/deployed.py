"""Simulations of the two designs: ours as it is set on AWS, and the usual one beside it."""

from functools import cache
from pathlib import Path

from agent.config import Config
from bench.simulated.plan import Plan
from bench.simulated.run import Simulated, Times, simulate
from infra.settings import Settings
from statemachine.definition import Pace, render

_POLLED = Path(__file__).with_name("polled.asl.json")


def pace() -> Pace:
    """Give the pace that is deployed."""
    return _settings().pace


def times() -> Times:
    """Give what else is set."""
    config = Config.from_env({"ERRAND_JOURNAL": "dynamodb:runs"})
    return Times(
        lease=config.limits.lease_seconds, redispatch=float(_settings().redispatch_seconds)
    )


def ours(plan: Plan, folder: Path) -> Simulated:
    """Let a run happen under the definition that is deployed."""
    return simulate(plan, render(pace()), times=times(), folder=folder)


def polled(plan: Plan, folder: Path) -> Simulated:
    """Let it happen under one that looks every ten seconds, and stops nothing.

    Nobody takes up a run there whose worker died or asked for something.
    """
    text = _POLLED.read_text(encoding="utf-8")
    return simulate(plan, text, times=times(), folder=folder)


@cache
def _settings() -> Settings:
    return Settings.from_context({"target": "aws"})
