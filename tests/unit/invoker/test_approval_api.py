"""The approvals' API: what decides, what does not, and what nobody learns by trying."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import validate

from invoker.approval_api import REFUSAL_SECONDS
from invoker.decisions import MAX_BODY, MAX_CONTENT, MAX_NAME
from runs.approvals import MAX_COMMENT, Decision, Question, Verdict
from runs.artifacts.folder import FolderStore
from runs.asked import Approval, ApprovalState, asked
from runs.callbacks import callback_id_of
from runs.errors import CorruptRecordError, JournalUnavailableError, RunError
from runs.events import EventType
from runs.journal.base import Asked, Changes, Journal
from runs.journal.sqlite import SqliteJournal
from runs.lifecycle import Ending
from runs.links import Link
from runs.run import DURABLE_FUNCTION, Status
from tests.support.approvals import BOB, POST, a_callback, ask, no, yes
from tests.support.journals import NOW, accept, later
from tests.support.links import NEW, OLD
from tests.support.pages import Office, Page

ANY = {"name": "Bob", "comment": "No <b>", "decision": "denied"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path))
    yield journal
    journal.close()


@pytest.fixture
def office(journal: Journal) -> Office:
    return Office(journal)


def now_of(office: Office, approval: Approval) -> Approval:
    return office.journal.approval(approval.callback_id).approval


def answer(office: Office, approval: Approval) -> Decision:
    operation = office.journal.operation(approval.session_id, approval.operation_id)
    assert operation is not None
    return Decision.from_payload(operation.payload)


def form_of(office: Office, token: str) -> str:
    return str(office.open(token, "application/json").json["form"])


# --- deciding ---


def test_an_approval_is_the_answer_and_wakes_the_run(office: Office) -> None:
    lease, approval = ask(office.journal)
    office.journal.park(lease, wake_at=later(3600), waiting_for="answer", now=NOW)

    office.press(office.token(approval, "Ada"), "approve", comment="Fine.")

    decision = answer(office, approval)
    assert (decision.verdict, decision.comment, decision.content) == (
        Verdict.APPROVED,
        "Fine.",
        None,
    )
    (vote,) = now_of(office, approval).votes
    assert (vote.by, vote.at, vote.origin.split()[0]) == ("Ada", NOW, "203.0.113.7")
    run = office.journal.get(lease.session_id)
    assert run is not None
    assert run.is_due(NOW)


def test_a_waiting_state_machine_is_signalled(office: Office, journal: SqliteJournal) -> None:
    lease, approval = ask(office.journal)
    query = "UPDATE runs SET body = json_set(body, '$.wake_token', 'token') WHERE session_id = ?"
    journal._db.execute(query, (lease.session_id,))

    office.press(office.token(approval, "Ada"), "approve")

    assert office.signal.tokens == ["token"]


def test_a_denial_comes_with_its_comment(office: Office) -> None:
    _, approval = ask(office.journal)

    office.press(office.token(approval), "deny", name=" Bob ", comment="Too loud.")

    decision = answer(office, approval)
    assert (decision.verdict, decision.comment, decision.by) == (
        Verdict.DENIED,
        "Too loud.",
        "Bob",
    )


def test_edited_content_is_what_the_tool_gets(office: Office) -> None:
    _, approval = ask(office.journal)

    office.press(office.token(approval, "Ada"), "edit", content="Unicorns\r\nto let! 🦄")

    assert answer(office, approval).content == "Unicorns\nto let! 🦄"


def test_an_edit_keeps_the_line_ends_of_the_text(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, content="a\r\nb"))

    office.press(office.token(approval, "Ada"), "edit", content="a\r\nc")

    assert answer(office, approval).content == "a\r\nc"


@pytest.mark.parametrize("content", ["a\nb", "a\r\nb", "a\rb\n", "\n\na", "nul \x00", " a "])
def test_what_a_browser_sends_back_untouched_is_no_edit(office: Office, content: str) -> None:
    _, approval = ask(office.journal, replace(POST, content=content))

    page = office.press(office.token(approval, "Ada"), "approve")

    assert page.status == 200
    assert answer(office, approval).content is None


def test_json_decides_alike(office: Office) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval)
    wish = {"decision": "approved", "form": form_of(office, token), "name": "Bob", "content": "Hm"}

    decided = office.send(token, wish)

    assert decided.status == 200
    assert decided.headers["content-type"] == "application/json; charset=utf-8"
    assert (decided.json["state"], decided.json["decided_by"], decided.json["missing"]) == (
        "approved",
        "Bob",
        0,
    )
    assert answer(office, approval).content == "Hm"


def test_where_deciders_were_is_told_to_no_other_decider(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, quorum=2))
    office.press(office.token(approval, "Ada"), "approve")
    token = office.token(approval, "Bob")

    for page in (office.open(token), office.open(token, "application/json")):
        assert "Ada" in page.body
        assert "203.0.113.7" not in page.body


def test_whom_a_link_was_sent_to_decides_whatever_name_is_sent(office: Office) -> None:
    _, approval = ask(office.journal)

    office.press(office.token(approval, "Ada"), "approve", name="Eve")

    assert answer(office, approval).by == "Ada"


def test_a_role_comes_with_the_link_and_not_with_a_name(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, may_decide=("role:legal",)))

    refused = [
        office.press(office.token(approval), "approve", name=name)
        for name in ("legal", "role:legal", " Role:LEGAL ")
    ]
    taken = office.press(office.token(approval, None, "legal"), "approve", name="Bob")

    assert {page.status for page in refused} == {403}
    assert "not for &#x27;legal&#x27; to decide, expected one of: role:legal" in refused[0].body
    assert taken.status == 200
    assert answer(office, approval).by == "Bob"


def test_several_approve_by_links_of_their_own(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, quorum=2))

    first = office.press(office.token(approval, "Ada"), "approve")
    again = office.press(office.token(approval, "Ada"), "approve")
    still_open = now_of(office, approval).state
    second = office.press(office.token(approval, "Bob"), "approve")

    assert (first.status, again.status, second.status) == (200, 409, 200)
    assert "approved" in again.text
    assert "already" in again.text
    assert still_open is ApprovalState.OPEN
    assert now_of(office, approval).state is ApprovalState.APPROVED


# --- what decides nothing ---


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_that_is_followed_a_thousand_times_decides_nothing(
    office: Office, method: str
) -> None:
    lease, approval = ask(office.journal)
    path = f"/a/{office.token(approval)}"
    before = now_of(office, approval)

    statuses = {office.ask(method, path).status for _ in range(1_000)}

    assert statuses == {200}
    assert replace(now_of(office, approval), views=()) == before
    kinds = [each.event.type for each in office.journal.events(lease.session_id)]
    assert kinds.count(EventType.APPROVAL_DECIDED) == 0
    assert kinds.count(EventType.APPROVAL_VIEWED) == (1 if method == "GET" else 0)


def test_an_answer_to_head_has_no_body_and_the_headers_of_get(office: Office) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval)

    head = office.ask("HEAD", f"/a/{token}")

    assert head.body == ""
    assert head.headers == office.open(token).headers


@pytest.mark.parametrize("form", [None, "", "x", "a.b", "é.AAAA", "x" * 5_000])
@pytest.mark.parametrize("button", ["approve", "deny", "edit"])
def test_a_form_that_is_sent_without_the_page_s_field_decides_nothing(
    office: Office, form: str | None, button: str
) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval)
    fields = {"decision": button, "name": "Bob", "comment": "c", "content": "other"}

    page = office.submit(token, fields if form is None else fields | {"form": form})
    as_json = office.send(token, {"decision": "approved", "name": "Bob", "form": form})

    assert (page.status, as_json.status) == (403, 403)
    assert as_json.json["type"] == "urn:errand:problem:form-missing"
    assert now_of(office, approval).votes == ()
    assert len(page.all("form")) == 1


@pytest.mark.parametrize("form", ["\ud800", "\ud800.AAAA", "AAAA.\udfff"])
def test_half_of_a_surrogate_pair_is_no_form(office: Office, form: str) -> None:
    _, approval = ask(office.journal)

    sent = office.send(office.token(approval), ANY | {"form": form})

    assert sent.status == 403


def test_the_field_of_another_link_decides_nothing(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, quorum=2))
    ada, bob = office.token(approval, "Ada"), office.token(approval, "Bob")

    page = office.submit(bob, office.open(ada).fields("approve"))

    assert page.status == 403
    assert now_of(office, approval).votes == ()


def test_a_link_s_token_is_no_form(office: Office) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval)

    sent = office.send(token, ANY | {"form": token})

    assert sent.status == 403


def test_a_form_that_is_sent_again_decides_nothing(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, quorum=3))
    token = office.token(approval)
    fields = office.open(token).fields("approve")

    first = office.submit(token, fields | {"name": "Bob"})
    again = [office.submit(token, fields | {"name": name}) for name in ("Bob", "Eve", "Mallory")]

    assert first.status == 200
    assert [page.status for page in again] == [409, 409, 409]
    assert [vote.by for vote in now_of(office, approval).votes] == ["Bob"]


def test_a_page_that_was_open_for_too_long_has_to_be_looked_at_again(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, expires_in=None), deadline_at=later(10**6))
    token = office.token(approval, "Ada")
    fields = office.open(token).fields("approve")
    office.later(hours=12)

    page = office.submit(token, fields | {"comment": "My words"})

    assert page.status == 403
    assert page.only("textarea", name="comment").text == "My words"
    assert office.submit(token, page.fields("approve")).status == 200


def test_a_text_that_was_edited_meanwhile_is_shown_and_not_decided(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, quorum=2))
    token = office.token(approval, "Ada")
    fields = office.open(token).fields("approve")
    office.press(office.token(approval, "Bob"), "edit", content="Unicorns to let!")

    page = office.submit(token, fields)

    assert page.status == 409
    assert "the text has changed" in page.text
    assert page.all("pre")[0].text == "Unicorns to let!"
    assert page.only("textarea", name="content").text == "Unicorns to let!"
    assert office.submit(token, page.fields("approve")).status == 200
    assert answer(office, approval).content == "Unicorns to let!"


def test_an_edit_of_a_text_that_was_edited_meanwhile_is_not_lost(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, quorum=2))
    token = office.token(approval, "Ada")
    fields = office.open(token).fields("edit") | {"content": "Mine"}
    office.press(office.token(approval, "Bob"), "edit", content="His")

    page = office.submit(token, fields)

    assert page.status == 409
    assert page.all("pre")[0].text == "His"
    assert page.only("textarea", name="content").text == "Mine"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", ""])
def test_other_methods_are_refused_before_the_link_is_looked_at(
    office: Office, method: str
) -> None:
    _, approval = ask(office.journal)
    path = f"/a/{office.token(approval)}"

    one, other = office.ask(method, path), office.ask(method, "/a/x")

    assert (one.status, one.headers["allow"], one.body) == (405, "GET, HEAD, POST", other.body)


# --- two at once ---


def test_of_two_who_decide_differently_at_once_one_wins_and_the_other_is_told(
    tmp_path: Path,
) -> None:
    artifacts = FolderStore(tmp_path / "artifacts")
    desks = [Office(SqliteJournal(tmp_path / "journal.db", artifacts=artifacts)) for _ in range(2)]
    for number in range(10):
        lease, approval = ask(desks[0].journal)
        assert lease.session_id
        tokens = [desks[0].token(approval, name) for name in ("Ada", "Bob")]
        forms = [form_of(desk, token) for desk, token in zip(desks, tokens, strict=True)]
        wishes = [
            {"decision": "approved", "form": forms[0], "comment": f"yes {number}"},
            {"decision": "denied", "form": forms[1], "comment": f"no {number}"},
        ]
        said = at_once(
            partial(desks[0].send, tokens[0], wishes[0]),
            partial(desks[1].send, tokens[1], wishes[1]),
        )

        won = now_of(desks[0], approval)
        assert sorted(page.status for page in said) == [200, 409]
        (lost,) = (page.json for page in said if page.status == 409)
        assert (lost["state"], lost["decided_by"]) == (won.state.value, won.decided_by)
        assert lost["decided_at"] == "2026-01-31T08:30:00.000Z"
        assert lost["detail"].startswith(
            f"It was {won.state.value} by {won.decided_by} on Saturday"
        )
    for desk in desks:
        assert isinstance(desk.journal, SqliteJournal)
        desk.journal.close()


def at_once(*calls: Callable[[], Page]) -> list[Page]:
    gate = threading.Barrier(len(calls))
    said: list[Page] = []

    def call(each: Callable[[], Page]) -> None:
        gate.wait()
        said.append(each())

    threads = [threading.Thread(target=call, args=(each,)) for each in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_who_had_the_page_open_is_told_who_decided_and_when(office: Office) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval, "Ada")
    fields = office.open(token).fields("approve")
    office.later(minutes=1)
    office.press(office.token(approval, "Bob"), "deny", comment="No.")

    page = office.submit(token, fields)

    assert page.status == 409
    assert page.only("h1").text == "It is denied already"
    assert "denied by Bob on Saturday 31 January 2026, 08:31 UTC" in page.text


def test_a_reload_of_the_page_after_a_decision_tells_what_it_was(office: Office) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval, "Ada")
    fields = office.open(token).fields("approve")
    office.submit(token, fields)

    again = office.submit(token, fields)

    assert again.status == 409
    assert "approved by Ada" in again.text


def test_a_decision_whose_signal_was_lost_wakes_the_run_when_it_is_sent_again(
    office: Office, journal: SqliteJournal
) -> None:
    lease, approval = ask(office.journal)
    token = office.token(approval, "Ada")
    fields = office.open(token).fields("approve")
    office.submit(token, fields)
    query = "UPDATE runs SET body = json_set(body, '$.wake_token', 'token') WHERE session_id = ?"
    journal._db.execute(query, (lease.session_id,))

    office.submit(token, fields)

    assert office.signal.tokens == ["token"]


# --- what nobody learns ---


def unusable(office: Office) -> dict[str, str]:
    """Give a link of each kind that opens nothing."""
    lease, approval = ask(office.journal)
    run = office.journal.get(lease.session_id)
    assert run is not None
    good = office.token(approval)
    link = Link(
        callback_id=approval.callback_id,
        question_hash=approval.question.hash,
        expires_at=approval.ends_at(run),
    )
    _, used = ask(office.journal)
    tokens = {
        "altered": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "cut": good[: len(good) // 2],
        "longer": f"{good}/x",
        "none": "x",
        "empty": "",
        "percent": "%00%ff",
        "no text": "\ud800.AAAA",
        "another stack's": Office(office.journal, keys=type(office.keys)(NEW)).token(approval),
        "of another run": office.links.token(
            replace(link, callback_id=callback_id_of("0" * 36, "cb-1"))
        ),
        "of another callback": office.links.token(
            replace(link, callback_id=callback_id_of(lease.session_id, "cb-9"))
        ),
        "of the callback before the retry": office.links.token(
            replace(link, callback_id=callback_id_of(lease.session_id, "cb-1", retries=1))
        ),
        "of another question": office.links.token(replace(link, question_hash="0" * 64)),
        "expired": office.links.token(replace(link, expires_at=office.now)),
        "used": office.token(used),
    }
    office.press(tokens["used"], "approve", name="Ada")
    gone_lease, gone = ask(office.journal)
    tokens["withdrawn"] = office.token(gone)
    office.journal.settle(gone_lease, Ending(status=Status.CANCELLED), now=office.now)
    return tokens


def test_every_link_that_opens_nothing_gets_the_same_answer(office: Office) -> None:
    tokens = unusable(office)
    ways: list[Callable[[str], Page]] = [
        office.open,
        lambda token: office.open(token, "application/json"),
        lambda token: office.ask("HEAD", f"/a/{token}"),
        lambda token: office.submit(token, {"decision": "approve", "form": "x"}),
        lambda token: office.send(token, {"decision": "denied", "comment": "c"}),
    ]
    for way in ways:
        said = {name: way(token) for name, token in tokens.items()}
        assert {page.status for page in said.values()} == {404}
        assert len({json.dumps([page.body, dict(page.headers)]) for page in said.values()}) == 1


def test_every_link_that_opens_nothing_costs_the_same_reads_and_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = unusable(office)
    reads: list[str] = []
    real = SqliteJournal.approval

    def counted(self: SqliteJournal, callback_id: str) -> Asked:
        reads.append(callback_id)
        return real(self, callback_id)

    monkeypatch.setattr(SqliteJournal, "approval", counted)
    for method, body in (("GET", b""), ("HEAD", b""), ("POST", b'{"decision":"approved"}')):
        for token in tokens.values():
            office.ask(method, f"/a/{token}", body=body, content_type="application/json")

    assert len(reads) == 3 * len(tokens)
    assert office.pauses[-3 * len(tokens) :] == [REFUSAL_SECONDS] * (3 * len(tokens))


def test_a_refusal_takes_its_time_from_the_arrival_of_the_request(office: Office) -> None:
    seconds = iter([100.0, 100.1])
    office.api = replace(office.api, ticks=lambda: next(seconds))

    office.open("x")

    assert office.pauses == [pytest.approx(REFUSAL_SECONDS - 0.1)]


def test_a_refusal_says_nothing_of_the_run(office: Office) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval)
    office.press(token, "deny", name="Ada", comment="Secret reason")

    page = office.open(token)

    for word in (approval.session_id, "Ada", "Secret", "denied", "Unicorns", "cost-analysis"):
        assert word not in page.body


def test_whoever_saw_no_page_is_not_told_who_decided(office: Office) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval)
    office.press(token, "approve", name="Ada")

    sent = office.send(token, {"decision": "approved", "name": "Bob", "form": "x"})

    assert sent.status == 404
    assert "Ada" not in sent.body


def test_a_new_key_breaks_no_open_link_or_page(office: Office) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval, "Ada")
    fields = office.open(token).fields("approve")
    office.keys.text = f"{OLD}\n{NEW}"
    office.keys.seconds = 400

    page = office.submit(token, fields)

    assert page.status == 200


# --- what is wrong with a decision ---


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": " "}, "name is empty, expected your name"),
        ({"name": "x" * (MAX_NAME + 1)}, "expected your name, in at most 100 printable"),
        ({"name": "Eve\u202e"}, "printable characters"),
        ({"comment": "x" * (MAX_COMMENT + 1)}, "comment has 4,001 characters, expected at most"),
        ({"comment": "bell \x07"}, "comment has the control character U+0007"),
        ({"content": "\ud83e"}, "content has the control character U+D83E"),
        ({"content": " \n"}, "content is empty, expected what is approved"),
        ({"content": "é" * (MAX_CONTENT // 2 + 1)}, "content has 262,146 bytes, expected at most"),
        ({"decision": "denied", "comment": " "}, "comment is empty, expected why"),
        (
            {"decision": "denied", "comment": "No.", "content": "x"},
            "content comes with a denial, expected with approvals only",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named(
    office: Office, fields: dict[str, str], message: str
) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval)
    wish = {"decision": "approved", "name": "Bob", "form": form_of(office, token)}

    sent = office.send(token, wish | fields)

    assert sent.status == 422
    assert sent.json["type"] == "urn:errand:problem:invalid"
    assert message in sent.json["detail"]
    assert sent.json["errors"][0]["field"] in fields
    assert now_of(office, approval).votes == ()


def test_an_edit_without_a_change_is_pointed_out(office: Office) -> None:
    _, approval = ask(office.journal)

    page = office.press(office.token(approval, "Ada"), "edit")

    assert page.status == 422
    assert "content is as it was, expected a change" in page.text


@pytest.mark.parametrize(
    ("shown", "edit", "is_taken"),
    [
        ('{"a": 1}', '{"b": []}', True),
        ('{"a": 1}', "no JSON", False),
        ('{"a": 1}', "[1]", False),
        ("[1]", "null", False),
        ("[a link](x)", "other", True),
        ("12", "twelve", True),
    ],
)
def test_an_object_or_array_stays_one(
    office: Office, *, shown: str, edit: str, is_taken: bool
) -> None:
    _, approval = ask(office.journal, Question(what="go on", content=shown))

    page = office.press(office.token(approval, "Ada"), "edit", content=edit)

    assert page.status == (200 if is_taken else 422)
    assert is_taken or "as it was shown" in page.text


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"decision=maybe", "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 400),
        (b"decision=deny&decision=approve", "application/x-www-form-urlencoded", 400),
        (b"decision=deny&comment=%ff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=b"] * 101), "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"decision": 1}', "application/json", 400),
        (b'{"decision": {}}', "application/json", 400),
        (b'{"decision": "approved", "name": 1}', "application/json", 400),
        (b"decision=deny", "multipart/form-data; boundary=x", 415),
        (b"decision=deny", "", 415),
        (b"x" * (MAX_BODY + 1), "application/json", 413),
    ],
)
def test_a_body_that_is_no_decision_is_refused_whatever_the_link(
    office: Office, body: bytes, content_type: str, status: int
) -> None:
    _, approval = ask(office.journal)

    said = [
        office.ask("POST", f"/a/{token}", body=body, content_type=content_type)
        for token in (office.token(approval), "x")
    ]

    assert {page.status for page in said} == {status}
    assert said[0].body == said[1].body
    assert now_of(office, approval).votes == ()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
@given(body=st.binary(max_size=300), is_form=st.booleans())
def test_any_body_is_answered(office: Office, body: bytes, *, is_form: bool) -> None:
    kind = "application/x-www-form-urlencoded" if is_form else "application/json"

    assert office.ask("POST", "/a/x", body=body, content_type=kind).status in (400, 404)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=100,
)
@given(
    data=st.dictionaries(
        st.sampled_from(["decision", "form", "name", "comment", "content", "more"]),
        st.sampled_from(["approved", "denied", ""]) | ANY_JSON,
    )
)
def test_any_json_is_answered(office: Office, data: dict[str, object]) -> None:
    _, approval = ask(office.journal)

    sent = office.send(office.token(approval), data)

    assert sent.status in (400, 403)
    assert sent.json["type"].startswith("urn:errand:problem:")


def test_fields_that_nobody_knows_are_left_alone(office: Office) -> None:
    _, approval = ask(office.journal)
    token = office.token(approval, "Ada")
    form = form_of(office, token)

    body = f"utm=1&utm=2&decision=approve&form={form}".encode()
    sent = office.ask(
        "POST", f"/a/{token}", body=body, content_type="application/x-www-form-urlencoded"
    )

    assert sent.status == 200


# --- what is out of our hands ---


class Failing:
    """A journal whose reads fail."""

    def __init__(self, error: RunError) -> None:
        self._error = error

    def approval(self, callback_id: str) -> Asked:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (JournalUnavailableError("throttled"), 503),
        (CorruptRecordError("session", "APPROVAL#secret", "why"), 500),
    ],
)
def test_a_journal_that_fails_is_an_answer_that_tells_no_secret(
    office: Office, error: RunError, status: int
) -> None:
    failing: Any = Failing(error)
    office.api = replace(office.api, answers=replace(office.api.answers, journal=failing))

    page = office.open("x")

    assert page.status == status
    assert "secret" not in page.body
    assert "throttled" not in page.body
    assert ("retry-after" in page.headers) is (status == 503)


def test_keys_that_can_not_be_had_are_an_answer(office: Office) -> None:
    office.keys.text = ""

    page = office.open("YWJj.YWJj")

    assert page.status == 503
    assert "a text" not in page.body


def test_a_decision_that_its_service_was_not_told_of_is_said_to_be_recorded(
    office: Office,
) -> None:
    approval = ask_in_a_durable_function(office.journal)

    page = office.press(office.token(approval, "Ada"), "approve")

    assert page.status == 502
    assert "Your decision is recorded, but the run was not told" in page.text
    assert now_of(office, approval).state is ApprovalState.APPROVED


def ask_in_a_durable_function(journal: Journal) -> Approval:
    run = accept(journal, source=DURABLE_FUNCTION, execution="arn:aws:lambda:::execution")
    lease = journal.claim(
        run.session_id,
        owner="function",
        token="token",
        now=NOW,
        lease_seconds=60,
        execution=run.execution,
    ).lease
    callback = a_callback(run.session_id, external_id="the service's own")
    approval, event = asked(callback, POST, session_id=run.session_id, now=NOW)
    changes = Changes(operations=(callback,), approvals=(approval,), events=(event,))
    journal.commit(lease, changes, now=NOW)
    return approval


# --- JSON and OpenAPI ---


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/json", True),
        ("application/json, text/plain, */*", True),
        ("application/problem+json", True),
        ("text/html;q=0.5, application/json;q=0.9", True),
        ("application/json;q=0", False),
        ("application/*", True),
        (";;;,,q=", False),
    ],
)
def test_the_accept_header_chooses_between_page_and_json(
    office: Office, accept: str, *, is_json: bool
) -> None:
    _, approval = ask(office.journal)

    page = office.open(office.token(approval), accept)

    kind = "application/json" if is_json else "text/html"
    assert page.headers["content-type"] == f"{kind}; charset=utf-8"


def test_json_says_what_was_asked_before(office: Office) -> None:
    lease, first = ask(office.journal)
    office.journal.decide_approval(first.callback_id, no(first, BOB), now=later(1))
    _, approval = ask(office.journal, lease=lease, operation_id="cb-2", at=later(2))
    office.later(seconds=3)

    data = office.open(office.token(approval, "Ada"), "application/json").json

    assert data["decides_as"] == "Ada"
    assert data["before"]["state"] == "denied"
    assert data["before"]["decisions"] == [
        {
            "decision": "denied",
            "by": "bob",
            "at": "2026-01-31T08:30:01.000Z",
            "comment": "Too loud.",
        }
    ]


def document(office: Office) -> dict[str, Any]:
    found: dict[str, Any] = office.ask("GET", "/openapi.json").json
    return found


def test_the_openapi_document_is_valid(office: Office) -> None:
    served = document(office)

    validate(served)
    assert served["openapi"] == "3.1.0"
    assert office.ask("HEAD", "/openapi.json").status == 200
    assert office.ask("POST", "/openapi.json").status == 405


def check(document: dict[str, Any], method: str, page: Page) -> None:
    """Hold an answer against the document."""
    answers = document["paths"]["/a/{token}"][method]["responses"]
    content = answers[str(page.status)]["content"]
    kind = page.headers["content-type"].partition(";")[0]
    assert kind in content
    if kind != "text/html":
        schema = content[kind]["schema"] | {"components": document["components"]}
        OAS31Validator(schema, format_checker=oas31_format_checker).validate(page.json)


def test_every_answer_is_as_the_document_says(office: Office) -> None:
    served = document(office)
    lease, before = ask(office.journal, replace(POST, content="before"))
    office.journal.decide_approval(before.callback_id, no(before), now=NOW)
    question = replace(POST, quorum=2, may_decide=("ada", "role:legal"))
    _, approval = ask(office.journal, question, lease=lease, operation_id="cb-2")
    ada, other = office.token(approval, "Ada"), office.token(approval, None, "legal")
    wish = {"decision": "approved", "form": form_of(office, ada)}
    kept = {"decision": "approved", "name": "Bob", "form": form_of(office, other)}
    sent = [
        ("get", office.open(ada, "application/json")),
        ("get", office.open(ada)),
        ("get", office.open("x", "application/json")),
        ("post", office.send(ada, wish | {"comment": "\x07"})),
        ("post", office.send(ada, wish | {"form": "x"})),
        ("post", office.send(ada, wish)),
        ("post", office.send(ada, wish)),
        ("post", office.send(ada, [])),
        ("post", office.send("x", wish)),
        ("post", office.send(other, kept | {"form": form_of(office, other)})),
        ("post", office.send(other, kept)),
        ("post", office.ask("POST", "/a/x", body=b"x", accept="application/json")),
        ("post", office.ask("POST", "/a/x", body=b"x" * (MAX_BODY + 1), accept="application/*")),
    ]

    for method, page in sent:
        check(served, method, page)
    assert [page.status for _, page in sent] == [
        *(200, 200, 404, 422, 403, 200, 409, 400, 404, 200, 409, 415, 413)
    ]


def test_what_is_nowhere_is_said_so(office: Office) -> None:
    for path in ("/", "/favicon.ico", "/a", "/openapi"):
        assert office.ask("GET", path).status == 404
    assert office.pauses == []


def test_an_approval_by_the_command_is_seen_by_the_page(office: Office) -> None:
    _, approval = ask(office.journal, replace(POST, quorum=2))
    office.journal.decide_approval(approval.callback_id, yes(approval), now=NOW)

    assert office.open(office.token(approval), "application/json").json["missing"] == 1
