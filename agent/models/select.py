"""Which model agents use: `ERRAND_MODEL` read into a choice, and a choice made into a model.

offline[:<seconds>]            no network: each agent answers by its own playbook, after a while
bedrock[:<id>]                 a model or inference profile on Amazon Bedrock
ollama:<name>                  a model of an Ollama server
openai:<base url>#<name>       a model behind an OpenAI-compatible API
llamacpp:<base url>            the model of a llama.cpp server
recorded:<file>                what another run's models answered, made by `errand record`
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import urlsplit

from agent.errors import ConfigError, MissingPlaybookError
from agent.models.aws import has_account
from agent.models.loaded import LoadedModel
from agent.models.offline import OfflineModel, Playbook
from agent.models.prices import VARIABLE as PRICES
from agent.models.prices import Prices, find_rates, shipped_prices, with_own
from agent.models.pricing import FREE

VARIABLE = "ERRAND_MODEL"
#: A model that thinks for longer than this is not one to wait for.
MAX_THINK_SECONDS = 600.0
#: What may be written in the variable, for messages.
FORMS = (
    "offline[:<seconds per answer>]",
    "bedrock:<model or inference profile id>",
    "ollama:<name>",
    "openai:<base url>#<name>",
    "llamacpp:<base url>",
    "recorded:<file>",
)


class Provider(StrEnum):
    """Who answers."""

    #: The agent's own playbook.
    OFFLINE = "offline"
    #: Amazon Bedrock.
    BEDROCK = "bedrock"
    #: An Ollama server.
    OLLAMA = "ollama"
    #: An OpenAI-compatible API.
    OPENAI = "openai"
    #: A llama.cpp server.
    LLAMACPP = "llamacpp"
    #: A recording of another run.
    RECORDED = "recorded"


#: Whose models may have prices.
_PRICED = frozenset(Provider) - {Provider.RECORDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """A provider, and what it needs to be told."""

    provider: Provider
    #: None is the provider's own default; of a recording, its file.
    model_id: str | None = None
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    #: How long `offline` takes for an answer, so that one can watch, cancel or kill it.
    think_seconds: float = 0.0
    prices: Prices = field(default_factory=shipped_prices, repr=False)
    #: Sees each model before its agent does, and gives the one to use; also told the agent's name.
    tap: Callable[[LoadedModel, str], LoadedModel] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def author(self) -> str:
        """Say who answers, for the readers of a report."""
        if self.provider is Provider.OFFLINE:
            return "the offline playbook, without a language model"
        if self.provider is Provider.RECORDED:
            return "a recording of another run's models"
        return f"the model {self.model_id or self.provider}"

    @classmethod
    def parse(cls, text: str) -> "ModelChoice":
        """Read a value of `ERRAND_MODEL`.

        Raises:
            ConfigError: It is none of `FORMS`.
        """
        name, _, rest = text.strip().partition(":")
        match name:
            case Provider.OFFLINE:
                return cls(provider=Provider.OFFLINE, think_seconds=_seconds(rest, text))
            case Provider.BEDROCK:
                return cls(provider=Provider.BEDROCK, model_id=rest or None)
            case Provider.OLLAMA if rest:
                return cls(provider=Provider.OLLAMA, model_id=rest)
            case Provider.OPENAI:
                url, _, model_id = rest.partition("#")
                if not model_id:
                    raise _refused(text, "a model name after '#'")
                return cls(provider=Provider.OPENAI, model_id=model_id, base_url=_url(url, text))
            case Provider.RECORDED if rest:
                return cls(provider=Provider.RECORDED, model_id=rest)
            case Provider.LLAMACPP:
                return cls(provider=Provider.LLAMACPP, base_url=_url(rest, text))
            case _:
                raise _refused(text, "one of " + ", ".join(FORMS))


class Adapter(Protocol):
    """A module of this package that builds the models of one provider."""

    def load(self, choice: ModelChoice) -> LoadedModel:
        """Build a model."""
        ...


def choose_model(environ: Mapping[str, str]) -> ModelChoice:
    """Choose by `ERRAND_MODEL`; without it, Bedrock where an AWS account is set up, else offline.

    Takes no time: nothing is asked over the network. `OPENAI_API_KEY` and `OLLAMA_HOST` are read
    as those tools read them, `ERRAND_PRICES` names a price table over ours.

    Raises:
        ConfigError: The variable's value can't be used.
    """
    default = Provider.BEDROCK if has_account(environ) else Provider.OFFLINE
    choice = replace(ModelChoice.parse(environ.get(VARIABLE) or default), prices=_prices(environ))
    match choice.provider:
        case Provider.OPENAI:
            return replace(choice, api_key=environ.get("OPENAI_API_KEY"))
        case Provider.OLLAMA:
            return replace(choice, base_url=environ.get("OLLAMA_HOST"))
        case _:
            return choice


def preload(choice: ModelChoice) -> None:
    """Import what a provider needs, at start: the first run then need not wait for it."""
    if choice.provider is not Provider.OFFLINE:
        _adapter(choice.provider)


def load_model(choice: ModelChoice, *, agent: str, playbook: Playbook | None) -> LoadedModel:
    """Build the model for one agent. Call it in the run: most providers can't be shared.

    Raises:
        MissingPlaybookError: The choice is `offline`, and the agent has no playbook.
        RecordingError: The choice is `recorded`, and the file is no recording.
    """
    loaded = _load(choice, agent=agent, playbook=playbook)
    return loaded if choice.tap is None else choice.tap(loaded, agent)


def _load(choice: ModelChoice, *, agent: str, playbook: Playbook | None) -> LoadedModel:
    if choice.provider is Provider.RECORDED:
        from agent.models import recorded  # noqa: PLC0415 - it needs this module's ModelChoice

        return recorded.load(choice, agent=agent)
    if choice.provider is not Provider.OFFLINE:
        return _adapter(choice.provider).load(choice)
    if playbook is None:
        raise MissingPlaybookError(agent, variable=VARIABLE, forms=FORMS[1:])
    model = OfflineModel(playbook, think_seconds=choice.think_seconds)
    rates = find_rates(choice.prices, Provider.OFFLINE, Provider.OFFLINE) or FREE
    return LoadedModel(model=model, rates=rates)


def _adapter(provider: Provider) -> Adapter:
    # By name, so that only the chosen provider's library is loaded: each takes a second.
    return cast("Adapter", importlib.import_module(f"agent.models.{provider.value}"))


def _prices(environ: Mapping[str, str]) -> Prices:
    path = environ.get(PRICES)
    if not path:
        return shipped_prices()
    return with_own(shipped_prices(), Path(path), providers=_PRICED)


def _url(url: str, text: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _refused(text, "a base url such as http://127.0.0.1:8000/v1")
    return url


def _seconds(given: str, text: str) -> float:
    try:
        seconds = float(given or 0)
    except ValueError:
        seconds = -1.0
    # Also false for nan, so that a word and a number out of range get the same sentence.
    if not 0 <= seconds <= MAX_THINK_SECONDS:
        raise _refused(text, f"0 to {MAX_THINK_SECONDS:g} seconds per answer after 'offline:'")
    return seconds


def _refused(text: str, expected: str) -> ConfigError:
    return ConfigError(VARIABLE, f"is {text!r}, expected {expected}")
