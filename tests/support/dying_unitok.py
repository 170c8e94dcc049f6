"""A UniTok that dies around its first write: `python -m tests.support.dying_unitok …`."""

import os
import signal
import sys
from datetime import datetime
from pathlib import Path

import uvicorn

from agent.workflows.marketing.post import Post
from local.ports import LOOPBACK
from local.unitok.app import build_app
from local.unitok.store import PostStore, Published


class DyingStore(PostStore):
    """Dies by SIGKILL right before, or right after, the first post is written."""

    def __init__(self, path: Path, *, when: str) -> None:
        super().__init__(path)
        self._when = when
        self._mark = path.with_suffix(".died")

    def publish(self, post: Post, *, key: str | None, now: datetime) -> tuple[Published, bool]:
        """See `PostStore.publish`."""
        is_first = not self._mark.exists()
        self._mark.touch()
        if is_first and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        published = super().publish(post, key=key, now=now)
        if is_first:
            os.kill(os.getpid(), signal.SIGKILL)
        return published


def main(path: Path, port: int, when: str) -> None:
    """Serve until it dies."""
    uvicorn.run(build_app(DyingStore(path, when=when)), host=LOOPBACK, port=port)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
