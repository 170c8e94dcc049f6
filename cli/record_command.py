"""The command `record`: keep what models answered in a run, to be played again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import environment
from cli.errors import UsageError
from cli.options import AsJson, RunId, aimed
from cli.places import Aim, place_for_reading
from cli.reader import RunReader
from cli.screen import Screen
from cli.text import count

if TYPE_CHECKING:
    from agent.models.recording import Recording


@aimed
def record(
    aim: Aim,
    given: RunId,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", dir_okay=False, help="The recording; replaced."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Keep what models answered in a run: the model `recorded:FILE` gives the same answers.

    For example:

        errand record last -o answers.json

        errand crash-test cost-analysis --input bill.csv --model recorded:answers.json
    """
    screen = Screen.of_process()
    recording = recorded(place_for_reading(aim, environment.home()).reader(), given)
    recording.save(output)
    if as_json:
        agents = sorted({answer.agent for answer in recording.answers})
        screen.show_json(
            {
                "session_id": recording.session_id,
                "path": str(output.absolute()),
                "answers": len(recording.answers),
                "agents": list(agents),
            }
        )
        return
    screen.say(f"recorded {count(len(recording.answers), 'answer')} of run {recording.session_id}")
    screen.say(f"the model recorded:{output} gives them again", style="dim")


def recorded(reader: RunReader, given: str) -> "Recording":
    """Record the run that a person means.

    Raises:
        UsageError: There is no such run, or none whose answers can be played.
    """
    from agent.errors import RecordingError  # noqa: PLC0415 - agents take seconds to import
    from agent.models import recording  # noqa: PLC0415 - as above

    session_id = reader.find(given).session_id
    try:
        made = reader.use(lambda journal: recording.record(journal, session_id))
    except RecordingError as error:
        raise UsageError(str(error)) from error
    if not made.answers:
        msg = f"run {session_id} has no answer of a model to record"
        raise UsageError(msg)
    return made
