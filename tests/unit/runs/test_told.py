"""What may be told to an agent."""

import pytest

from runs.errors import InvalidRequestError
from runs.told import MAX_TEXT_BYTES, Tell
from tests.support.journals import NOW


def a_tell(text: str, *, agent: str | None = None) -> Tell:
    return Tell(tell_id="a", text=text, by="ada", agent=agent, told_at=NOW)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_empty_message_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="text: is empty, expected what to tell"):
        a_tell(text)


def test_a_message_of_the_largest_size_is_taken() -> None:
    assert len(a_tell("é" * (MAX_TEXT_BYTES // 2)).text) == MAX_TEXT_BYTES // 2


def test_a_larger_message_is_refused_with_its_size() -> None:
    expected = "has 102,402 bytes, expected at most 102,400; put larger material in a file"
    with pytest.raises(InvalidRequestError, match=expected):
        a_tell("é" * (MAX_TEXT_BYTES // 2 + 1))


@pytest.mark.parametrize(("text", "code"), [("a\x00b", r"U\+0000"), ("a\udc80", r"U\+DC80")])
def test_what_is_no_text_is_refused_with_its_place(text: str, code: str) -> None:
    with pytest.raises(InvalidRequestError, match=rf"has the character {code} at position 1"):
        a_tell(text)


def test_lines_tabs_and_emoji_are_text() -> None:
    text = "one\r\n\ttwo 🦄"

    assert a_tell(text).text == text


@pytest.mark.parametrize("agent", ["", "two words", "x" * 33])
def test_a_name_no_agent_has_is_refused(agent: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"agent: is .*, expected 1 to 32 letters"):
        a_tell("hello", agent=agent)
