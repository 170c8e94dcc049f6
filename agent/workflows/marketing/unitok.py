"""UniTok's API, as the agent uses it: publish a post once, and find it again by its key.

Any service will do that has these two calls (`docs/marketing-post.md`):

    POST /posts                          with Idempotency-Key; the same key and post is one post
    GET  /posts?idempotency_key=KEY      {"posts": [the post]}, or none
"""

import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlencode, urlsplit

from agent.workflows.marketing.errors import (
    UniTokRefusedError,
    UniTokSettingError,
    UniTokUnavailableError,
)
from agent.workflows.marketing.post import Post
from runs.json_types import Json

SETTING = "UNITOK_API_URL"
#: Seconds until a silent service is taken for one that does not answer.
_SILENCE_SECONDS = 20.0
#: Before each further try. The key makes trying again safe, whatever became of the first.
_PAUSES = (0.5, 2.0)
#: Answers that may be others a moment later.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_ANSWER = 4 * 2**20
_FIELDS = tuple(field.name for field in fields(Post))


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A post as UniTok has it."""

    post_id: str
    url: str
    post: Post

    def to_json(self) -> dict[str, Json]:
        """Give what the agent is told of it."""
        return {"post_id": self.post_id, "url": self.url, **self.post.to_json()}


class UniTok:
    """The service at one address."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "UniTok":
        """Take the address from the environment.

        Raises:
            UniTokSettingError: There is none, or it is no address.
        """
        given = environ.get(SETTING, "").strip()
        parts = urlsplit(given)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise UniTokSettingError(given or None)
        return cls(given)

    def publish(self, post: Post, *, key: str, stop: threading.Event) -> Published:
        """Publish a post. The same key and post again, at any time, is the same one post.

        Args:
            post: What to publish.
            key: Names this post in this run, and no other.
            stop: Ends the waiting between two tries.

        Raises:
            UniTokRefusedError: UniTok does not take it.
            UniTokUnavailableError: It did not answer; the post may be published or not.
        """
        data = json.dumps(post.to_json()).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        url = f"{self._url}/posts"
        request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - see from_env
        for pause in _PAUSES:
            try:
                return self._published(self._ask(request))
            except UniTokUnavailableError:
                if stop.wait(pause):
                    raise
        return self._published(self._ask(request))

    def find(self, key: str) -> Published | None:
        """Find what was published with a key.

        Raises:
            UniTokRefusedError: UniTok does not answer that.
            UniTokUnavailableError: It did not answer.
        """
        url = f"{self._url}/posts?{urlencode({'idempotency_key': key})}"
        answer = self._ask(urllib.request.Request(url))  # noqa: S310 - see from_env
        match answer:
            case {"posts": []}:
                return None
            case {"posts": [found]}:
                return self._published(found)
            case _:
                raise UniTokUnavailableError(self._url, _strange(answer))

    def _published(self, answer: Json) -> Published:
        if not isinstance(answer, Mapping) or not {"id", "url", *_FIELDS} <= answer.keys():
            raise UniTokUnavailableError(self._url, _strange(answer))
        post = Post.from_json({name: answer[name] for name in _FIELDS})
        return Published(post_id=str(answer["id"]), url=str(answer["url"]), post=post)

    def _ask(self, request: urllib.request.Request) -> Json:
        try:
            with urllib.request.urlopen(request, timeout=_SILENCE_SECONDS) as answer:  # noqa: S310 - see from_env
                answered: Json = json.loads(answer.read(_MAX_ANSWER))
                return answered
        except urllib.error.HTTPError as error:
            with error:
                why = _why(error.read(_MAX_ANSWER)) or str(error.reason)
            if error.code in _PASSING:
                raise UniTokUnavailableError(self._url, f"{error.code} {why}") from error
            raise UniTokRefusedError(error.code, why) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UniTokUnavailableError(self._url, str(error) or repr(error)) from error


def _why(body: bytes) -> str:
    """Give what a refusal says for itself."""
    try:
        told = json.loads(body)
    except ValueError:
        return body[:200].decode(errors="replace")
    match told:
        case {"error": {"message": str() as message}} | {"message": str() as message}:
            return message
        case _:
            return str(told)[:200]


def _strange(answer: Json) -> str:
    return f"it answered {str(answer)!r:.200}, expected a post"
