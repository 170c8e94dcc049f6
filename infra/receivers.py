"""Where webhooks may be posted to; whoever posts them looks again, at the addresses of names."""

import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

#: As many targets as a rule may have.
MOST = 5
#: What can be written in a template's input for a target, and leads a client nowhere else.
_SAFE = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~:/?#\[\]@!$&()*+;=%-]*)?")


def check_receivers(urls: Sequence[str], *, is_local: bool) -> None:
    """Refuse addresses that events must not, or can't, be posted to.

    Whoever deploys names the receivers, so this finds slips: that a name leads to a network of ours
    only the function can see, when it looks the name up.

    Raises:
        ValueError: One of them is none, or there are too many.
    """
    if len(urls) > MOST:
        msg = f"webhook has {len(urls)} addresses, expected at most {MOST}"
        raise ValueError(msg)
    if len(set(urls)) < len(urls):
        msg = "webhook has an address twice, expected each once"
        raise ValueError(msg)
    for url in urls:
        why = _problem(url, is_local=is_local)
        if why:
            msg = f"webhook has {url!r}, expected {why}"
            raise ValueError(msg)


def _problem(url: str, *, is_local: bool) -> str | None:
    wanted = "an address that begins with https://"
    if is_local:
        wanted = "an address that begins with http:// or https://"
    if not _SAFE.fullmatch(url) or (url.startswith("http://") and not is_local):
        return f"{wanted}, without ',' and spaces"
    try:
        host, _ = urlsplit(url).hostname, urlsplit(url).port
    except ValueError:
        return f"{wanted}, with a port that is one"
    if not host:
        return f"{wanted}, with a host"
    is_private = host == "localhost" or _is_private(host)
    return "a host that the internet knows" if is_private and not is_local else None


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False
