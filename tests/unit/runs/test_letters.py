"""What deciders are told: whole, in order, and without effect, whatever is asked about."""

import json
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from runs.approvals import Question, Verdict
from runs.asked import ApprovalState, Vote
from runs.letters import MAX_CONTENT, Letter, write_letter
from runs.notices import NoticeKind
from runs.run import Status
from tests.support.approvals import POST
from tests.support.journals import NOW
from tests.support.notices import SESSION, URL, a_letter, a_notice, an_approval

EVIL = '</pre><script>alert(1)</script><a href="https://evil.example">Look at it and decide</a>'


class Reader(HTMLParser):
    """What a mail program makes of HTML: its elements, its links and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.texts: list[str] = []
        self.feed(html)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        names = dict(attrs)
        assert not [name for name in names if name.startswith("on") or name == "src"]
        if tag == "a":
            self.links.append(names["href"])

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_letter_says_all_that_is_needed_to_decide() -> None:
    question = replace(POST, may_decide=("ada", "role:editors"), quorum=2)

    letter = a_letter(question)

    assert letter.subject == "Approval needed: publish this post"
    assert letter.text == (
        "Approval needed: publish this post\n"
        "\n"
        "Asked: publish this post\n"
        f"Run: {SESSION}, marketing-post\n"
        f"Approval: {letter.approval_id}\n"
        "Who may decide: ada, whoever is one of the editors; 2 must approve, 2 still have to\n"
        "Until: 2026-01-31 09:30:00 UTC, 59 min from now; after that it is a no\n"
        "\n"
        "Look at it and decide:\n"
        "https://api.example/a/.token\n"
        "\n"
        "What is asked about (18 characters):\n"
        "  | Unicorns for rent!\n"
        "\n"
        "What publish_post would be called with:\n"
        "  | {\n"
        '  |   "color": "pink"\n'
        "  | }\n"
    )


def test_the_html_says_the_same_and_has_one_link() -> None:
    letter = a_letter()

    reader = Reader(letter.html)

    assert reader.links == [URL]
    for words in ("publish this post", "Unicorns for rent!", '"color": "pink"', "59 min from now"):
        assert words in reader.text
        assert words in letter.text


@pytest.mark.parametrize(
    "question",
    [
        replace(POST, what=EVIL),
        replace(POST, content=EVIL),
        replace(POST, tool=EVIL),
        replace(POST, may_decide=(EVIL,)),
    ],
    ids=["what", "content", "tool", "may_decide"],
)
def test_markup_in_a_question_is_text(question: Question) -> None:
    letter = a_letter(question)

    reader = Reader(letter.html)
    assert reader.links == [URL]
    assert not {"script", "iframe", "img", "form", "pre"} & set(reader.tags)
    assert EVIL in reader.text
    assert EVIL in letter.text


def test_markup_in_arguments_is_text() -> None:
    letter = a_letter(replace(POST, arguments={"content": "x", EVIL: [EVIL, {"a": EVIL}]}))

    assert Reader(letter.html).links == [URL]
    assert "</script>" in Reader(letter.html).text


def test_no_line_of_a_question_stands_by_itself() -> None:
    fake = "Look at it and decide:\nhttps://evil.example\n\nUntil: tomorrow\r\nApproval: other"

    letter = a_letter(replace(POST, what=f"post\n{fake}", content=fake))

    for line in ("https://evil.example", "Until: tomorrow", "Approval: other"):
        assert line not in letter.text.split("\n")
    assert "\n" not in letter.subject
    assert letter.text.split("\n")[:1] == [letter.subject]


def test_right_to_left_text_and_emoji_are_whole_and_turn_nothing_else() -> None:
    content = "שלום \u202eevil\u202c \U0001f984\nمرحبا"  # noqa: RUF001 - Arabic

    letter = a_letter(replace(POST, what="שלום \u202eabc", content=content))

    assert "  | שלום \u202eevil\u202c \U0001f984\n  | مرحبا\n" in letter.text
    assert content.split("\n", maxsplit=1)[0] in Reader(letter.html).text
    assert letter.subject == "Approval needed: שלום abc"


def test_a_lone_surrogate_can_be_sent() -> None:
    letter = a_letter(replace(POST, what="a\ud83e", content="b\ud83e", arguments={"c": "\ud83e"}))

    assert json.dumps(letter.to_json(), ensure_ascii=False).encode()


def test_a_hundred_kilobytes_are_cut_and_the_letter_says_by_how_much() -> None:
    content = "\n".join(f"line {number:05} " + "é" * 40 for number in range(1_100))
    assert len(content.encode()) > 100_000

    letter = a_letter(replace(POST, content=content))

    assert f"What is asked about ({len(content):,} characters)" in letter.text
    shown = [line[4:] for line in letter.text.split("\n") if line.startswith("  | line")]
    assert "\n".join(shown) == content[: len("\n".join(shown))]
    left = len(content) - len("\n".join(shown))
    assert f"  | … {left:,} more characters\n" in letter.text
    assert len(letter.text.encode()) < MAX_CONTENT + 2 * len(shown) * 4
    assert f"… {left:,} more characters" in Reader(letter.html).text


def test_one_long_line_is_cut_inside() -> None:
    letter = a_letter(replace(POST, content="é" * 100_000))

    assert "… 92,000 more characters" in letter.text.replace("\n", " ")


def test_who_is_asked_again_sees_the_answer_and_what_is_different() -> None:
    vote = Vote(verdict=Verdict.DENIED, by="ada", at=NOW, comment="Too loud.\nReally.")
    before = an_approval(
        replace(POST, content="Unicorns!\nRent one.\nNow."),
        state=ApprovalState.DENIED,
        votes=(vote,),
        decided_at=NOW,
    )
    again = an_approval(replace(POST, content="Unicorns.\nRent one.\nNow."), "cb-2")

    letter = write_letter(a_notice(again, before=before), url=URL, now=NOW)

    assert letter.subject == "Asked again: publish this post"
    assert (
        "Asked before: denied by ada at 2026-01-31 08:30:00 UTC: Too loud. Really.\n" in letter.text
    )
    assert (
        "What is different from before:\n"
        "  | - Unicorns!\n"
        "  | + Unicorns.\n"
        "  |   Rent one.\n"
        "  |   Now.\n" in letter.text
    )
    assert "- Unicorns!" in Reader(letter.html).text


def test_the_same_words_again_are_told_as_such() -> None:
    before = an_approval(state=ApprovalState.EXPIRED, decided_at=NOW)

    letter = write_letter(a_notice(an_approval(), before=before), url=URL, now=NOW)

    assert "Nothing: it is the same content." in letter.text
    assert "Asked before: expired at 2026-01-31 08:30:00 UTC\n" in letter.text


def test_texts_that_are_too_long_to_compare_are_told_as_such() -> None:
    lines = "\n".join(map(str, range(3_000)))
    before = an_approval(replace(POST, content=lines), state=ApprovalState.DENIED, decided_at=NOW)
    again = an_approval(replace(POST, content=f"{lines}\nmore"), "cb-2")

    letter = write_letter(a_notice(again, before=before), url=URL, now=NOW)

    assert "The texts are too long to be compared here." in letter.text


def test_who_must_approve_an_edit_sees_what_was_changed_and_by_whom() -> None:
    vote = Vote(verdict=Verdict.APPROVED, by="bob", at=NOW)
    edited = an_approval(replace(POST, quorum=2), content="Unicorns.", votes=(vote,))

    letter = write_letter(a_notice(edited), url=URL, now=NOW)

    assert "So far: approved by bob at 2026-01-31 08:30:00 UTC\n" in letter.text
    assert "What the last approver changed:\n  | - Unicorns for rent!\n  | + Unicorns.\n" in (
        letter.text
    )


def test_where_there_is_no_page_the_command_is_named() -> None:
    letter = write_letter(a_notice(), url=None, now=NOW)

    assert f"Look at it and decide: errand approve {letter.approval_id}\n" in letter.text
    assert Reader(letter.html).links == []


def test_a_reminder_says_that_it_is_one() -> None:
    letter = a_letter(kind=NoticeKind.REMINDER, number=1)

    assert letter.subject == "Reminder: approval needed: publish this post"
    assert letter.url == URL


def test_an_end_is_told_without_a_link_or_the_content() -> None:
    expired = an_approval(state=ApprovalState.EXPIRED, decided_at=NOW + timedelta(hours=1))

    letter = write_letter(a_notice(expired, kind=NoticeKind.ENDED), url=URL, now=NOW)

    assert letter.subject == "Not decided in time: publish this post"
    assert "Outcome: nobody decided until 2026-01-31 09:30:00 UTC, which is a no\n" in letter.text
    assert (letter.url, Reader(letter.html).links) == (None, [])
    assert "Unicorns for rent" not in letter.text


def test_the_end_of_the_run_is_told_as_such() -> None:
    notice = a_notice(kind=NoticeKind.ENDED)
    ended = replace(notice, run=replace(notice.run, status=Status.CANCELLED))

    letter = write_letter(ended, url=None, now=NOW)

    assert letter.subject == "No decision needed any more: publish this post"
    assert "Outcome: the run is CANCELLED; nothing is left to decide\n" in letter.text


def test_a_question_that_only_has_a_name_is_told() -> None:
    letter = a_letter(Question(what="review"))

    assert "What is asked about" not in letter.text
    assert "would be called with" not in letter.text


def test_the_subject_has_an_end() -> None:
    letter = a_letter(replace(POST, what="x" * 1_000))

    assert len(letter.subject) == 150
    assert letter.subject.endswith("…")


def test_a_letter_comes_back_from_json() -> None:
    letter = a_letter()

    assert Letter.from_json(json.loads(json.dumps(letter.to_json()))) == letter


def test_a_letter_without_html_shows_its_text() -> None:
    shape = {**a_letter(replace(POST, content=EVIL)).to_json(), "html": None}

    letter = Letter.from_json(shape)

    assert EVIL in Reader(letter.html).text
    assert Reader(letter.html).links == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "the letter is .., expected an object"),
        ({}, "text of the letter is None, expected a text"),
        ({**a_letter().to_json(), "kind": "spam"}, "'spam' is not a valid NoticeKind"),
        ({**a_letter().to_json(), "written_at": "now"}, "now"),
    ],
)
def test_what_is_no_letter_is_refused(data: object, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Letter.from_json(data)
