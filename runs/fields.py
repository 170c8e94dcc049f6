"""Reading the fields of a stored record, with an error that names the field."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from runs.instants import from_iso
from runs.json_types import Json


class FieldError(ValueError):
    """A record's field is missing or is not what it should be."""

    def __init__(self, name: str, value: Json, *, expected: str) -> None:
        found = "missing" if value is None else repr(value)[:100]
        super().__init__(f"{name} is {found}, expected {expected}")


class Fields:
    """A stored record, read field by field. An absent field and a null one are the same."""

    def __init__(self, record: Mapping[str, Json]) -> None:
        self._record = record

    def text(self, name: str) -> str:
        """Read a text that must be there."""
        value = self._record.get(name)
        if not isinstance(value, str):
            raise FieldError(name, value, expected="a text")
        return value

    def text_or_none(self, name: str) -> str | None:
        """Read a text that may be absent."""
        return None if self._record.get(name) is None else self.text(name)

    def whole(self, name: str) -> int:
        """Read a whole number that must be there."""
        value = self._record.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise FieldError(name, value, expected="a whole number")
        return value

    def count(self, name: str) -> int:
        """Read a whole number; absent is 0."""
        return 0 if self._record.get(name) is None else self.whole(name)

    def flag(self, name: str) -> bool:
        """Read a yes or no; absent is no."""
        value = self._record.get(name, False)
        if not isinstance(value, bool):
            raise FieldError(name, value, expected="true or false")
        return value

    def number(self, name: str) -> float:
        """Read a decimal string: numbers that are not whole are stored as text, unrounded."""
        text = self.text(name)
        try:
            return float(text)
        except ValueError as error:
            raise FieldError(name, text, expected="a decimal number as text") from error

    def decimal_or_none(self, name: str) -> Decimal | None:
        """Read a decimal string exactly; absent is None."""
        text = self.text_or_none(name)
        try:
            return None if text is None else Decimal(text)
        except InvalidOperation as error:
            raise FieldError(name, text, expected="a decimal number as text") from error

    def instant(self, name: str) -> datetime:
        """Read an instant that must be there."""
        text = self.text(name)
        try:
            return from_iso(text)
        except ValueError as error:
            raise FieldError(name, text, expected="an instant with a zone") from error

    def instant_or_none(self, name: str) -> datetime | None:
        """Read an instant that may be absent."""
        return None if self._record.get(name) is None else self.instant(name)

    def json(self, name: str) -> Json:
        """Read a value that is stored as JSON text; absent is None."""
        text = self.text_or_none(name)
        if text is None:
            return None
        try:
            value: Json = json.loads(text)
        except ValueError as error:
            raise FieldError(name, text, expected="a JSON text") from error
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Read texts that are stored as a JSON list; absent is none."""
        value = self.json(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise FieldError(name, value, expected="a list of texts as JSON text")
        return tuple(map(str, value))

    def json_object(self, name: str) -> Mapping[str, Json]:
        """Read an object that is stored as JSON text; absent is empty."""
        value = self.json(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise FieldError(name, value, expected="an object as JSON text")
        return value

    def part(self, name: str) -> "Fields | None":
        """Read an object inside the record; absent is None."""
        value = self._record.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise FieldError(name, value, expected="an object")
        return Fields(value)

    def names(self) -> list[str]:
        """List what the record has, sorted."""
        return sorted(self._record)
