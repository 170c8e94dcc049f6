"""What came of a sweep, as a list for people."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cli import text
from cli.look import Look
from runs.sweeper import Found, Swept
from runs.sweeping import WORDS, Mend

_MENDS = {
    Mend.EXPIRE: "it ends as TIMED_OUT",
    Mend.WATCH: "an execution watches it from now on",
    Mend.WAKE: "the execution that watches it is woken",
    Mend.STOP: "its session is stopped",
}
_WOULD = {
    Mend.EXPIRE: "it is to end as TIMED_OUT",
    Mend.WATCH: "an execution is to watch it",
    Mend.WAKE: "the execution that watches it is to be woken",
    Mend.STOP: "its session is to be stopped",
}
_NOTHING = "nothing mends it from here; `errand show` says where it stands"


def swept_view(swept: Swept, look: Look) -> RenderableType:
    """Draw a line for each run that differs, and below it what was done."""
    return Group(*(part for found in swept.found for part in _drawn(found, look)))


def summary(swept: Swept) -> str:
    """Say in a sentence what a sweep came to."""
    looked = f"looked at {text.count(swept.looked_at, 'run')}"
    if not swept.found:
        return f"{looked}; all is as it should be"
    mended = len(swept.found) - len(swept.unmended)
    return f"{looked}; {len(swept.found)} not as it should be, {mended} mended"


def _drawn(found: Found, look: Look) -> tuple[RenderableType, RenderableType]:
    mark, style = look.glyphs.failed, "red"
    if found.is_mended:
        mark, style = look.glyphs.done, "green"
    since = text.between(found.since, look.now)
    head = Text.assemble(
        (f"{mark} {found.run.session_id}", style),
        f"  {text.clean(found.run.workflow)}, {found.run.status.value}",
    )
    what = f"{WORDS[found.problem]} for {since}: {_done(found)}"
    return head, Padding(Text(text.clean(what)), (0, 0, 0, 2))


def _done(found: Found) -> str:
    if found.error:
        return f"it could not be mended: {found.error}"
    if found.mend is None:
        return _NOTHING
    return (_MENDS if found.is_mended else _WOULD)[found.mend]
