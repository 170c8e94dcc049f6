"""Where UniTok keeps posts: one SQLite file."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agent.workflows.marketing.post import Post
from local.unitok.errors import KeyReusedError
from runs.instants import from_iso, to_iso, whole

_SCHEMA = """
CREATE TABLE IF NOT EXISTS posts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT UNIQUE,
    digest TEXT NOT NULL,
    post TEXT NOT NULL,
    published_at TEXT NOT NULL
)
"""
_COLUMNS = "id, key, post, published_at"
#: Another process may be writing to the same file.
_BUSY_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A post as it stands on UniTok."""

    id: int
    post: Post
    #: The idempotency key it came with, if any.
    key: str | None
    published_at: datetime


class PostStore:
    """The posts in one file. Safe to share by threads and processes; nothing is kept open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._transaction() as database:
            database.execute(_SCHEMA)

    def publish(self, post: Post, *, key: str | None, now: datetime) -> tuple[Published, bool]:
        """Publish a post, unless one of this key is published; tell whether it was done now.

        It is durable when this returns: whoever asks again with the key gets the same post.

        Raises:
            KeyReusedError: Another post was published with this key.
        """
        text = json.dumps(post.to_json(), sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        with self._transaction() as database:
            found = database.execute(
                f"SELECT digest, {_COLUMNS} FROM posts WHERE key = ?",  # noqa: S608 - our constants
                (key,),
            ).fetchone()
            if found is None:
                made = database.execute(
                    "INSERT INTO posts (key, digest, post, published_at) VALUES (?, ?, ?, ?)",
                    (key, digest, text, to_iso(now)),
                )
                number = made.lastrowid or 0
                return Published(id=number, post=post, key=key, published_at=whole(now)), True
        if found[0] != digest:
            raise KeyReusedError(str(key))
        return _published(found[1:]), False

    def get(self, number: int) -> Published | None:
        """Find a post by its number."""
        return next(self._read("WHERE id = ?", number), None)

    def by_key(self, key: str) -> list[Published]:
        """Find the post of a key: one, or none."""
        return list(self._read("WHERE key = ?", key))

    def latest(self, limit: int, *, before: int | None = None) -> list[Published]:
        """Give posts, latest first.

        Args:
            limit: How many at most.
            before: Only those published before the post of this number.
        """
        # SQLite's integers end there, and so do the numbers of posts.
        highest = 2**63 - 1 if before is None else min(before, 2**63 - 1)
        return list(self._read("WHERE id < ? ORDER BY id DESC LIMIT ?", highest, limit))

    def _read(self, where: str, *values: object) -> Iterator[Published]:
        with closing(self._open()) as database:
            query = f"SELECT {_COLUMNS} FROM posts {where}"  # noqa: S608 - our constants
            yield from map(_published, database.execute(query, values).fetchall())

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(self._open()) as database:
            # From its first statement on nobody else writes: look and write are one.
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.rollback()
                raise
            database.commit()

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)


def _published(row: tuple[int, str | None, str, str]) -> Published:
    number, key, text, at = row
    post = Post.from_json(json.loads(text))
    return Published(id=number, post=post, key=key, published_at=from_iso(at))
