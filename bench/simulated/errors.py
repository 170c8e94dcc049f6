"""What goes wrong in simulations.

TaskFailedError: an error that a state may retry or catch, as the services name it
"""


class TaskFailedError(Exception):
    """A state failed with an error that the definition may know."""

    def __init__(self, *, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
