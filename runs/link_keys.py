"""The keys that links to approvals are signed with, and where they are kept.

A text with one key per line; the last one signs, all of them verify, so that a key can be replaced
without breaking the links that are out. Lines that start with `#` are remarks.
"""

import os
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from runs.aws_errors import AnsweredError, translated
from runs.errors import JournalUnavailableError, LinkKeysError

#: A key that could be guessed would let anybody decide anything.
MIN_KEY = 32
#: A key that was taken away stops verifying after this.
_MAX_AGE_SECONDS = 300.0
#: A token that no known key has signed makes the keys be read again, but not more often than this.
_MIN_AGE_SECONDS = 10.0
_ARN = "arn:"


class Keyring(Protocol):
    """Knows the keys, oldest first. Each method may raise `LinkKeysError`."""

    def keys(self) -> tuple[str, ...]:
        """Give the keys; they may be some minutes old."""
        ...

    def fresh(self) -> tuple[str, ...]:
        """Give the keys, read again if that was not done just now."""
        ...


class SecretsManager(Protocol):
    """The call of boto3's `secretsmanager` client that is used here."""

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803 - boto3's spelling
        """Read a secret; see boto3."""
        ...


class KeptKeys:
    """Keys that are read when they are first needed, and again when they may have changed."""

    def __init__(
        self, read: Callable[[], str], *, where: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._where = where
        self._clock = clock
        self._keys: tuple[str, ...] = ()
        self._read_at = float("-inf")

    def keys(self) -> tuple[str, ...]:
        """See `Keyring.keys`."""
        return self._not_older_than(_MAX_AGE_SECONDS)

    def fresh(self) -> tuple[str, ...]:
        """See `Keyring.fresh`."""
        return self._not_older_than(_MIN_AGE_SECONDS)

    def _not_older_than(self, seconds: float) -> tuple[str, ...]:
        now = self._clock()
        if now - self._read_at >= seconds:
            self._keys = parse_keys(self._read(), where=self._where)
            self._read_at = now
        return self._keys


def parse_keys(text: str, *, where: str) -> tuple[str, ...]:
    """Read the keys out of a text, oldest first.

    Raises:
        LinkKeysError: There is none, or one that is too short.
    """
    lines = (line.strip() for line in text.splitlines())
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    if not keys:
        raise LinkKeysError(where, "has no key, expected one per line")
    for number, key in enumerate(keys, start=1):
        if len(key) < MIN_KEY:
            why = f"key {number} has {len(key)} characters, expected {MIN_KEY} or more"
            raise LinkKeysError(where, why)
    return keys


def new_key() -> str:
    """Make a key."""
    return secrets.token_urlsafe(48)


def keyring_at(
    place: str, *, client: Callable[[], SecretsManager], make: Callable[[], str] = new_key
) -> Keyring:
    """Open the keys that a setting names: the ARN of a secret, or a file, made if it is missing.

    Nothing is read until a key is needed.

    Args:
        place: `arn:…` of AWS Secrets Manager, or a path.
        client: Makes the client of Secrets Manager, if one is needed.
        make: Makes the first key of a file.
    """
    if place.startswith(_ARN):
        return KeptKeys(lambda: _secret(client(), place), where=place)
    path = Path(place)
    return KeptKeys(lambda: _file(path, make), where=place)


def _secret(client: SecretsManager, arn: str) -> str:
    try:
        with translated():
            return str(client.get_secret_value(SecretId=arn)["SecretString"])
    except (AnsweredError, JournalUnavailableError) as error:
        raise LinkKeysError(arn, str(error)) from error
    except KeyError as error:
        raise LinkKeysError(arn, "holds bytes, expected a text") from error


def _file(path: Path, make: Callable[[], str]) -> str:
    try:
        if not path.exists():
            _make(path, make())
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LinkKeysError(str(path), str(error)) from error


def _make(path: Path, key: str) -> None:
    """Make a file with a key, readable by its owner alone; the first of several makers wins.

    The file appears whole: a reader never finds one without its key.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f"{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{key}\n")
        # Unlike a rename, a link fails where the name is taken.
        Path(path).hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        Path(draft).unlink()
