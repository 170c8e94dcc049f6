"""The artifact store port: large values and a run's files, by key."""

from typing import Protocol


class ArtifactStore(Protocol):
    """Keeps bytes under keys such as `runs/<session id>/report.md`.

    A `put` is whole or not at all: a reader sees the old bytes or the new, never a part. Putting
    the same bytes again changes nothing.
    """

    def put(self, key: str, data: bytes, *, media_type: str) -> str:
        """Store bytes and give the URI (`file://…` or `s3://…`) a person can open them with."""
        ...

    def get(self, key: str) -> bytes:
        """Read bytes.

        Raises:
            PayloadMissingError: Nothing is stored under that key.
        """
        ...

    def uri(self, key: str) -> str:
        """Give the URI that `put` gives for a key."""
        ...
