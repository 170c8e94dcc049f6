"""Errors of UniTok, each with the HTTP status it is told by.

UniTokError
├── KeyReusedError      409: the idempotency key came with another post before
├── BadRequestError     400: the request can't be read
├── WrongTypeError      415: the body is not called JSON
├── TooLargeError       413: the body is larger than any post
├── UnknownPostError    404
└── RejectedPostError   422: the post is none that can be published
"""


class UniTokError(Exception):
    """The root of this package's errors."""

    status = 500
    code = "error"
    #: Which field of the request is wrong, if one is.
    field: str | None = None


class KeyReusedError(UniTokError):
    """The same key, another post: one of the two is a mistake."""

    status, code = 409, "idempotency_key_reused"

    def __init__(self, key: str) -> None:
        super().__init__(f"Idempotency-Key is {key!r}, with which another post was published")


class BadRequestError(UniTokError):
    """The request can't be read."""

    status, code = 400, "bad_request"


class WrongTypeError(UniTokError):
    """The body is something else than JSON, by its own words."""

    status, code = 415, "unsupported_media_type"

    def __init__(self, given: str) -> None:
        super().__init__(f"Content-Type is {given!r:.100}, expected 'application/json'")


class TooLargeError(UniTokError):
    """The body is larger than any post."""

    status, code = 413, "too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"the body is too large, expected at most {most:,} bytes")


class UnknownPostError(UniTokError):
    """There is no such post."""

    status, code = 404, "not_found"

    def __init__(self, given: str) -> None:
        super().__init__(f"there is no post {given!r:.40}")


class RejectedPostError(UniTokError):
    """The post is none that can be published."""

    status, code = 422, "invalid_post"

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field
