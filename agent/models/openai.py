"""Models behind an OpenAI-compatible chat completions API."""

import openai
from strands.models.openai import OpenAIModel

from agent.models.loaded import LoadedModel, is_throttled
from agent.models.prices import find_rates
from agent.models.select import ModelChoice
from agent.models.stopping import Interruptible

#: Servers of one's own ask for no key, but the client insists on sending one.
NO_KEY = "none"


class _OpenAI(Interruptible, OpenAIModel):
    """OpenAI, letting go when it must stop."""


def load(choice: ModelChoice) -> LoadedModel:
    """Build the model; Strands opens a client for every call.

    We have no prices for it: the same protocol serves vendors with prices of their own and
    machines with none. A table of the user's own may.
    """
    client = {
        "base_url": choice.base_url,
        "api_key": choice.api_key or NO_KEY,
        # Trying again is ours: it is told to people, and gives way to a stop.
        "max_retries": 0,
    }
    rates = find_rates(choice.prices, "openai", choice.model_id)
    model = _OpenAI(client_args=client, model_id=choice.model_id or "")
    return LoadedModel(model=model, rates=rates, is_transient=_is_transient)


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, openai.APIStatusError):
        return error.status_code in {408, 409, 429} or error.status_code >= 500
    return is_throttled(error) or isinstance(error, openai.APIConnectionError)
