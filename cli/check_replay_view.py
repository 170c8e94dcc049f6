"""What came of rehearsals: a list for people, and the shape that `docs/cli.md` documents."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cli import text
from cli.look import Look
from runs.json_types import Json

if TYPE_CHECKING:
    from agent.durable.differences import Told
    from agent.rehearsal import Finding

_STYLES = {"ok": "green", "differs": "red", "unchecked": "yellow"}


def findings_view(findings: "Sequence[Finding]", look: Look) -> RenderableType:
    """Draw findings: a line for each run, and below it what was found."""
    return Group(*(part for finding in findings for part in _drawn(finding, look)))


def finding_to_json(finding: "Finding") -> dict[str, Json]:
    """Give a finding's JSON object."""
    return {
        "session_id": finding.run.session_id,
        "workflow": finding.run.workflow,
        "status": finding.run.status.value,
        "verdict": finding.verdict.value,
        "message": finding.words,
        "recorded_version": finding.run.workflow_version,
        "version": finding.version,
        "difference": None if finding.difference is None else _difference(finding.difference),
    }


def _difference(told: "Told") -> dict[str, Json]:
    recorded = told.difference.recorded
    return {
        "place": told.difference.place,
        "id": recorded.operation_id,
        "type": recorded.type.value,
        "sub_type": recorded.sub_type,
        "name": recorded.name,
        "attempt": told.attempt,
        "version": told.recorded_version,
        "instead": told.difference.instead,
    }


def _drawn(finding: "Finding", look: Look) -> tuple[RenderableType, RenderableType]:
    is_ok = finding.verdict.value == "ok"
    mark = look.glyphs.done if is_ok else look.glyphs.failed
    head = Text.assemble(
        (f"{mark} {finding.verdict.value}", _STYLES[finding.verdict.value]),
        f"  {finding.run.session_id}  {finding.run.workflow}, {finding.run.status.value}",
    )
    return head, Padding(Text(text.clean(finding.words)), (0, 0, 0, 2))
