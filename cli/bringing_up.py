"""Having the local stack up before something is sent to it, telling each step."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from cli.environment import for_stack
from cli.errors import InterruptedStartError
from cli.screen import Screen, is_alive, look_of
from local import stack
from local.home import Home
from local.stack import Report
from local.state import Phase, StackState
from runs.json_types import Json


def bring_up(
    home: Home, *, agent_port: int, screen: Screen, webhooks: Sequence[str] = ()
) -> tuple[StackState, bool]:
    """Give the stack of a home, brought up if it was not; tell whether it was brought up now.

    Args:
        home: Where the stack keeps its files.
        agent_port: Where the agent is to listen, should there be none.
        screen: Is told each step, on its stderr.
        webhooks: Where events are posted to, should there be none.

    Raises:
        LocalError: It could not be brought up.
        InterruptedStartError: Ctrl-C was pressed; nothing of it is left running.
    """
    found = stack.status_or_none(home)
    if found and found.phase is Phase.UP:
        # Without the lock: somebody may be waiting for another to come up.
        return found, False
    try:
        with _telling(screen.err) as report:
            made = stack.up(
                home,
                environ=for_stack(),
                agent_port=agent_port,
                webhooks=webhooks,
                report=report,
            )
            return made, True
    except KeyboardInterrupt:
        raise InterruptedStartError from None


def model_note(state: StackState) -> str | None:
    """Say that the stack's agent uses another model than `ERRAND_MODEL` names now, if so."""
    wanted = os.environ.get("ERRAND_MODEL") or None
    if wanted == state.model:
        return None
    return (
        f"the stack was started with ERRAND_MODEL {state.model or 'unset'}, it is "
        f"{wanted or 'unset'} now; `errand down` and `errand up` change it"
    )


def stack_to_json(state: StackState) -> dict[str, Json]:
    """Give a stack's JSON object, as `docs/cli.md` documents it."""
    return {
        "phase": state.phase.value,
        "agent_url": state.agent_url,
        "endpoint": state.endpoint,
        "agentcore_url": state.agentcore_url,
        "unitok_url": state.unitok_url,
        "mailbox_url": state.mailbox_url,
        "stack_name": state.stack_name,
        "outputs": dict(state.outputs),
        "pids": {name: process.pid for name, process in state.processes.items()},
        "agent_restarts": state.agent_restarts,
        "model": state.model,
    }


@contextmanager
def _telling(console: Console) -> Iterator[Report]:
    if not is_alive(console):
        yield lambda step: console.print(Text(f"{step} …", "dim"), soft_wrap=True)
        return
    steps = _Steps(console)
    with console.status("looking at the local stack") as spinner:

        def report(step: str) -> None:
            steps.begin(step)
            spinner.update(Text(step))

        yield report
        steps.end()


class _Steps:
    """Leaves a line for each step that is done above the spinner."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._current: str | None = None

    def begin(self, step: str) -> None:
        self.end()
        self._current = step

    def end(self) -> None:
        if self._current is not None:
            mark = look_of(self._console).glyphs.done
            self._console.print(Text.assemble((mark, "green"), f" {self._current}"))
        self._current = None
