"""Errors of the workflow `marketing-post`.

RunError
└── MarketingError
    ├── PostError                a post is not one that can be published
    ├── NotApprovedError         a call that is not made, and not asked about either
    ├── NotPublishedError        a post was approved, and is not published
    ├── UniTokSettingError       UNITOK_API_URL is missing or wrong
    ├── UniTokRefusedError       UniTok will not take this call, now or later
    └── UniTokUnavailableError   UniTok did not answer; trying again can help
"""

from runs.errors import RunError


class MarketingError(RunError):
    """The root of this workflow's errors."""


class PostError(MarketingError):
    """A part of a post is wrong."""

    def __init__(self, *, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field


class NotApprovedError(MarketingError):
    """A tool is not to be called like this, and nobody is asked about it."""


class NotPublishedError(MarketingError):
    """A post was approved, and the agent ended without having published it."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the post was approved, but is not published: {why}")


class UniTokSettingError(MarketingError):
    """Nobody says where UniTok is."""

    def __init__(self, given: str | None) -> None:
        found = "is not set" if given is None else f"is {given!r}"
        super().__init__(
            f"UNITOK_API_URL {found}, expected UniTok's address, such as http://127.0.0.1:8091"
        )


class UniTokRefusedError(MarketingError):
    """UniTok refuses a call."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"UniTok refused with {status}: {why}")
        self.status = status


class UniTokUnavailableError(MarketingError):
    """UniTok did not answer, or not with what was asked of it."""

    retryable = True

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"UniTok at {url} did not answer: {why}")
