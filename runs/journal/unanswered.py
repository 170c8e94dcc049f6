"""Writes of which nobody knows whether they were made."""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from runs.journal.base import Changes
from runs.journal.dynamodb_items import Write

#: Whoever gives up a write never asks for it again; so many are kept for those who do.
_MOST = 256


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as it is sent, the first time and every other."""

    writes: Sequence[Write]
    #: The store makes what comes with one token once: within ten minutes, and in whatever order
    #: the tries arrive. A try that was delivered late can't undo what was written after it.
    token: str = field(default_factory=lambda: uuid.uuid4().hex)


class Unanswered:
    """Keeps commits that were not answered, by the changes they make. Safe to share by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # With the changes themselves: as long as they are kept, nothing else has their identity.
        self._kept: OrderedDict[int, tuple[Changes, Transaction]] = OrderedDict()

    def keep(self, changes: Changes, transaction: Transaction) -> None:
        """Keep a transaction that was not answered."""
        with self._lock:
            self._kept[id(changes)] = changes, transaction
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)

    def take(self, changes: Changes) -> Transaction | None:
        """Give back the transaction of these changes, if one was not answered."""
        with self._lock:
            found = self._kept.pop(id(changes), None)
        return found[1] if found else None
