"""What a run asks of people, and the commands that answer: for whoever looks at the run."""

from collections.abc import Iterator, Mapping

from rich.text import Text

from cli import text
from cli.look import Look
from cli.timeline import Ask
from runs.run import Run

#: So many are shown with a run; `errand approvals` shows them all.
_SHOWN = 3


def ask_lines(
    run: Run, asks: Mapping[str, Ask], look: Look, pages: Mapping[str, str]
) -> Iterator[Text]:
    """Say what people are asked, until when, and how they answer; nothing once the run is over."""
    if run.status.is_terminal:
        return
    asking = list(asks.values())
    for ask in asking[:_SHOWN]:
        ends_at = min(ask.expires_at or run.deadline_at, run.deadline_at)
        until = text.moment(ends_at, look.zone)
        yield Text(f"{look.glyphs.waiting} asks: {text.one_line(ask.what)}", "yellow")
        yield Text(f"  until {until}", "dim")
        if url := pages.get(ask.approval_id):
            # Folded, where it may be; where it is cut, terminals that know links still open it.
            yield Text(url, f"link {url}", overflow="fold")
        yield Text.assemble("  ", (f"errand approve {ask.approval_id}", "bold"))
        yield Text.assemble("  ", (f"errand deny {ask.approval_id} --comment TEXT", "bold"))
    if len(asking) > _SHOWN:
        more = text.count(len(asking) - _SHOWN, "more question")
        yield Text(f"  {more}; `errand approvals` shows them", "dim")
