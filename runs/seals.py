"""Values that go out into the world and come back unaltered, or not at all."""

import hashlib
from collections.abc import Sequence

from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from runs.json_types import Json
from runs.link_keys import Keyring

#: More is no seal of ours.
MAX_SEALED = 4_096


class Seal:
    """Signs values for one purpose; what was signed for another one does not open.

    Anybody can read what is in a sealed value. Each method may raise `LinkKeysError`.
    """

    def __init__(self, keyring: Keyring, *, purpose: str) -> None:
        self._keyring = keyring
        self._purpose = purpose

    def close(self, value: Json) -> str:
        """Write a value as text for addresses and forms."""
        return str(self._serializer(self._keyring.keys()).dumps(value))

    def open(self, text: str) -> Json | None:
        """Give the value; None for anything but what `close` gave, to the last bit."""
        if len(text) > MAX_SEALED or not text.isascii() or not _is_canonical(text):
            return None
        keys = self._keyring.keys()
        value = self._opened(text, keys)
        if value is None and (newer := self._keyring.fresh()) != keys:
            # Signed elsewhere with a key that this process has not seen yet.
            value = self._opened(text, newer)
        return value

    def _opened(self, text: str, keys: Sequence[str]) -> Json | None:
        try:
            value: Json = self._serializer(keys).loads(text)
        except BadData:
            return None
        return value

    def _serializer(self, keys: Sequence[str]) -> URLSafeSerializer:
        return URLSafeSerializer(
            list(keys),
            salt=self._purpose,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )


def _is_canonical(text: str) -> bool:
    """Say whether a signature is written as it was made.

    Base64 has bits to spare in the last character, and its reader skips foreign characters: the
    same signature could be written in many ways, and an altered text be taken.
    """
    signature = text.rpartition(".")[2]
    try:
        return bool(signature) and base64_encode(base64_decode(signature)) == signature.encode()
    except (BadData, ValueError):
        return False
