"""Every command's name, place in the help, and line in it; the module of one is imported to run it.

A person waits for each start: `errand --help` imports no command, and a command only its own.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand

_RUNS, _TESTING, _STACK = "Runs", "Testing workflows", "Local stack"


@dataclass(frozen=True, slots=True)
class Listing:
    """A command as `errand --help` lists it."""

    name: str
    #: Where its function, or its Typer of subcommands, is: `module:name`.
    at: str
    panel: str
    #: The first sentence of its own help: a test holds them together.
    summary: str


COMMANDS = (
    Listing(
        "run",
        "cli.run_commands:run",
        _RUNS,
        "Send a request and watch its run to the end; start the local stack if it is down.",
    ),
    Listing(
        "send",
        "cli.run_commands:send",
        _RUNS,
        "Send a request, print its run's id and don't wait; start the local stack if it is down.",
    ),
    Listing(
        "list",
        "cli.read_commands:list_runs",
        _RUNS,
        "List runs, those that changed last first.",
    ),
    Listing(
        "show",
        "cli.read_commands:show",
        _RUNS,
        "Show one run: its state, its worker, its files and everything that happened.",
    ),
    Listing(
        "watch",
        "cli.read_commands:watch",
        _RUNS,
        "Watch a run to its end. Ctrl-C leaves it alone.",
    ),
    Listing(
        "result",
        "cli.read_commands:result",
        _RUNS,
        "Print what a run found, and where its files are.",
    ),
    Listing(
        "cancel",
        "cli.run_commands:cancel",
        _RUNS,
        "End a run: at once if it waits, at its worker's next edge if somebody works on it.",
    ),
    Listing(
        "tell",
        "cli.steering_commands:tell",
        _RUNS,
        "Tell an agent of a run something, as words of its user, before its next model call.",
    ),
    Listing(
        "pause",
        "cli.steering_commands:pause",
        _RUNS,
        "Have a run do nothing until `errand resume`: no time and no answer wakes it.",
    ),
    Listing(
        "resume",
        "cli.steering_commands:resume",
        _RUNS,
        "Let a paused run go on, at once, and those that were paused with it.",
    ),
    Listing(
        "retry",
        "cli.again_commands:retry",
        _RUNS,
        "Take up a run that FAILED, was CANCELLED or TIMED_OUT, and watch it to its end.",
    ),
    Listing(
        "fork",
        "cli.again_commands:fork",
        _RUNS,
        "Make a new run that begins with what another had finished before a step, and watch it.",
    ),
    Listing(
        "approvals",
        "cli.approval_commands:approvals",
        _RUNS,
        "List what waits for a person's decision, or show one approval with its content.",
    ),
    Listing(
        "approve",
        "cli.approval_commands:approve",
        _RUNS,
        "Approve what a run asks, as it is shown by `errand approvals ID` or as edited.",
    ),
    Listing(
        "deny",
        "cli.approval_commands:deny",
        _RUNS,
        "Deny what a run asks, and say why; one denial is enough, however many must approve.",
    ),
    Listing(
        "inbox",
        "cli.inbox_command:inbox",
        _RUNS,
        "List what those who may decide were told by this machine's stack, or show one mail.",
    ),
    Listing(
        "dlq",
        "cli.dlq_commands:app",
        _RUNS,
        "Messages of the task queue that could not be done.",
    ),
    Listing(
        "check-replay",
        "cli.check_replay_command:check_replay",
        _TESTING,
        "Replay open runs against the workflows of this working tree, and do nothing else.",
    ),
    Listing(
        "crash-test",
        "cli.crash_command:crash_test",
        _TESTING,
        "Kill a workflow's worker before and after each write, and compare how its runs end.",
    ),
    Listing(
        "record",
        "cli.record_command:record",
        _TESTING,
        "Keep what models answered in a run: the model `recorded:FILE` gives the same answers.",
    ),
    Listing(
        "estimate",
        "cli.estimate_command:estimate",
        _RUNS,
        "Say what runs cost on AWS, by service, for each run and in a month.",
    ),
    Listing(
        "sweep",
        "cli.sweep_command:sweep",
        _STACK,
        "Mend runs that differ from what should be: unwatched, unannounced, sessions left on.",
    ),
    Listing(
        "up",
        "cli.stack_commands:up",
        _STACK,
        "Start the local stack, or find it started: AWS emulator, AgentCore stand-in and agent.",
    ),
    Listing(
        "down",
        "cli.stack_commands:down",
        _STACK,
        "Stop the local stack and all its processes. Reports stay in its folder.",
    ),
    Listing(
        "doctor",
        "cli.stack_commands:doctor",
        _STACK,
        "Check this machine and the stack, and say what to do about each finding.",
    ),
)


class ListedCommand(TyperCommand):
    """What stands in the help for a command that nobody has asked for yet."""

    def __init__(self, listing: Listing) -> None:
        super().__init__(listing.name, help=listing.summary, rich_help_panel=listing.panel)
        self._listing = listing

    def loaded(self) -> Any:  # noqa: ANN401 - Typer's own commands have no public type
        """Import the command, and give it with its own options and help."""
        module, _, name = self._listing.at.partition(":")
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(self._listing.name)(found)
        return typer.main.get_command(alone)
