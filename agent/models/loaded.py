"""A model ready for one agent's use, and what its callers must know of its provider."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from strands.models import Model
from strands.types.exceptions import ModelThrottledException

from agent.models.pricing import Rates

#: Pauses in seconds before a model is called again that throttled or failed. Half a minute in
#: all; what takes longer is left to the step's own retries, which may give up the machine.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)


def is_throttled(error: BaseException) -> bool:
    """Say whether a provider asked for patience: what every adapter reports in the same way."""
    return isinstance(error, ModelThrottledException)


async def nothing() -> None:
    """Close nothing: the provider keeps no connection between calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model for one agent in one event loop: providers keep connections that belong to a loop."""

    model: Model
    #: List prices; None where nobody knows them.
    rates: Rates | None
    #: Says whether an error of a call may go away by itself.
    is_transient: Callable[[BaseException], bool] = is_throttled
    #: How long to wait before each further call after a transient error.
    pauses: Sequence[float] = PAUSES
    #: Gives connections back; called in the event loop the model was used in.
    close: Callable[[], Awaitable[None]] = nothing

    @property
    def model_id(self) -> str:
        """Give the name the provider knows the model by."""
        return str(self.model.get_config().get("model_id"))
