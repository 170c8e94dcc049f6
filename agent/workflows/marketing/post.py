"""A post on UniTok: what one is made of, and what makes one that can't be published."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent.workflows.marketing.errors import PostError
from runs.errors import InvalidRequestError
from runs.json_types import Json
from runs.request import check_text, kind_of

COLORS = ("pink", "blue", "purple", "green", "yellow", "rainbow")
AUTHOR = "Unicorn Rentals"
COLOR = "rainbow"
#: Characters.
MAX_CONTENT = 200_000
MAX_AUTHOR = 200
MAX_URL = 2_048

_FIELDS = ("content", "author", "unicorn_color", "image_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post that UniTok takes.

    Raises:
        PostError: A part of it is wrong; the error names it.
    """

    content: str
    author: str = AUTHOR
    unicorn_color: str = COLOR
    image_url: str | None = None

    def __post_init__(self) -> None:
        _check("content", self.content, longest=MAX_CONTENT)
        _check("author", self.author, longest=MAX_AUTHOR)
        if self.unicorn_color not in COLORS:
            why = f"is {self.unicorn_color!r:.100}, expected one of: {', '.join(COLORS)}"
            raise PostError(field="unicorn_color", why=why)
        if self.image_url is not None:
            _check_url(self.image_url)

    @classmethod
    def from_json(cls, data: Json) -> "Post":
        """Read a post; what is left out, or null, is as UniTok has it for everybody.

        Raises:
            PostError: It is none; the error names the field.
        """
        if not isinstance(data, Mapping):
            raise PostError(field="the post", why=f"is {kind_of(data)}, expected an object")
        for name in data:
            if name not in _FIELDS:
                expected = ", ".join(_FIELDS)
                raise PostError(
                    field=str(name)[:100], why=f"is no field of a post, expected: {expected}"
                )
        given = {name: value for name, value in data.items() if value is not None}
        for name, value in given.items():
            if not isinstance(value, str):
                raise PostError(field=name, why=f"is {kind_of(value)}, expected a string")
        if "content" not in given:
            raise PostError(field="content", why="is missing, expected a text")
        return cls(**{name: str(value) for name, value in given.items()})

    def to_json(self) -> dict[str, Json]:
        """Give the post whole, with what was left out."""
        return {
            "content": self.content,
            "author": self.author,
            "unicorn_color": self.unicorn_color,
            "image_url": self.image_url,
        }


def _check(name: str, text: str, *, longest: int) -> None:
    if not text.strip():
        raise PostError(field=name, why="is empty, expected a text")
    if len(text) > longest:
        raise PostError(
            field=name, why=f"has {len(text):,} characters, expected at most {longest:,}"
        )
    try:
        check_text(text, name)
    except InvalidRequestError as error:
        raise PostError(field=name, why=str(error).removeprefix(f"{name}: ")) from error


def _check_url(url: str) -> None:
    _check("image_url", url, longest=MAX_URL)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise PostError(
            field="image_url", why=f"is {url!r:.100}, which is no address: {error}"
        ) from error
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise PostError(
            field="image_url", why=f"is {url!r:.100}, expected an http or https address"
        )
