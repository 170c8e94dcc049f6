"""Models on Amazon Bedrock."""

import functools
import re
import threading

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - its name there
from strands.models.bedrock import DEFAULT_BEDROCK_MODEL_ID, BedrockModel

from agent.models.loaded import LoadedModel, is_throttled
from agent.models.prices import PriceList, Prices
from agent.models.pricing import Rates
from agent.models.select import ModelChoice

#: Trying again is ours: it is told to people, and gives way to a stop.
_CONFIG = Config(read_timeout=300, retries={"total_max_attempts": 1, "mode": "standard"})
_TRANSIENT = frozenset(
    {
        "InternalServerException",
        "ModelErrorException",
        "ModelNotReadyException",
        "ModelStreamErrorException",
        "ModelTimeoutException",
        "RequestTimeout",
        "ServiceUnavailableException",
        "ThrottlingException",
    }
)
#: A cross-region inference profile: `global.`, `us.`, `us-gov.`, `eu.`, `apac.`, …
_PROFILE = re.compile(r"(?P<scope>[a-z]{2,6}(?:-[a-z]+)?)\.(?=[a-z0-9]+\.)")

# A boto3 session is not made for several threads at once; making a client takes a moment only.
_making = threading.Lock()


def load(choice: ModelChoice) -> LoadedModel:
    """Build the model, on a session that every agent of this process shares."""
    model_id = choice.model_id or DEFAULT_BEDROCK_MODEL_ID
    with _making:
        model = BedrockModel(boto_session=_session(), boto_client_config=_CONFIG, model_id=model_id)

    async def close() -> None:
        # Idle connections only: one that a silent stream holds closes when its read ends.
        model.client.close()

    return LoadedModel(
        model=model,
        rates=rates_of(model_id, choice.prices),
        is_transient=_is_transient,
        close=close,
    )


def rates_of(model_id: str, table: Prices) -> Rates | None:
    """Find the prices of a model id, an inference profile's id, or the ARN of either.

    A table that has the id as it is means just this.
    """
    prices = table.get("bedrock", PriceList())
    if model_id in prices.rates:
        return prices.rates[model_id]
    name = model_id.rpartition("/")[2]
    profile = _PROFILE.match(name)
    name = name[profile.end() :] if profile else name
    rates = prices.find(name)
    if rates is None or (profile and profile["scope"] == "global"):
        return rates
    return rates.scaled(prices.regional_factor(name))


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session()


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _TRANSIENT
    return is_throttled(error) or isinstance(error, (ConnectionError, HTTPClientError))
