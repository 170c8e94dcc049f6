import pytest

from runs.inert import inert, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\n", "a\tb\n"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\x00\x1b[2J\x7f", "a\u2400\u241b[2J\u2421"),
        ("a\x85\x9bb\ud800", "a\ufffd\ufffdb\ufffd"),
        ("שלום \U0001f984", "שלום \U0001f984"),
    ],
)
def test_controls_are_made_visible_and_nothing_is_lost(text: str, shown: str) -> None:
    assert inert(text) == shown


def test_a_line_has_no_ends_and_turns_nothing_around() -> None:
    assert one_line("a\r\nBcc: eve\u2028x\u202e\u2066y", 100) == "a Bcc: eve xy"


def test_a_line_that_is_too_long_says_so() -> None:
    assert one_line("x" * 11, 10) == f"{'x' * 9}…"
    assert one_line("x" * 10, 10) == "x" * 10
