"""Whole runs of `research-report` in each of its homes, with the offline model."""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.models.conversation import Conversation, Playbook, Turn
from agent.workflows.research import playbook
from agent.workflows.research.errors import CorpusNotFoundError, PageUnavailableError
from agent.workflows.research.notes import Analysis, Notes, Summary
from agent.workflows.research.prompts import topic_of
from agent.workflows.research_report import MAX_RESEARCHERS, retry
from runs.events import Event, EventType
from runs.run import Run, Status
from tests.support.cost import digests
from tests.support.homes import Home, Homes, WorkerHome, everywhere, files_of
from tests.support.research import DOCUMENTS, QUESTION, SAMPLE, write
from tests.support.web import Site

FILES = {"passages.json", "report.md", "sources.json"}


def events(home: Home) -> list[Event]:
    return [recorded.event for recorded in home.journal.events(home.head().session_id)]


def model_calls(home: Home) -> Counter[str | None]:
    """Count the paid calls of each agent."""
    return Counter(event.name for event in events(home) if event.type is EventType.MODEL_CALLED)


def tries(home: Home, step: str) -> int:
    """Count how often a step failed."""
    failed = [event for event in events(home) if event.type is EventType.STEP_FAILED]
    return sum(event.name == step for event in failed)


def sources(home: Home) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(files_of(home)["sources.json"])
    return data


def result(run: Run) -> dict[str, Any]:
    assert isinstance(run.result, dict), run.error
    return run.result


def given(corpus: Path, **more: object) -> str:
    return json.dumps({"corpus": [str(corpus)], **more})


def test_without_an_input_the_sample_is_researched(sampled: Home) -> None:
    run = sampled.head()

    assert run.status is Status.COMPLETED, run.error
    assert set(result(run)["artifacts"]) == FILES == {it.name for it in run.artifacts}
    assert result(run)["findings"] >= 10
    assert result(run)["dropped"] == 0
    assert run.progress.done == run.progress.total == 5
    text = files_of(sampled)["report.md"].decode()
    assert text.index("Made offline, without a language model") < text.index("**")
    assert "the offline playbook, without a language model" in text


def test_every_source_of_the_report_has_its_quote_on_the_lines_it_names(sampled: Home) -> None:
    found = sources(sampled)["sources"]

    assert found
    for source in found:
        lines = (SAMPLE / source["document"]).read_text(encoding="utf-8").splitlines()
        named = " ".join(" ".join(lines[source["first_line"] - 1 : source["last_line"]]).split())
        for quote in source["quotes"]:
            assert " ".join(quote.split()) in named


def test_the_planner_is_asked_only_where_nobody_names_topics(tmp_path: Path, homes: Homes) -> None:
    corpus = write(tmp_path)
    asked, listed, named = homes(), homes("Tell me of\n- lamps\n- keepers"), homes()

    topics = [
        result(asked.run(str(corpus)))["topics"],
        result(listed.run(str(corpus)))["topics"],
        result(named.run(given(corpus, topics=["lamp oil"])))["topics"],
    ]

    assert topics == [["Lamps", "Keepers"], ["lamps", "keepers"], ["lamp oil"]]
    assert [model_calls(it)["planner"] > 0 for it in (asked, listed, named)] == [True, False, False]


@everywhere
def test_every_home_gives_the_same_bytes(tmp_path: Path, homes: Homes) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    expected = WorkerHome(elsewhere, workflow="research-report", prompt=QUESTION)
    expected.run(str(write(tmp_path)))

    home = homes()
    home.run(str(tmp_path / "corpus"))

    assert digests(files_of(home)) == digests(files_of(expected))
    assert files_of(home).keys() == FILES


def test_a_question_nobody_answers_ends_with_what_was_searched(
    tmp_path: Path, homes: Homes
) -> None:
    run = homes("Who built submarines?").run(str(write(tmp_path)))

    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == "NothingFoundError"
    assert "none of 4 passages of 2 documents" in run.error.message


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nowhere", "CorpusNotFoundError"),
        ("empty", "EmptyCorpusError"),
        ("blank", "NoReadableTextError"),
        ("s3://bucket/key", "PageRefusedError"),
        ('{"corpsu": "x"}', "InquiryError"),
    ],
)
def test_a_corpus_that_can_not_be_had_fails_at_once_and_says_why(
    tmp_path: Path, home: Home, name: str, kind: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "blank").mkdir()
    (tmp_path / "blank" / "a.md").write_text("\n")

    run = home.run(name if ":" in name else str(tmp_path / name))

    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == kind
    assert model_calls(home) == {}
    assert run.attempt == 1


def test_an_address_that_does_not_answer_is_tried_three_times(home: Home) -> None:
    run = home.run("http://127.0.0.1:1/x")

    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == "PageUnavailableError"
    assert tries(home, "corpus") == 3


def test_a_page_and_a_file_are_one_corpus(tmp_path: Path, home: Home, site: Site) -> None:
    corpus = write(tmp_path)
    site.pages["/lamps"] = (200, {"Content-Type": "text/markdown"}, DOCUMENTS["lamps.md"].encode())
    wish = json.dumps({"corpus": [str(corpus / "keepers.md"), f"{site.url}/lamps"]})

    run = home.run(wish)

    assert run.status is Status.COMPLETED, run.error
    cited = {source["document"] for source in sources(home)["sources"]}
    assert cited == {"keepers.md", f"{site.url}/lamps"}


def test_a_page_that_can_not_be_had_does_not_cost_the_research_in_the_others(
    tmp_path: Path, home: Home, site: Site
) -> None:
    gone, silent = f"{site.url}/gone", "http://127.0.0.1:1/silent"
    wish = json.dumps({"corpus": [str(write(tmp_path)), gone, silent]})

    run = home.run(wish)

    assert run.status is Status.COMPLETED, run.error
    # The one that does not answer is asked three times, for the other one no try is spent.
    assert tries(home, "corpus") == 2
    text = files_of(home)["report.md"].decode()
    assert f"Not read: {gone}, which can't be read: the server answers 404 Not Found" in text
    assert f"Not read: {silent}, which can't be reached: " in text
    assert [it["name"] for it in sources(home)["not_read"]] == [gone, silent]


def test_steps_are_tried_three_times_with_longer_and_longer_waits() -> None:
    error = ConnectionError("hung up")

    decided = [retry(error, tries) for tries in (1, 2, 3)]

    assert [(it.should_retry, it.delay_seconds) for it in decided] == [
        (True, 5),
        (True, 10),
        (False, 0),
    ]
    assert not retry(CorpusNotFoundError("x"), 1).should_retry
    assert retry(PageUnavailableError("x", "y"), 1).should_retry


@dataclass
class Watched:
    """A researcher's playbook that is watched, and disturbed."""

    real: Playbook
    before: Callable[[str, int], None]
    working: set[str] = field(default_factory=set)
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, conversation: Conversation) -> Turn:
        """Answer as the real one does."""
        topic = topic_of(conversation.prompt)
        with self.lock:
            self.working.add(topic)
            self.most = max(self.most, len(self.working))
        self.before(topic, conversation.turn)
        turn = self.real(conversation)
        if any(call.name == Notes.__name__ for call in turn.calls):
            with self.lock:
                self.working.discard(topic)
        return turn


def watch(monkeypatch: pytest.MonkeyPatch, before: Callable[[str, int], None]) -> Watched:
    watched = Watched(playbook.research, before)
    monkeypatch.setattr(playbook, "research", watched)
    return watched


@everywhere
def test_researchers_work_side_by_side_and_no_more_than_the_bound(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(MAX_RESEARCHERS)

    def meet(_: str, turn: int) -> None:
        if turn == 0:
            # Nobody gets past here before as many as the bound allows are at work.
            together.wait(30)

    watched = watch(monkeypatch, meet)
    topics = [f"lamp number {n}" for n in range(MAX_RESEARCHERS * 2)]

    run = home.run(given(write(tmp_path), topics=topics))

    assert run.status is Status.COMPLETED, run.error
    assert watched.most == MAX_RESEARCHERS


@everywhere
def test_a_researcher_that_fails_is_taken_up_again_and_nobody_else(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter(["once"])

    def fail_once(topic: str, turn: int) -> None:
        if topic == "keepers" and turn == 1 and next(failures, None):
            message = "the provider hung up"
            raise ConnectionError(message)

    watch(monkeypatch, fail_once)

    run = home.run(given(write(tmp_path), topics=["lamps", "keepers"]))

    assert run.status is Status.COMPLETED, run.error
    assert run.attempt == 2
    calls = model_calls(home)
    assert (calls["research-1"], calls["research-2"]) == (3, 3)
    assert (tries(home, "research-1"), tries(home, "research-2")) == (0, 1)


def test_a_topic_that_can_not_be_researched_is_missing_and_the_report_says_so(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(topic: str, _: int) -> None:
        if topic == "keepers":
            message = "the provider hung up"
            raise ConnectionError(message)

    watch(monkeypatch, fail)

    run = home.run(given(write(tmp_path), topics=["lamps", "keepers"]))

    assert run.status is Status.COMPLETED, run.error
    text = files_of(home)["report.md"].decode()
    assert "“keepers” was not researched: the provider hung up" in text
    assert tries(home, "research-2") == 3


@everywhere
def test_without_any_topic_researched_the_run_fails_with_the_cause(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str, __: int) -> None:
        message = "the provider hung up"
        raise ConnectionError(message)

    watch(monkeypatch, fail)

    run = home.run(str(write(tmp_path)))

    assert run.status is Status.FAILED
    assert run.error is not None
    assert (run.error.type, run.error.message) == ("ConnectionError", "the provider hung up")


def forging(real: Playbook, name: str, change: Callable[[dict[str, Any]], None]) -> Playbook:
    """Let an agent hand in something else than it found."""

    def answer(conversation: Conversation) -> Turn:
        turn = real(conversation)
        for call in turn.calls:
            if call.name == name:
                change(call.input)  # type: ignore[arg-type]  # a dict that was just made
        return turn

    return answer


def test_what_agents_make_up_is_not_in_the_report(
    tmp_path: Path, homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = {"passage_id": "d9-p1", "quote": "The keeper of Ar-Men lives alone."}
    invented = {
        "text": "Gas is used now.",
        "citations": [{"passage_id": "d2-p1", "quote": "lit with gas"}],
    }
    unseen = {"text": "Nobody looked here.", "citations": [unread]}

    def add_notes(notes: dict[str, Any]) -> None:
        notes["findings"] += [invented, unseen]

    def add_point(analysis: dict[str, Any]) -> None:
        analysis["points"] += [{"title": "Baseless", "text": "x", "findings": ["7.7"]}]

    def add_sentence(summary: dict[str, Any]) -> None:
        summary["sentences"] += [{"text": "Out of nowhere.", "findings": []}]

    for name, kind, change in (
        ("research", Notes, add_notes),
        ("analyse", Analysis, add_point),
        ("summarise", Summary, add_sentence),
    ):
        real = getattr(playbook, name)
        monkeypatch.setattr(playbook, name, forging(real, kind.__name__, change))
    # More documents than a researcher reads, so that a passage exists that nobody was given.
    documents = DOCUMENTS | {f"x{n}.md": f"Wreck {n} lies in deep water." for n in range(7)}
    corpus = write(tmp_path, documents | {"x7.md": "The keeper of Ar-Men lives alone."})
    home = homes("What of whale oil?")

    run = home.run(given(corpus, topics=["whale oil"]))

    assert run.status is Status.COMPLETED, run.error
    assert result(run)["dropped"] == 4
    text = files_of(home)["report.md"].decode()
    body, _, missing = text.partition("## What is missing")
    for made_up in ("Gas is used now", "Nobody looked here", "Baseless", "Out of nowhere"):
        assert made_up not in body
        assert f"Left out: “{made_up}" in missing
    assert not re.search("Ar-Men", body)
