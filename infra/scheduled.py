"""What a schedule asks for, and when."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.given import Given

_TIMES = re.compile(r"(cron|rate|at)\([^()]+\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Times as EventBridge Scheduler writes them, in UTC, and the detail of a request."""

    times: str
    request: Mapping[str, object]

    @classmethod
    def parse(cls, given: Given) -> "Schedule | None":
        """Read `schedule` and `schedule-request`; None without the former.

        Raises:
            ValueError: One of them is not what was expected.
        """
        times, request = given.text("schedule"), given.data("schedule-request")
        if times is None and request:
            msg = "schedule-request is given without a schedule, expected both"
            raise ValueError(msg)
        if times is None:
            return None
        if not isinstance(request.get("prompt"), str):
            msg = f"schedule-request is {json.dumps(request)}, expected a request with a 'prompt'"
            raise ValueError(msg)  # noqa: TRY004 - wrong like any other value of a context
        if not _TIMES.fullmatch(times):
            msg = f"schedule is {times!r}, expected cron(…), rate(…) or at(…)"
            raise ValueError(msg)
        return cls(times=times, request=request)
