"""The one type that crosses our edges as data."""

from collections.abc import Mapping, Sequence

#: Anything `json.dumps` takes and `json.loads` gives. Never pickle, never a vendor's class.
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
