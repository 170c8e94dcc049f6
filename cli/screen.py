"""The terminal: what is asked for goes to stdout, what is said about it to stderr."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from rich.console import Console, RenderableType
from rich.text import Text

from cli.look import ASCII, UNICODE, Look
from runs.json_types import Json

#: The width of a pipe or a file: nothing that a program may look for is cut off.
_ENDLESS = 240


def now() -> datetime:
    """Give the present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Screen:
    """One terminal, pipe or file for each of the two streams."""

    out: Console
    err: Console

    @classmethod
    def of_process(cls) -> "Screen":
        """Make the screen of this process's streams and environment."""
        return cls(_console(sys.stdout, os.environ), _console(sys.stderr, os.environ))

    def show(self, what: RenderableType) -> None:
        """Print what was asked for."""
        if self.out.is_terminal:
            # What is not to be wrapped, such as a path, can be copied in one piece.
            self.out.print(what, soft_wrap=isinstance(what, Text) and bool(what.no_wrap))
            return
        # A table is padded to its width, which is of no use to a program or in a file.
        with self.out.capture() as drawn:
            self.out.print(what, soft_wrap=isinstance(what, Text))
        self.out.file.writelines(f"{line.rstrip()}\n" for line in drawn.get().splitlines())

    def show_json(self, data: Json, *, is_line: bool = False) -> None:
        """Print data: on one line, or laid out for people who look at it."""
        # ASCII only: nothing in a run's data can break a stream's encoding.
        text = json.dumps(data, indent=None if is_line else 2)
        self.out.file.write(f"{text}\n")
        self.out.file.flush()

    def say(self, message: str, *, style: str = "") -> None:
        """Tell something that is not what was asked for."""
        self.err.print(Text(message, style), soft_wrap=True)


def look_of(console: Console) -> Look:
    """Give how things are drawn on a console now."""
    is_unicode = (console.encoding or "").lower().startswith("utf")
    return Look(
        now=now(),
        glyphs=UNICODE if is_unicode else ASCII,
        width=console.width,
        height=console.height,
    )


def is_alive(console: Console) -> bool:
    """Say whether a console can be drawn on again and again."""
    return console.is_terminal and not console.is_dumb_terminal


def _console(stream: IO[str], environ: Mapping[str, str]) -> Console:
    is_terminal = stream.isatty()
    return Console(
        file=stream,
        width=None if is_terminal or "COLUMNS" in environ else _ENDLESS,
        # Only a real terminal is one: `FORCE_COLOR` is for colours.
        force_terminal=is_terminal or None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
