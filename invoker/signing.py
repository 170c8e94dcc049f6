"""Signing what is sent to receivers of webhooks, as Standard Webhooks says.

https://github.com/standard-webhooks/standard-webhooks: each secret signs, so that a receiver goes
on to verify while one is replaced by another.
"""

import base64
import binascii
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from standardwebhooks import Webhook

from invoker.errors import WebhookSecretError
from runs.errors import LinkKeysError
from runs.link_keys import Keyring, SecretsManager, keyring_at

PREFIX = "whsec_"
#: What the standard asks of a secret, in bytes.
_LEAST, _MOST = 24, 64


def new_secret() -> str:
    """Make a secret, as a receiver is given it."""
    return f"{PREFIX}{base64.b64encode(secrets.token_bytes(32)).decode()}"


def secrets_at(place: str, *, client: Callable[[], SecretsManager]) -> Keyring:
    """Open the secrets that a setting names; see `runs.link_keys.keyring_at`."""
    return keyring_at(place, client=client, make=new_secret)


class Signer:
    """Signs with all secrets of a keyring."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def headers(self, event_id: str, body: str, *, now: datetime) -> dict[str, str]:
        """Give what a receiver verifies a body by, and tells a repeated event by.

        Raises:
            WebhookSecretError: There is no secret to sign with.
        """
        signed = [
            Webhook(secret).sign(event_id, now, body) for secret in parse_secrets(self._keys())
        ]
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            # The newest first: a receiver that looks at one alone has the new secret.
            "webhook-signature": " ".join(reversed(signed)),
        }

    def _keys(self) -> Sequence[str]:
        try:
            return self._keyring.keys()
        except LinkKeysError as error:
            raise WebhookSecretError(str(error)) from error


def parse_secrets(lines: Sequence[str]) -> list[bytes]:
    """Give the bytes of secrets; what Secrets Manager makes has no prefix.

    Raises:
        WebhookSecretError: One of them is none; the error says which, and not what it is.
    """
    return [_secret(line, number) for number, line in enumerate(lines, start=1)]


def _secret(line: str, number: int) -> bytes:
    try:
        secret = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        msg = f"webhook secret {number} is no base64, expected {PREFIX} and base64"
        raise WebhookSecretError(msg) from error
    if not _LEAST <= len(secret) <= _MOST:
        msg = f"webhook secret {number} has {len(secret)} bytes, expected {_LEAST} to {_MOST}"
        raise WebhookSecretError(msg)
    return secret
