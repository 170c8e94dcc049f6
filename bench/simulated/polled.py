"""The baseline: a state machine that looks every ten seconds."""

from pathlib import Path

POLL_SECONDS = 10.0

_PATH = Path(__file__).with_name("polled.asl.json")


def polled() -> str:
    """Give its definition."""
    return _PATH.read_text(encoding="utf-8")
