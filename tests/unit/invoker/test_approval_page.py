"""The page of an approval, as a browser without scripts shows it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoker.decisions import MAX_CONTENT
from invoker.style import DARK, LIGHT, STYLE_SOURCE
from runs.approvals import Question
from runs.artifacts.folder import FolderStore
from runs.events import EventType
from runs.journal.sqlite import SqliteJournal
from runs.run import Pause
from tests.support.approvals import POST, ask, no, yes
from tests.support.journals import later
from tests.support.pages import PHONE, Office, Page

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> &amp; \"'`</textarea></pre>"
    "]]><!-- {{7*7}} 🦄👩🏽‍🚀 שלום \u202etxt.exe\u202c مرحبا\u0000\x1b[31m \r\n\tend\ud800"
)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    journal = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path))
    yield Office(journal)
    journal.close()


def events(office: Office, session_id: str, kind: EventType) -> list[dict[str, object]]:
    found = (each.event for each in office.journal.events(session_id))
    return [dict(event.details) for event in found if event.type is kind]


def test_the_page_says_what_is_asked_by_which_run_and_until_when(office: Office) -> None:
    _, approval = ask(office.journal)

    page = office.open(office.token(approval, "Ada"))

    assert page.status == 200
    assert page.only("h1").text == "publish this post"
    assert approval.session_id in page.text
    assert "cost-analysis" in page.text
    assert "publish_post" in page.text
    assert '"color": "pink"' in page.text
    assert "Unicorns for rent!" in page.text
    assert "within 1 hour, before Saturday 31 January 2026, 09:30 UTC" in page.text
    assert "Without a decision the answer is no." in page.text
    assert "You decide as Ada" in page.text


def test_a_content_that_is_an_argument_is_not_told_twice(office: Office) -> None:
    _, approval = ask(office.journal)

    page = office.open(office.token(approval))

    assert [each.text for each in page.all("pre")] == [
        "Unicorns for rent!",
        '{\n  "content": "(what is asked about, as above)",\n  "color": "pink"\n}',
    ]


def test_a_tool_that_is_called_with_the_content_only_is_told_in_a_sentence(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, arguments={"content": POST.content}))

    page = office.open(office.token(approval))

    assert [each.text for each in page.all("pre")] == ["Unicorns for rent!"]
    assert "The tool publish_post is called with this text." in page.text


def test_the_page_works_without_scripts_and_loads_nothing(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, content=HOSTILE))

    page = office.open(office.token(approval))

    assert page.all("script") == page.all("img") == page.all("link") == page.all("iframe") == []
    assert not [each for each in page.tree.iter() for name in each.attrib if name.startswith("on")]
    (form,) = page.all("form")
    assert (form.get("method"), form.get("action")) == ("post", None)
    assert {each.get("value") for each in page.all("button", name="decision")} == {
        "approve",
        "deny",
        "edit",
    }


def test_nothing_but_the_page_s_own_style_may_run_load_or_frame(office: Office) -> None:
    _, approval = ask(office.journal)

    headers = office.open(office.token(approval)).headers

    assert headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        f"style-src {STYLE_SOURCE}",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "content",
    [HOSTILE, "\n\nbegins with lines", "שלום עולם", "🦄" * 25_000, "<b>&" * 25_000, " ", "\tx\n"],
    ids=["hostile", "lines", "hebrew", "emoji", "markup", "space", "tab"],
)
def test_content_is_shown_inert_and_whole(office: Office, content: str) -> None:
    _, approval = ask(office.journal, replace(POST, content=content, arguments=None))

    page = office.open(office.token(approval))

    expected = content.replace("\r\n", "\n").replace("\x00", "␀").replace("\x1b", "␛")
    expected = expected.replace("\ud800", "�")
    shown = page.all("pre")[0]
    assert shown.text == expected
    assert shown.get("dir") == "auto"
    assert list(shown) == []
    assert page.only("textarea", name="content").text == expected


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=50,
)
@given(text=st.text(max_size=200))
def test_any_text_in_any_place_makes_a_valid_page(office: Office, text: str) -> None:
    question = Question(
        what=f"x{text}",
        content=text,
        tool=text or None,
        arguments={text: [text]},
        may_decide=(f"a{text}", f"role:{text}"),
    )
    _, approval = ask(office.journal, question)

    page = office.open(office.token(approval, f"a{text}", text))

    assert page.status == 200
    assert len(page.all("form")) == 1


def test_a_tool_that_waits_for_its_result_is_given_it_on_the_page(office: Office) -> None:
    question = Question(what="give the result of human_approval", takes_result=True)
    _, approval = ask(office.journal, question)
    token = office.token(approval, "Ada")

    page = office.open(token)
    given = office.submit(token, page.fields("edit") | {"content": "It is approved."})

    assert page.only("button", value="edit").text == "Give this result"
    assert given.status == 200
    assert office.journal.approval(approval.callback_id).approval.content == "It is approved."


def test_marks_that_turn_the_direction_are_pointed_out(office: Office) -> None:
    _, turned = ask(office.journal, replace(POST, content="pay \u202e001\u202c now"))
    _, plain = ask(office.journal, replace(POST, content="שלום"))

    assert "2 invisible marks" in office.open(office.token(turned)).text
    assert "invisible mark" not in office.open(office.token(plain)).text


def test_every_field_has_a_label_and_every_hint_is_tied_to_it(office: Office) -> None:
    _, approval = ask(office.journal)

    page = office.press(office.token(approval), "deny")

    assert page.tree.get("lang") == "en"
    ids = [each.get("id") for each in page.tree.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    labelled = {each.get("for") for each in page.all("label")}
    fields = [*page.all("textarea"), *(e for e in page.all("input") if e.get("type") != "hidden")]
    assert {each.get("id") for each in fields} == labelled == {"name", "comment", "content"}
    described = " ".join(each.get("aria-describedby") or "" for each in fields).split()
    assert set(described) <= set(ids)
    assert {"name-error", "comment-error"} <= set(described)


def test_the_enter_key_decides_nothing(office: Office) -> None:
    _, approval = ask(office.journal)

    first = office.open(office.token(approval)).all("button")[0]

    assert {"disabled", "hidden"} <= set(first.keys())
    assert first.get("value") is None


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_told_from_its_ground(scheme: dict[str, str]) -> None:
    pairs = [(text, "ground") for text in ("text", "quiet", "link", "no")]
    pairs += [("text", ground) for ground in ("panel", "added", "removed", "warning")]
    pairs += [("quiet", "panel"), ("button", "yes"), ("button", "no")]

    low = {pair: contrast(scheme[pair[0]], scheme[pair[1]]) for pair in pairs}

    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}
    assert contrast(scheme["line"], scheme["ground"]) >= 3


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours, as WCAG 2 has it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_who_may_decide_and_who_has_so_far_is_shown(office: Office) -> None:
    question = replace(POST, quorum=2, may_decide=("ada", "bob", "role:legal"))
    _, approval = ask(office.journal, question)
    office.journal.decide_approval(
        approval.callback_id, yes(approval, comment="Fine <b>"), now=later(60)
    )
    office.later(minutes=2)

    page = office.open(office.token(approval, "Bob"))

    assert "ada bob anybody in the role legal" in " ".join(
        "".join(each.itertext()) for each in page.all("li")
    )
    assert "2 approvals; 1 given, 1 missing" in page.text
    assert "ada approved, Saturday 31 January 2026, 08:31 UTC: Fine <b>" in page.text


def test_an_edit_by_another_approver_is_told_and_shown(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, quorum=2))
    edited = yes(approval, content="Unicorns to let!")
    office.journal.decide_approval(approval.callback_id, edited, now=later(1))

    page = office.open(office.token(approval, "Bob"))

    assert page.all("pre")[0].text == "Unicorns to let!"
    assert "by ada since it was asked" in page.text
    assert [each.text for each in page.all("del")] == ["Unicorns for rent!"]
    assert [each.text for each in page.all("ins")] == ["Unicorns to let!"]


def test_what_was_asked_before_is_compared_line_by_line(office: Office) -> None:
    lease, first = ask(office.journal, replace(POST, content="Unicorns!\nFor rent.\nNow."))
    office.journal.decide_approval(first.callback_id, no(first), now=later(1))
    again = replace(POST, content="Unicorns!\nTo let.\nNow.")
    _, approval = ask(office.journal, again, lease=lease, operation_id="cb-2", at=later(2))
    office.later(seconds=3)

    page = office.open(office.token(approval, "Ada"))

    assert "was denied" in page.text
    assert "ada denied, Saturday 31 January 2026, 08:30 UTC: Too loud." in page.text
    assert [each.text for each in page.all("del")] == ["For rent."]
    assert [each.text for each in page.all("ins")] == ["To let."]


def test_a_text_that_is_asked_about_again_as_it_was_is_told_to_be_the_same(office: Office) -> None:
    lease, first = ask(office.journal)
    office.journal.decide_approval(first.callback_id, no(first), now=later(1))
    _, approval = ask(office.journal, lease=lease, operation_id="cb-2", at=later(2))
    office.later(seconds=3)

    assert "The text is the same as before." in office.open(office.token(approval)).text


@pytest.mark.parametrize(("content", "status"), [("<" * 1_600_000, 200), ("🦄" * 600_000, 500)])
def test_a_content_that_no_answer_can_hold_is_left_to_the_command(
    office: Office, content: str, status: int
) -> None:
    _, approval = ask(office.journal, replace(POST, content=content, arguments=None))
    token = office.token(approval)

    page, as_json = office.open(token), office.open(token, "application/json")

    assert page.status == 200
    assert f"errand approvals {approval.approval_id}" in page.text
    assert f"has {len(content):,} characters" in page.text
    assert page.all("form") == []
    assert len(page.body) < 20_000
    # As a page it is larger than as JSON, if each of its characters has to be escaped.
    assert as_json.status == status
    assert ("too-large-to-show" in as_json.body) is (status == 500)


def test_a_content_that_could_not_be_sent_back_is_not_offered_for_editing(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, content="x" * (MAX_CONTENT + 1)))

    page = office.open(office.token(approval))

    assert page.all("textarea", name="content") == []
    assert page.only("button", value="approve").text == "Approve"


def test_each_look_is_in_the_timeline_with_who_and_from_where(office: Office) -> None:
    lease, approval = ask(office.journal)

    office.open(office.token(approval, "Ada"))
    office.open(office.token(approval))

    assert [
        (view["By"], view["From"])
        for view in events(office, lease.session_id, EventType.APPROVAL_VIEWED)
    ] == [("Ada", f"203.0.113.7 {PHONE}"), ("somebody with a link", f"203.0.113.7 {PHONE}")]


def test_a_program_s_name_is_cut_and_can_not_forge_lines(office: Office) -> None:
    lease, approval = ask(office.journal)
    path = f"/a/{office.token(approval, 'Ada')}"

    office.ask("GET", path, user_agent="evil\r\n\x1b[2J" + "x" * 500)

    (view,) = events(office, lease.session_id, EventType.APPROVAL_VIEWED)
    assert view["From"] == "203.0.113.7 evil   [2J" + "x" * 50


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(seconds=30), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=59, seconds=59), "59 minutes"),
        (timedelta(hours=1, minutes=5), "1 hour 5 minutes"),
        (timedelta(hours=5, minutes=5), "5 hours"),
        (timedelta(days=1, hours=2), "1 day 2 hours"),
        (timedelta(days=30), "30 days"),
    ],
)
def test_the_time_that_is_left_is_told_in_words(
    office: Office, left: timedelta, words: str
) -> None:
    question = replace(POST, expires_in=left)
    _, approval = ask(office.journal, question, deadline_at=later(40 * 86_400))

    assert f"Please decide within {words}, before" in office.open(office.token(approval)).text


def said(page: Page) -> str:
    return "".join(page.only("div", role="alert").itertext())


def test_what_was_typed_is_not_lost_when_something_is_missing(office: Office) -> None:
    _, approval = ask(office.journal)
    typed = {"name": "Bob <3", "content": "My <words>", "comment": "a\r\nb"}

    page = office.press(office.token(approval), "approve", **typed)

    assert page.status == 422
    assert "content was changed, but approved as shown" in said(page)
    assert page.only("input", name="name").get("value") == "Bob <3"
    assert page.only("textarea", name="comment").text == "a\nb"
    assert page.only("textarea", name="content").text == "My <words>"
    assert page.only("details").get("open") is not None


def test_a_page_after_a_mistake_can_be_used_to_decide(office: Office) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval, "Ada")
    page = office.press(token, "deny")

    decided = office.submit(token, page.fields("deny") | {"comment": "Too loud."})

    assert page.status == 422
    assert "comment is empty, expected why" in said(page)
    assert decided.status == 200
    assert office.journal.approval(approval.callback_id).approval.comment == "Too loud."


def test_the_page_after_a_decision_says_what_comes_of_it(office: Office) -> None:
    _, approval = ask(office.journal)

    page = office.press(office.token(approval, "Ada"), "approve", comment="<b>Fine</b>")

    assert page.status == 200
    assert page.only("h1").text == "Approved"
    assert "the run goes on with it" in page.text
    assert "Ada approved, Saturday 31 January 2026, 08:30 UTC: <b>Fine</b>" in page.text


def test_the_page_after_a_decision_on_a_paused_run_says_that_it_waits(office: Office) -> None:
    lease, approval = ask(office.journal)
    office.journal.pause(lease.session_id, Pause(by="Bob", at=office.now), now=office.now)

    page = office.press(office.token(approval, "Ada"), "approve")

    assert "the run is paused, and goes on with it later" in page.text


def test_the_page_after_one_of_several_approvals_says_how_many_are_missing(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, quorum=3))

    page = office.press(office.token(approval, "Ada"), "approve")

    assert page.only("h1").text == "Your approval is recorded"
    assert "2 more approvals needed" in page.text


def test_no_page_is_without_a_title_and_a_heading(office: Office) -> None:
    _, approval = ask(office.journal)
    pages = [office.open(office.token(approval)), office.open("x"), office.ask("GET", "/")]

    for page in pages:
        assert len(page.all("h1")) == 1
        assert re.fullmatch(r".+ · Errand", page.only("title").text or "")
        assert page.only("meta", name="viewport") is not None
