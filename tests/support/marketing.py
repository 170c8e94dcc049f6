"""A UniTok for tests, and `marketing-post` for the crash kit, where each run has its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from agent.workflows import marketing_post
from agent.workflows.marketing.unitok import SETTING
from crash.subject import OUTSIDE
from local.ports import LOOPBACK
from local.server import ServerThread
from local.unitok.app import build_app
from local.unitok.store import PostStore, Published

REGISTRY = Path(__file__).with_suffix(".toml")
#: What posts' addresses begin with, whichever port the service has in a run.
PUBLIC = "http://unitok.test"


@dataclass(frozen=True, slots=True)
class RunningUniTok:
    """A UniTok that is served, and a look into its file."""

    url: str
    store: PostStore

    @property
    def posts(self) -> list[Published]:
        """Give all posts, first one first."""
        return self.store.latest(1_000)[::-1]

    @property
    def contents(self) -> list[str]:
        """Give what was published, first one first."""
        return [each.post.content for each in self.posts]


@contextmanager
def running_unitok(path: Path) -> Iterator[RunningUniTok]:
    """Serve a UniTok over a file for the block."""
    store = PostStore(path)
    app = build_app(store)
    app.add_middleware(_Public)
    server = ServerThread(app, port=0, name="unitok")
    try:
        yield RunningUniTok(f"http://{LOOPBACK}:{server.port}", store)
    finally:
        server.stop()


class _Public:
    """Lets the service take itself for one at a fixed address: ports differ between runs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            others = [pair for pair in scope["headers"] if pair[0] != b"host"]
            scope = {**scope, "headers": [*others, (b"host", b"unitok.test")]}
        await self._app(scope, receive, send)


def handler(event: Any, context: Any) -> Any:  # noqa: ANN401 - as the registry calls handlers
    """Run the workflow that ships, with a UniTok that dies with its worker; its file does not."""
    outside = Path(os.environ[OUTSIDE])
    with running_unitok(outside.parent / "unitok.db") as unitok:
        os.environ[SETTING] = unitok.url
        answer = marketing_post.handler(event, context)
        posts = [f"{each.id} {each.post.to_json()}" for each in unitok.posts]
        (outside / "posts.txt").write_text("\n".join(posts))
        return answer
