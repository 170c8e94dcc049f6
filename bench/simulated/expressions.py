"""JSONata as Step Functions has it, by a clock of one's own."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from jsonata import Jsonata
from jsonata.jexception import JException
from jsonata.utils import Utils

from bench.simulated.errors import TaskFailedError
from runs.instants import to_iso
from runs.json_types import Json

_NO_VALUE = "States.QueryEvaluationError"
_BEGIN, _END = "{%", "%}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Expressions:
    """Evaluates what stands between `{%` and `%}`; each text is parsed once."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._parsed: dict[str, Jsonata] = {}

    def fill(self, template: Json, states: Mapping[str, Json]) -> Json:
        """Give a template with its expressions replaced by their values, at any depth.

        Raises:
            TaskFailedError: An expression has no value, or is wrong: `_NO_VALUE`.
        """
        match template:
            case str() if template.startswith(_BEGIN) and template.endswith(_END):
                return self._value(template[len(_BEGIN) : -len(_END)].strip(), states)
            case Mapping():
                return {name: self.fill(part, states) for name, part in template.items()}
            case list():
                return [self.fill(part, states) for part in template]
            case _:
                return template

    def _value(self, text: str, states: Mapping[str, Json]) -> Json:
        try:
            value = self._expression(text).evaluate(None, {"states": states})
        except JException as error:
            raise TaskFailedError(error=_NO_VALUE, cause=f"{text}: {error}") from error
        if value is None:
            # Null is another value: what is undefined has no place in JSON.
            raise TaskFailedError(error=_NO_VALUE, cause=f"{text} is undefined")
        return _plain(value)

    def _expression(self, text: str) -> Jsonata:
        if text not in self._parsed:
            self._parsed[text] = self._made(text)
        return self._parsed[text]

    def _made(self, text: str) -> Jsonata:
        made = Jsonata(text)
        made.set_output_convert_nulls(False)
        made.register_lambda("millis", lambda: (self._clock() - _EPOCH) // _MILLISECOND)
        made.register_lambda("now", lambda: to_iso(self._clock()))
        made.register_lambda("hash", _hash)
        return made


def _hash(text: str, algorithm: str) -> str:
    """Do what Step Functions' own function `$hash` does."""
    return hashlib.new(algorithm.replace("-", "").lower(), text.encode()).hexdigest()


def _plain(value: Any) -> Json:  # noqa: ANN401 - JSONata's own lists and nulls
    if value is Utils.NULL_VALUE:
        return None
    match value:
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list():
            return [_plain(part) for part in value]
        case _:
            plain: Json = value
            return plain
