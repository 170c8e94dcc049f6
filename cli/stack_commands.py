"""The commands about the local stack: up, down, doctor."""

import os
from typing import Annotated

import typer

from cli import environment
from cli.check import all_fine, checks_to_json, checks_view
from cli.errors import ExitCode
from cli.options import AsJson, aimed_at_stack
from cli.places import Aim, place_for_sending
from cli.screen import Screen, look_of


def up(
    *,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Where the agent listens, 0 for any free port; ERRAND_PORT or 8080 by default.",
        ),
    ] = None,
    webhooks: Annotated[
        list[str] | None,
        typer.Option(
            "--webhook",
            metavar="URL",
            help="Post events there, signed (docs/events.md). May be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start the local stack, or find it started: AWS emulator, AgentCore stand-in and agent.

    What `errand down --keep` kept is there again. ERRAND_HOME names its folder (.errand here).
    """
    from cli.bringing_up import bring_up, stack_to_json  # noqa: PLC0415 - it imports boto3

    screen = Screen.of_process()
    home = environment.home()
    state, is_new = bring_up(
        home,
        agent_port=environment.agent_port(port),
        screen=screen,
        webhooks=webhooks or (),
    )
    if webhooks and not is_new:
        screen.say(
            "the stack was up before: --webhook has an effect after `errand down`", style="yellow"
        )
    if as_json:
        screen.show_json(stack_to_json(state))
        return
    agent = state.agent.pid if state.agent else "?"
    screen.say(f"the local stack is up: agent on {state.agent_url} (pid {agent})")
    screen.say(f"UniTok is on {state.unitok_url}", style="dim")
    screen.say(f"the mailbox of deciders is on {state.mailbox_url}", style="dim")
    if "WebhookSecrets" in state.outputs:
        secrets = state.outputs["WebhookSecrets"]
        screen.say(f"webhooks are signed with the secret in {secrets}", style="dim")
    screen.say("`errand run` sends it the sample bill, `errand down` stops it", style="dim")


def down(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the runs for the next `errand up`.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Stop the local stack and all its processes. Reports stay in its folder."""
    from local import stack  # noqa: PLC0415 - it imports boto3

    screen = Screen.of_process()
    was_up = stack.down(
        environment.home(), keep=keep, report=lambda step: screen.say(f"{step} …", style="dim")
    )
    if as_json:
        screen.show_json({"was_up": was_up})
    else:
        screen.say("the local stack is down" if was_up else "there was no local stack")


@aimed_at_stack
def doctor(aim: Aim, *, as_json: AsJson = False) -> None:
    """Check this machine and the stack, and say what to do about each finding.

    Ends with 1 if something has to be done.
    """
    from cli.doctor import local_checks, place_checks  # noqa: PLC0415 - it imports boto3

    screen = Screen.of_process()
    home = environment.home()
    if aim.is_local:
        port = environment.agent_port(None)
        found = list(local_checks(home, port=port, environ=os.environ))
    else:
        found = list(place_checks(place_for_sending(aim, home)))
    if as_json:
        screen.show_json(checks_to_json(found))
    else:
        screen.show(checks_view(found, look_of(screen.out)))
    if not all_fine(found):
        raise typer.Exit(ExitCode.FAILED)
