"""Models served by Ollama, on this machine or wherever its host is."""

import httpx
import ollama
from strands.models.ollama import OllamaModel

from agent.models.loaded import LoadedModel, is_throttled
from agent.models.prices import find_rates
from agent.models.pricing import FREE
from agent.models.select import ModelChoice
from agent.models.stopping import Interruptible

#: Strands opens a client for every call and closes none: a kept connection would be one more
#: socket per call, for as long as the process lives.
_CLIENT = {"headers": {"Connection": "close"}}


class _Ollama(Interruptible, OllamaModel):
    """Ollama, letting go when it must stop."""


def load(choice: ModelChoice) -> LoadedModel:
    """Build the model."""
    model = _Ollama(
        choice.base_url, ollama_client_args=dict(_CLIENT), model_id=choice.model_id or ""
    )
    # On one's own machine; unless the user's own price table says otherwise.
    rates = find_rates(choice.prices, "ollama", choice.model_id) or FREE
    return LoadedModel(model=model, rates=rates, is_transient=_is_transient)


def _is_transient(error: BaseException) -> bool:
    # `ollama` turns a refused connection into Python's ConnectionError.
    if isinstance(error, ollama.ResponseError):
        return error.status_code in {429, 500, 502, 503, 504}
    return is_throttled(error) or isinstance(error, (ConnectionError, httpx.TransportError))
