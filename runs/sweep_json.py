"""A sweep as data, the same from the function and from the command."""

from runs.instants import to_iso
from runs.json_types import Json
from runs.sweeper import Found, Swept


def swept_to_json(swept: Swept) -> dict[str, Json]:
    """Give what a sweep came to."""
    return {
        "looked_at": swept.looked_at,
        "is_whole": swept.is_whole,
        "found": [found_to_json(each) for each in swept.found],
    }


def found_to_json(found: Found) -> dict[str, Json]:
    """Give one run that differs from what should be."""
    return {
        "session_id": found.run.session_id,
        "workflow": found.run.workflow,
        "status": found.run.status.value,
        "problem": found.problem.value,
        "since": to_iso(found.since),
        "mend": None if found.mend is None else found.mend.value,
        "is_mended": found.is_mended,
        "error": found.error or None,
    }
