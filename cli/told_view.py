"""What a run's agents were told, and where each message is: as lines and as JSON."""

from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from cli import text
from cli.look import Look
from runs.instants import to_iso
from runs.json_types import Json
from runs.run import Run
from runs.told import Tell

#: Characters of a message that a line shows; `--json` has all of them.
_SHOWN = 200


def tell_to_json(tell: Tell, run: Run) -> dict[str, Json]:
    """Give a message's JSON object."""
    delivered_at = tell.delivered_at
    return {
        "number": tell.number,
        "id": tell.tell_id,
        "session_id": run.session_id,
        "state": tell.state(run),
        "text": tell.text,
        "by": tell.by,
        "from": tell.origin,
        "agent": tell.agent,
        "told_at": to_iso(tell.told_at),
        "delivered_at": None if delivered_at is None else to_iso(delivered_at),
        "delivered_to": tell.delivered_to,
        "message": tell.message,
    }


def told_lines(run: Run, tells: Iterable[Tell], look: Look) -> Iterator[Text]:
    """Say what the run's agents were told and where each message is, two lines each."""
    for tell in tells:
        whom = f" for {tell.agent}" if tell.agent else ""
        when = text.moment(tell.told_at, look.zone)
        by = text.one_line(tell.by)
        yield Text(f"{tell.number}. by {by}{whom}, {when}: {shown(tell)}")
        words, style = _state_words(tell, run, look)
        yield Text(f"   {words}", style)


def undelivered_line(run: Run, tells: Sequence[Tell]) -> Text | None:
    """Say at a run's end what no agent was told; None if all was."""
    left = [tell for tell in tells if tell.state(run) == "never"]
    if not left:
        return None
    which = text.count(len(left), "message")
    was = "was" if len(left) == 1 else "were"
    return Text(f"{which} {was} never delivered: {'; '.join(map(shown, left))}", "yellow")


def shown(tell: Tell) -> str:
    """Give the beginning of a message on one line."""
    line = text.one_line(tell.text)
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _state_words(tell: Tell, run: Run, look: Look) -> tuple[str, str]:
    if tell.delivered_at is not None:
        at = text.moment(tell.delivered_at, look.zone)
        return f"delivered to {tell.delivered_to}, {at}", "green"
    if run.status.is_terminal:
        return "never delivered: the run ended before", "yellow"
    return f"waiting for {tell.agent or 'an agent'} to come to the next edge", "yellow"
