"""What the code of each role calls, as it was recorded: its policy is made from this.

`infra/calls.json` has, for each role, the actions by what they are on. `make calls` records it
anew; a test of the suite records, too, and compares.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

RECORDED = Path(__file__).with_name("calls.json")

#: The actions by what they are on, by role.
Calls = Mapping[str, Mapping[str, list[str]]]


@cache
def recorded() -> Calls:
    """Read what was recorded."""
    calls: Calls = json.loads(RECORDED.read_text(encoding="utf-8"))
    return calls


def called(role: str, on: str) -> list[str]:
    """Give the actions that a role needs on something.

    Raises:
        ValueError: Its code calls nothing there: it needs no statement.
    """
    actions = recorded().get(role, {}).get(on)
    if not actions:
        known = sorted(recorded().get(role, {}))
        msg = f"the {role} calls nothing on {on!r}, expected one of {known}; see {RECORDED.name}"
        raise ValueError(msg)
    return actions
