"""Full-text search over a corpus, by SQLite's FTS5."""

import re
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.workflows.research.errors import LookupRefusedError, NoFullTextSearchError
from agent.workflows.research.passages import Corpus, Passage

MAX_HITS = 20
MAX_QUERY = 1_000
#: Words around what was found.
_EXCERPT = 48

_WORD = re.compile(r"\w+")
#: English words that are in every text: they find everything, and so nothing.
_COMMON = frozenset(
    _WORD.findall(
        """
        a about after again all also am an and any are as at be been before being but by can could
        did do does doing each even ever every few for from had has have having he her here him his
        how i if in into is it its itself just many may me more most much must my no nor not of
        off often on once only or other our out over own s same she should so some such t than
        that the their them then there therefore these they this those through to too under up
        very was we were what when where which while who whom why will with would you your
        """
    )
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, with the part of it that speaks of the query."""

    passage: Passage
    excerpt: str


def words(text: str) -> list[str]:
    """Give the words of a text that say what it is about, each once, in small letters."""
    found = list(dict.fromkeys(word.casefold() for word in _WORD.findall(text)))
    return [word for word in found if word not in _COMMON] or found


@dataclass
class Index:
    """Answers searches; safe to share by threads, which take turns."""

    corpus: Corpus
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            self._database.execute(
                "CREATE VIRTUAL TABLE passages USING fts5(id UNINDEXED, title, heading, text, "
                "tokenize = 'porter unicode61 remove_diacritics 2')"
            )
        except sqlite3.OperationalError as error:
            self._database.close()
            raise NoFullTextSearchError(sqlite3.sqlite_version) from error
        self._database.executemany(
            "INSERT INTO passages VALUES (?, ?, ?, ?)",
            (
                (passage.id, self.corpus.document_of(passage).title, passage.heading, passage.text)
                for passage in self.corpus.passages
            ),
        )

    def close(self) -> None:
        """Close the index."""
        self._database.close()

    def search(self, query: str, *, limit: int = 8) -> Sequence[Hit]:
        """Find the passages that have most of the query's words, the best first.

        Raises:
            LookupRefusedError: The query has no words, or far too many.
        """
        if len(query) > MAX_QUERY:
            why = f"the query has {len(query):,} characters, expected at most {MAX_QUERY:,}"
            raise LookupRefusedError(why)
        terms = words(query)
        if not terms:
            why = f"the query is {query!r}, expected words"
            raise LookupRefusedError(why)
        # In quotes, so that no word of the query is taken for an operator.
        match = " OR ".join(f'"{term}"' for term in terms)
        with self._lock:
            rows = self._database.execute(
                # Equally good passages come in the order of the corpus: a search is repeatable.
                "SELECT id, snippet(passages, 3, '', '', ' … ', ?) FROM passages "
                "WHERE passages MATCH ? ORDER BY bm25(passages, 0, 2, 3, 1), rowid LIMIT ?",
                (_EXCERPT, match, max(1, min(limit, MAX_HITS))),
            ).fetchall()
        return [Hit(self.corpus.by_id[passage_id], excerpt) for passage_id, excerpt in rows]
