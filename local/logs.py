"""The supervisor's log: lines for a person, each with its facts."""

import logging
import sys

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class FactsFormatter(logging.Formatter):
    """Writes a record as time, level, message, and what came by `extra` as `key=value`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """See `logging.Formatter.formatMessage`."""
        facts = [f"{key}={value!r}" for key, value in vars(record).items() if key not in _STANDARD]
        return " ".join((super().formatMessage(record), *facts))


def configure() -> None:
    """Send this process's logs to standard error; once per process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FactsFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("botocore", "httpx", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
