"""The environment of the stack's processes: fake credentials, never the user's own."""

from collections.abc import Mapping
from os import devnull

REGION = "us-east-1"
ACCOUNT = "000000000000"

#: What the emulator takes, and AWS does not: a call that strays to AWS is refused.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})
_LOOPBACK = "127.0.0.1,localhost"


def without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    """Copy an environment with nothing of the user's AWS in it, and loopback past any proxy.

    Profiles and instance metadata are shut off too: the SDK would otherwise find credentials
    that are in no variable.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("AWS_")}
    direct = ",".join(filter(None, (environ.get("NO_PROXY") or environ.get("no_proxy"), _LOOPBACK)))
    return kept | {
        **CREDENTIALS,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": devnull,
        "AWS_SHARED_CREDENTIALS_FILE": devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


def without_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Copy an environment without its proxies, for a process that must only reach loopback."""
    return {name: value for name, value in environ.items() if name.lower() not in _PROXIES}
