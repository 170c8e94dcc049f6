"""What the agent may read besides what is its own: bills in buckets, and Cost Explorer."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_COST_EXPLORER = "aws"
_S3 = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[^\s*?]*))?")


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs as requests name them."""

    #: The buckets, each with the beginning of the keys that may be read.
    places: tuple[tuple[str, str], ...] = ()
    #: Whether what the account's services cost may be asked.
    cost_explorer: bool = False

    @classmethod
    def parse(cls, words: Iterable[str]) -> "Inputs":
        """Read `aws` and `s3://bucket[/prefix]`.

        Raises:
            ValueError: A word is neither.
        """
        places = []
        has_cost_explorer = False
        for word in words:
            found = _S3.fullmatch(word)
            if word == _COST_EXPLORER:
                has_cost_explorer = True
            elif found:
                places.append((found["bucket"], found["prefix"] or ""))
            else:
                msg = f"inputs has {word!r}, expected 'aws' or 's3://<bucket>[/<prefix>]'"
                raise ValueError(msg)
        return cls(places=tuple(places), cost_explorer=has_cost_explorer)
