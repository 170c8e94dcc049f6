"""A model served by llama.cpp's server."""

import httpx
from strands.models.llamacpp import LlamaCppModel

from agent.models.loaded import LoadedModel, is_throttled
from agent.models.prices import find_rates
from agent.models.pricing import FREE
from agent.models.select import ModelChoice
from agent.models.stopping import Interruptible

CONNECT_SECONDS = 10.0
#: A laptop may chew on a long prompt for minutes before the first word.
READ_SECONDS = 600.0


class _LlamaCpp(Interruptible, LlamaCppModel):
    """llama.cpp, letting go when it must stop."""


def load(choice: ModelChoice) -> LoadedModel:
    """Build the model. Its client belongs to the event loop of its first call, until closed."""
    model = _LlamaCpp(base_url=choice.base_url or "", timeout=(CONNECT_SECONDS, READ_SECONDS))
    # On one's own machine; unless the user's own price table says otherwise.
    rates = find_rates(choice.prices, "llamacpp", model.get_config().get("model_id")) or FREE
    return LoadedModel(
        model=model, rates=rates, is_transient=_is_transient, close=model.client.aclose
    )


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in {408, 429} or error.response.status_code >= 500
    return is_throttled(error) or isinstance(error, httpx.TransportError)
