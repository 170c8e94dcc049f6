"""A post that keeps what it is given."""

from dataclasses import dataclass, field

from runs.errors import LetterNotSentError
from runs.letters import Letter


@dataclass
class ScriptedPost:
    """Keeps the letters it was given, but for as many as it refuses first."""

    letters: list[Letter] = field(default_factory=list)
    refusals: int = 0

    def send(self, letter: Letter) -> None:
        if self.refusals:
            self.refusals -= 1
            raise LetterNotSentError(letter.letter_id, "the post is closed")
        self.letters.append(letter)
