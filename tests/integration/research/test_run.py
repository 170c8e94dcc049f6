"""Whole runs of `research-report`: the real engine, the offline model, a journal on disk."""

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
from runs.events import EventType
from runs.run import Run, Status
from tests.support.cost import SESSION_ID, Plant, digests
from tests.support.research import DOCUMENTS, SAMPLE, plant, write

FILES = {"passages.json", "report.md", "sources.json"}


def model_calls(plant: Plant) -> Counter[str | None]:
    """Count the paid calls of each agent."""
    events = [recorded.event for recorded in plant.journal.events(SESSION_ID)]
    return Counter(event.name for event in events if event.type is EventType.MODEL_CALLED)


def sources(plant: Plant) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(plant.files()["sources.json"])
    return data


def result(run: Run) -> dict[str, Any]:
    assert isinstance(run.result, dict), run.error
    return run.result


def given(corpus: Path, **more: object) -> str:
    return json.dumps({"corpus": [str(corpus)], **more})


def test_without_an_input_the_sample_is_researched(tmp_path: Path) -> None:
    place = plant(tmp_path, prompt="How do agents survive a crash, and what does it cost?")

    run = place.attempt(None)

    assert run.status is Status.COMPLETED, run.error
    assert set(result(run)["artifacts"]) == FILES == {it.name for it in run.artifacts}
    assert result(run)["findings"] >= 10
    assert result(run)["dropped"] == 0
    assert run.progress.done == run.progress.total == 5
    assert "the offline playbook, without a language model" in place.files()["report.md"].decode()


def test_every_source_of_the_report_has_its_quote_on_the_lines_it_names(tmp_path: Path) -> None:
    place = plant(tmp_path, prompt="How do agents survive a crash, and what does it cost?")
    place.attempt(None)

    found = sources(place)["sources"]

    assert found
    for source in found:
        lines = (SAMPLE / source["document"]).read_text(encoding="utf-8").splitlines()
        named = " ".join(" ".join(lines[source["first_line"] - 1 : source["last_line"]]).split())
        for quote in source["quotes"]:
            assert " ".join(quote.split()) in named


def test_the_planner_is_asked_only_where_nobody_names_topics(tmp_path: Path) -> None:
    corpus = write(tmp_path)
    places = [tmp_path / name for name in ("asked", "listed", "named")]
    for folder in places:
        folder.mkdir()
    asked, listed = plant(places[0]), plant(places[1], prompt="Tell me of\n- lamps\n- keepers")
    named = plant(places[2])

    topics = [
        result(asked.attempt(str(corpus)))["topics"],
        result(listed.attempt(str(corpus)))["topics"],
        result(named.attempt(given(corpus, topics=["lamp oil"])))["topics"],
    ]

    assert topics == [["Lamps", "Keepers"], ["lamps", "keepers"], ["lamp oil"]]
    assert [model_calls(it)["planner"] > 0 for it in (asked, listed, named)] == [True, False, False]


def test_two_runs_of_one_corpus_give_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        place = plant(tmp_path / name)
        place.attempt(str(write(tmp_path / name)))
        written.append(digests(place.files()))

    assert written[0] == written[1]
    assert written[0].keys() == FILES


def test_a_question_nobody_answers_ends_with_what_was_searched(tmp_path: Path) -> None:
    run = plant(tmp_path, prompt="Who built submarines?").attempt(str(write(tmp_path)))

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
    tmp_path: Path, name: str, kind: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "blank").mkdir()
    (tmp_path / "blank" / "a.md").write_text("\n")
    place = plant(tmp_path)

    run = place.attempt(name if ":" in name else str(tmp_path / name))

    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == kind
    assert model_calls(place) == {}


def test_an_address_that_does_not_answer_is_tried_three_times(tmp_path: Path) -> None:
    place = plant(tmp_path)

    statuses = [place.attempt("http://127.0.0.1:1/x").status for _ in range(3)]

    assert statuses == [Status.WAITING, Status.WAITING, Status.FAILED]
    error = place.head().error
    assert error is not None
    assert error.type == "PageUnavailableError"


def test_steps_are_tried_three_times_with_longer_and_longer_waits() -> None:
    error = ConnectionError("hung up")

    tries = [retry(error, tries) for tries in (1, 2, 3)]

    assert [(it.should_retry, it.delay_seconds) for it in tries] == [
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


def test_researchers_work_side_by_side_and_no_more_than_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(MAX_RESEARCHERS)

    def meet(_: str, turn: int) -> None:
        if turn == 0:
            # Nobody gets past here before as many as the bound allows are at work.
            together.wait(30)

    watched = watch(monkeypatch, meet)
    topics = [f"lamp number {n}" for n in range(MAX_RESEARCHERS * 2)]

    run = plant(tmp_path).attempt(given(write(tmp_path), topics=topics))

    assert run.status is Status.COMPLETED, run.error
    assert watched.most == MAX_RESEARCHERS


def test_a_researcher_that_fails_is_taken_up_again_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter(["once"])

    def fail_once(topic: str, turn: int) -> None:
        if topic == "keepers" and turn == 1 and next(failures, None):
            message = "the provider hung up"
            raise ConnectionError(message)

    watch(monkeypatch, fail_once)
    place = plant(tmp_path)
    wish = given(write(tmp_path), topics=["lamps", "keepers"])

    first = place.attempt(wish)
    paid = model_calls(place)
    last = place.attempt(wish)

    assert first.status is Status.WAITING
    assert last.status is Status.COMPLETED, last.error
    assert (paid["research-1"], paid["research-2"]) == (3, 1)
    again = model_calls(place)
    assert (again["research-1"], again["research-2"]) == (3, 3)


def test_a_topic_that_can_not_be_researched_is_missing_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(topic: str, _: int) -> None:
        if topic == "keepers":
            message = "the provider hung up"
            raise ConnectionError(message)

    watch(monkeypatch, fail)
    place = plant(tmp_path)
    wish = given(write(tmp_path), topics=["lamps", "keepers"])

    statuses = [place.attempt(wish).status for _ in range(3)]

    assert statuses == [Status.WAITING, Status.WAITING, Status.COMPLETED]
    text = place.files()["report.md"].decode()
    assert "“keepers” was not researched: the provider hung up" in text
    starts = [
        recorded.event
        for recorded in place.journal.events(SESSION_ID)
        if recorded.event.type is EventType.STEP_STARTED and recorded.event.name == "research-2"
    ]
    assert len(starts) == 3


def test_without_any_topic_researched_the_run_fails_with_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str, __: int) -> None:
        message = "the provider hung up"
        raise ConnectionError(message)

    watch(monkeypatch, fail)
    place = plant(tmp_path)

    statuses = [place.attempt(str(write(tmp_path))).status for _ in range(3)]

    assert statuses[-1] is Status.FAILED
    error = place.head().error
    assert error is not None
    assert (error.type, error.message) == ("ConnectionError", "the provider hung up")


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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    place = plant(tmp_path, prompt="What of whale oil?")

    run = place.attempt(given(corpus, topics=["whale oil"]))

    assert run.status is Status.COMPLETED, run.error
    assert result(run)["dropped"] == 4
    text = place.files()["report.md"].decode()
    body, _, missing = text.partition("## What is missing")
    for made_up in ("Gas is used now", "Nobody looked here", "Baseless", "Out of nowhere"):
        assert made_up not in body
        assert f"Left out: “{made_up}" in missing
    assert not re.search("Ar-Men", body)
