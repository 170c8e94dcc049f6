"""Errors of the research report.

RunError (runs.errors)
├── ResearchError              the report can't be made; trying again would end the same way
│   ├── InquiryError               the run's input does not say what to read
│   ├── CorpusNotFoundError        there is nothing at that path
│   ├── EmptyCorpusError           a folder without a file of a kind that is read
│   ├── NoReadableTextError        files, but no text in any of them
│   ├── CorpusTooLargeError        over one of the stated limits
│   ├── PageRefusedError           an address was answered, but not with a text we may have
│   ├── NothingFoundError          no topic has a finding that can be shown in the corpus
│   └── NoFullTextSearchError      this Python's SQLite can't search
├── PageUnavailableError       an address did not answer; trying again may help
└── LookupRefusedError         a tool was asked for something it can't give; the agent is told why
"""

from collections.abc import Sequence

from runs.errors import RunError


class ResearchError(RunError):
    """There can be no report."""


class InquiryError(ResearchError):
    """The run's input can't be understood."""

    def __init__(self, message: str, *, field: str = "input") -> None:
        name = "input" if field == "input" else f"input: {field}"
        super().__init__(f"{name} {message}")
        self.field = field


class CorpusNotFoundError(ResearchError):
    """There is nothing where the corpus should be."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"corpus {where!r} does not exist, expected a folder, a file, http(s) addresses, "
            "or 'sample'"
        )


class EmptyCorpusError(ResearchError):
    """A folder holds no file of a kind that is read."""

    def __init__(self, where: str, *, endings: Sequence[str], others: int) -> None:
        found = f"holds {others} files of other kinds" if others else "is empty"
        super().__init__(
            f"corpus {where!r} {found}, expected files that end in: {', '.join(endings)}"
        )


class NoReadableTextError(ResearchError):
    """None of the documents has a text."""

    def __init__(self, problems: Sequence[str]) -> None:
        shown = "; ".join(problems[:3])
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        super().__init__(f"the corpus has no readable text: {shown}{more}")


class CorpusTooLargeError(ResearchError):
    """The corpus is over a limit."""

    def __init__(self, where: str, *, size: str, limit: str) -> None:
        super().__init__(f"corpus {where!r} has {size}, expected at most {limit}")


class PageRefusedError(ResearchError):
    """An address gives no text that can be read."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"{url!r} can't be read: {why}")
        self.url = url
        self.why = why


class PageUnavailableError(RunError):
    """An address did not answer, or not in time."""

    retryable = True

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"{url!r} can't be reached: {why}")
        self.url = url
        self.why = why


class NothingFoundError(ResearchError):
    """Nothing in the corpus speaks of the question."""

    def __init__(self, question: str, *, documents: int, passages: int) -> None:
        super().__init__(
            f"nothing found for {question!r}: none of {passages:,} passages of {documents:,} "
            "documents is cited by a finding; ask in the words the documents use, or add documents"
        )


class NoFullTextSearchError(ResearchError):
    """SQLite was built without its full-text search."""

    def __init__(self, version: str) -> None:
        super().__init__(f"SQLite {version} of this Python has no FTS5, expected one that has")


class LookupRefusedError(RunError):
    """A tool can't give what was asked for."""
