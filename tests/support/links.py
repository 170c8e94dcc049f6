"""Keys for links, without a file or a secret."""

from dataclasses import dataclass, field

from runs.link_keys import KeptKeys

OLD, NEW = "old-" * 10, "new-" * 10


@dataclass
class KeyText:
    """What holds the keys, and a clock that stands still until it is moved."""

    text: str = OLD
    seconds: float = 0.0
    reads: int = 0
    ring: KeptKeys = field(init=False)

    def __post_init__(self) -> None:
        self.ring = KeptKeys(self._read, where="a text", clock=lambda: self.seconds)

    def _read(self) -> str:
        self.reads += 1
        return self.text
