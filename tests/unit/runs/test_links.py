import string
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.approvals import Question
from runs.artifacts.folder import FolderStore
from runs.asked import asked
from runs.callbacks import callback_id_of
from runs.journal.sqlite import SqliteJournal
from runs.links import Link, Links, link_to, open_link_to, person_of
from runs.seals import MAX_SEALED, Seal
from tests.support.approvals import POST, a_callback, ask
from tests.support.journals import NOW, a_run, later
from tests.support.links import NEW, OLD, KeyText

LINK = Link(
    callback_id=callback_id_of("5a1a8a3e-98cf-4ad5-b1f0-6f8d3a1f2c11", "op-1"),
    question_hash=POST.hash,
    expires_at=later(3600),
    name="Ada",
    roles=frozenset({"editor", "legal"}),
)
TOKEN = Links(KeyText().ring).token(LINK)
#: All that stands in addresses and forms, and some that does not.
CHARACTERS = string.ascii_letters + string.digits + "-_.~=+/% \n\0é"


def links(text: str = OLD) -> Links:
    return Links(KeyText(text).ring, base_url="https://example.org/")


def test_a_token_says_what_it_was_made_of() -> None:
    assert links().read(TOKEN, now=NOW) == LINK
    assert links().url(LINK) == f"https://example.org/a/{TOKEN}"


def test_a_token_fits_into_an_address_as_it_is() -> None:
    assert set(TOKEN) <= set(string.ascii_letters + string.digits + "-_.")
    assert len(TOKEN) < 500


@given(place=st.integers(0, len(TOKEN) - 1), other=st.sampled_from(CHARACTERS))
def test_a_token_with_any_other_character_is_refused(place: int, other: str) -> None:
    altered = TOKEN[:place] + other + TOKEN[place + 1 :]

    assert (links().read(altered, now=NOW) == LINK) is (altered == TOKEN)
    assert altered == TOKEN or links().read(altered, now=NOW) is None


def test_no_bit_of_a_token_can_be_another() -> None:
    taken = [
        (place, bit)
        for place in range(len(TOKEN))
        for bit in range(7)
        if links().read(_flipped(place, bit), now=NOW)
    ]

    assert taken == []


def _flipped(place: int, bit: int) -> str:
    return TOKEN[:place] + chr(ord(TOKEN[place]) ^ (1 << bit)) + TOKEN[place + 1 :]


@given(place=st.integers(0, len(TOKEN)), more=st.text(CHARACTERS, min_size=1, max_size=3))
def test_a_token_with_more_in_it_is_refused(place: int, more: str) -> None:
    assert links().read(TOKEN[:place] + more + TOKEN[place:], now=NOW) is None


@given(end=st.integers(0, len(TOKEN) - 1))
def test_a_part_of_a_token_is_refused(end: int) -> None:
    assert links().read(TOKEN[:end], now=NOW) is None


@given(text=st.text(max_size=600))
def test_any_text_is_refused_and_none_fails(text: str) -> None:
    assert links().read(text, now=NOW) is None


def test_a_long_text_is_refused_unread() -> None:
    assert links().read("A" * MAX_SEALED + TOKEN, now=NOW) is None


def test_a_token_ends_when_it_says() -> None:
    assert links().read(TOKEN, now=LINK.expires_at - timedelta(seconds=1)) == LINK
    assert links().read(TOKEN, now=LINK.expires_at) is None


def test_a_token_of_another_stack_is_refused() -> None:
    assert links(NEW).read(TOKEN, now=NOW) is None


@pytest.mark.parametrize("value", [["a", 1], {}, "text", None, [1, "h", 2, None, []]])
def test_what_was_sealed_for_links_and_is_none_is_refused(value: object) -> None:
    seal = Seal(KeyText().ring, purpose="errand.approval.link.1")

    assert links().read(seal.close(value), now=NOW) is None  # type: ignore[arg-type] # any JSON


def test_what_was_signed_for_another_purpose_does_not_open() -> None:
    sealed = Seal(KeyText().ring, purpose="a form").close(["a"])

    assert Seal(KeyText().ring, purpose="a form").open(sealed) == ["a"]
    assert Seal(KeyText().ring, purpose="a link").open(sealed) is None


def test_a_new_key_signs_and_the_old_one_still_verifies() -> None:
    rotated = links(f"{OLD}\n{NEW}")
    token = rotated.token(LINK)

    assert rotated.read(TOKEN, now=NOW) == LINK
    assert links(NEW).read(token, now=NOW) == LINK
    assert links(OLD).read(token, now=NOW) is None


def test_a_link_ends_with_its_approval_and_names_its_question(tmp_path: Path) -> None:
    journal = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path))
    lease, approval = ask(journal)
    run = journal.get(lease.session_id)
    assert run is not None

    link = link_to(approval, run, name="Ada", roles=["editor"])

    assert link == Link(
        callback_id=approval.callback_id,
        question_hash=approval.question.hash,
        expires_at=approval.ends_at(run),
        name="Ada",
        roles=frozenset({"editor"}),
    )
    assert link.is_to(approval)
    journal.close()


def test_a_link_is_to_no_other_question_at_its_place() -> None:
    run = a_run()
    callback = a_callback(run.session_id)
    approval, _ = asked(callback, POST, session_id=run.session_id, now=NOW)
    link = link_to(approval, run)
    edited = replace(approval, content="Other words.")
    other = replace(approval, question=Question(what="delete everything"))
    again = replace(approval, callback_id=callback_id_of(run.session_id, "cb-1", retries=1))

    assert link.is_to(edited)
    assert not link.is_to(other)
    assert not link.is_to(again)


def test_an_operator_s_link_has_the_roles_that_are_asked() -> None:
    run = a_run()
    question = Question(what="go on", may_decide=("ada", "role:legal", "role:editor"), quorum=2)
    callback = a_callback(run.session_id)
    approval, _ = asked(callback, question, session_id=run.session_id, now=NOW)

    link = open_link_to(approval, run)

    assert (link.name, link.roles) == (None, frozenset({"legal", "editor"}))


def test_whom_a_link_was_sent_to_is_who_comes_by_it() -> None:
    sent = person_of(LINK, origin="203.0.113.7", name="Eve")
    open_to_all = person_of(replace(LINK, name=None), origin="203.0.113.7", name="Bob")

    assert (sent.name, sent.roles, sent.origin) == ("Ada", LINK.roles, "203.0.113.7")
    assert open_to_all.name == "Bob"
