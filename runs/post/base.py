"""The port by which letters are sent."""

from typing import Protocol

from runs.letters import Letter


class Post(Protocol):
    """Sends letters to those who may decide."""

    def send(self, letter: Letter) -> None:
        """Hand a letter over, to be delivered; it may arrive more than once.

        Raises:
            LetterNotSentError: It was not taken, or nobody knows. Sending it again may help.
        """
        ...
