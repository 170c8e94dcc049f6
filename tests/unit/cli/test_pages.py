"""Where approvals are decided, as the commands tell it."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from cli.approval_json import approval_to_json
from cli.pages import Pages
from cli.reader import RunReader
from runs.artifacts.folder import FolderStore
from runs.journal.base import Asked
from runs.journal.sqlite import SqliteJournal
from runs.links import PATH, Links
from tests.support.approvals import POST, ask, yes
from tests.support.journals import NOW, later
from tests.support.links import KeyText

BASE = "https://example.org"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path))
    yield opened
    opened.close()


def asked(journal: SqliteJournal) -> Asked:
    _, approval = ask(journal, replace(POST, may_decide=("ada", "role:legal")))
    return journal.approval(approval.callback_id)


def test_an_open_approval_has_a_page_on_which_its_roles_decide(journal: SqliteJournal) -> None:
    links = Links(KeyText().ring, base_url=BASE)
    question = asked(journal)

    url = Pages(links).of(question, NOW)

    assert url is not None
    link = links.read(url.removeprefix(f"{BASE}{PATH}"), now=NOW)
    assert link is not None
    assert link.is_to(question.approval)
    assert (link.name, link.roles) == (None, frozenset({"legal"}))
    assert approval_to_json(question, now=NOW, url=url)["url"] == url


def test_what_is_decided_or_expired_has_no_page(journal: SqliteJournal) -> None:
    pages = Pages(Links(KeyText().ring, base_url=BASE))
    question = asked(journal)
    decided = journal.decide_approval(
        question.approval.callback_id, yes(question.approval), now=NOW
    )

    assert pages.of(question, later(3_600)) is None
    assert pages.of(decided, NOW) is None


@pytest.mark.parametrize("pages", [Pages(), Pages(Links(KeyText("").ring, base_url=BASE))])
def test_without_a_server_or_leave_to_read_the_keys_there_is_no_page(
    journal: SqliteJournal, pages: Pages
) -> None:
    assert pages.of(asked(journal), NOW) is None


def test_a_reader_gives_the_pages_of_what_a_run_asks(journal: SqliteJournal) -> None:
    lease, first = ask(journal)
    _, second = ask(journal, lease=lease, operation_id="cb-2")
    pages = Pages(Links(KeyText().ring, base_url=BASE))
    reader = RunReader(journal, where="the test", translated=nullcontext, pages=pages)
    run = journal.get(lease.session_id)
    assert run is not None

    found = reader.pages(run, NOW)

    assert found.keys() == {first.approval_id, second.approval_id}
    assert len(set(found.values())) == 2
