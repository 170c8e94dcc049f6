"""The agents without a language model: searches by the question's own words, and what they gave.

They call the tools a model would call and write from what these returned: findings are sentences
of the documents, word for word, and the analysis counts what runs through them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agent.models.conversation import Answer, Conversation, ToolCall, Turn
from agent.workflows.research.blocks import plain_text
from agent.workflows.research.chunks import sentences
from agent.workflows.research.index import words
from agent.workflows.research.notes import Analysis, Notes, Plan, Summary
from agent.workflows.research.prompts import question_of, topic_of
from agent.workflows.research.wording import counted
from runs.json_types import Json

_OFFLINE = "I am the offline playbook, not a language model."
MAX_TOPICS = 5
#: Passages a researcher reads, of those found for the topic and for the question.
READ_FOR_TOPIC = 4
READ_FOR_QUESTION = 1
#: A shorter sentence says nothing, a longer one is none.
SHORTEST, LONGEST = 30, 400
#: So few words of a topic and its question are not met twice by chance.
FEW_WORDS = 5
#: Words that run through the findings, each a point.
MAX_THREADS = 4

Record = Mapping[str, Any]
Draft = dict[str, Json]


def plan(conversation: Conversation) -> Turn:
    """Give the planner's next turn: the documents that speak of the question are its topics."""
    question = question_of(conversation.prompt)
    if not conversation.answers_of("search"):
        calls = [ToolCall("list_documents"), ToolCall("search", {"query": _query(question)})]
        return Turn(f"{_OFFLINE} First: which documents speak of it?", calls)
    titles = [str(record["title"]) for record in _passages(conversation.answers_of("search"))]
    topics = list(dict.fromkeys(titles))[:MAX_TOPICS] or [question]
    return _hand_in(Plan.__name__, {"topics": list(topics)})


def research(conversation: Conversation) -> Turn:
    """Give a researcher's next turn."""
    topic, question = topic_of(conversation.prompt), question_of(conversation.prompt)
    searches = conversation.answers_of("search")
    if not searches:
        queries = dict.fromkeys((_query(topic), _query(f"{topic} {question}")))
        calls = [ToolCall("search", {"query": query}) for query in queries]
        return Turn(f"{_OFFLINE} What do the documents say?", calls)
    wanted = _to_read(searches)
    if wanted and not conversation.answers_of("read"):
        calls = [ToolCall("read", {"passage_id": passage}) for passage in wanted]
        return Turn("The best of these in full.", calls)
    findings = list(_findings(conversation.answers_of("read"), topic, question))
    gaps: list[Json] = [] if findings else [f"No sentence was found on “{topic}”."]
    return _hand_in(Notes.__name__, {"findings": findings, "gaps": gaps})


def analyse(conversation: Conversation) -> Turn:
    """Give the analyst's next turn: what runs through findings of several documents."""
    if not conversation.answers_of("findings"):
        return Turn(f"{_OFFLINE} What was found?", [ToolCall("findings")])
    findings = _records(conversation.answers_of("findings"), "findings")
    if not conversation.answers_of("read"):
        cited = dict.fromkeys(
            citation["passage_id"] for it in findings for citation in it["citations"]
        )
        calls = [ToolCall("read", {"passage_id": passage}) for passage in cited]
        return Turn("Where does it stand?", calls)
    documents = {
        str(record["passage_id"]): str(record["document"])
        for record in _read(conversation.answers_of("read"))
    }
    points = list(_threads(findings, documents))
    gaps: list[Json] = list(_one_sided(findings, documents))
    return _hand_in(Analysis.__name__, {"points": points, "gaps": gaps})


def summarise(conversation: Conversation) -> Turn:
    """Give the writer's next turn: of each topic the finding nearest to the question."""
    if not conversation.answers_of("findings"):
        calls = [ToolCall("findings"), ToolCall("analysis")]
        return Turn(f"{_OFFLINE} What was found, and what follows?", calls)
    findings = _records(conversation.answers_of("findings"), "findings")
    wanted = _stems(question_of(conversation.prompt))
    nearest: dict[str, Record] = {}
    for finding in sorted(findings, key=lambda it: -_shared(str(it["text"]), wanted)):
        nearest.setdefault(str(finding["topic"]), finding)
    topics = dict.fromkeys(str(finding["topic"]) for finding in findings)
    counts = f"{counted(len(findings), 'finding')} on {counted(len(topics), 'topic')}"
    headline = f"{counts}: {'; '.join(topics)}"
    chosen: list[Json] = [
        {"text": str(it["text"]), "findings": [str(it["id"])]} for it in nearest.values()
    ]
    return _hand_in(Summary.__name__, {"headline": headline[:200], "sentences": chosen})


def _hand_in(name: str, answer: Draft) -> Turn:
    return Turn(calls=[ToolCall(name, answer)])


def _query(text: str) -> str:
    return " ".join(words(text))[:1_000]


def _to_read(searches: Sequence[Answer]) -> list[str]:
    chosen: dict[str, None] = {}
    for search, most in zip(searches, (READ_FOR_TOPIC, READ_FOR_QUESTION), strict=False):
        for record in _passages([search])[:most]:
            chosen.setdefault(str(record["passage_id"]))
    return list(chosen)


def _findings(reads: Sequence[Answer], topic: str, question: str) -> Iterator[Draft]:
    wanted = _stems(f"{topic} {question}")
    seen: set[str] = set()
    for record in _read(reads):
        scored = [
            (_shared(sentence, wanted), not _is_about_it(sentence), -place, sentence)
            for place, sentence in enumerate(sentences(record["text"]))
            if _is_prose(sentence) and sentence not in seen
        ]
        # One word in common is little where the document is about something else.
        enough = 1 if record["title"] == topic or len(wanted) < FEW_WORDS else 2
        if not scored or (best := max(scored))[0] < enough:
            continue
        sentence = best[-1]
        seen.add(sentence)
        citation: Draft = {"passage_id": record["passage_id"], "quote": sentence}
        yield {"text": plain_text(sentence.lstrip("-*+• ")), "citations": [citation]}


def _threads(findings: Sequence[Record], documents: Mapping[str, str]) -> Iterator[Draft]:
    """Name the words that are in findings of most documents."""
    places: dict[str, list[Record]] = {}
    for finding in findings:
        for stem in sorted(_stems(str(finding["text"]))):
            places.setdefault(stem, []).append(finding)
    several = {stem: found for stem, found in places.items() if len(_names(found, documents)) > 1}
    ranked = sorted(
        several.items(), key=lambda item: (-len(_names(item[1], documents)), -len(item[1]), item[0])
    )
    told: set[tuple[str, ...]] = set()
    for stem, found in ranked:
        ids = tuple(str(it["id"]) for it in found)
        if ids in told or len(told) == MAX_THREADS:
            continue
        told.add(ids)
        names = ", ".join(_names(found, documents))
        word = _spelled(stem, found)
        yield {
            "title": f"“{word}” runs through {counted(len(found), 'finding')}",
            "text": f"The word is used in {names}.",
            "findings": list(ids),
        }


def _one_sided(findings: Sequence[Record], documents: Mapping[str, str]) -> Iterator[str]:
    topics: dict[str, list[Record]] = {}
    for finding in findings:
        topics.setdefault(str(finding["topic"]), []).append(finding)
    alone = {
        topic: names[0]
        for topic, found in topics.items()
        if len(names := _names(found, documents)) == 1
    }
    if len(alone) == len(topics) > 1:
        yield "What is said on each topic is from one document."
        return
    for topic, name in alone.items():
        yield f"What is said on “{topic}” is from one document, {name}."


def _names(findings: Iterable[Record], documents: Mapping[str, str]) -> list[str]:
    ids = [citation["passage_id"] for finding in findings for citation in finding["citations"]]
    return list(dict.fromkeys(documents[each] for each in ids if each in documents))


def _stems(text: str) -> set[str]:
    """Give a text's words without their endings, roughly: what counts as the same word here."""
    return {_stem(word) for word in words(plain_text(text)) if len(word) > 2 and word.isalpha()}


def _shared(text: str, wanted: set[str]) -> int:
    return len(_stems(text) & wanted)


def _is_prose(sentence: str) -> bool:
    """Say whether a sentence is one, and no code, table or picture."""
    is_code = any(mark in sentence for mark in ("```", "~~~", "|", "{", "::"))
    return SHORTEST <= len(sentence) <= LONGEST and not is_code


def _is_about_it(sentence: str) -> bool:
    """Say whether a sentence begins with a word for something that was named before it."""
    first = sentence.casefold().split()[0]
    return first in {"it", "its", "they", "this", "these", "that", "such"}


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word.removesuffix(ending)
    return word


def _spelled(stem: str, findings: Iterable[Record]) -> str:
    """Give a stem as it is written most often."""
    spelled = Counter(
        word
        for it in findings
        for word in words(plain_text(str(it["text"])))
        if _stem(word) == stem
    )
    return max(sorted(spelled), key=lambda word: spelled[word])


def _passages(searches: Iterable[Answer]) -> list[Record]:
    return _records(searches, "passages")


def _records(answers: Iterable[Answer], field: str) -> list[Record]:
    return [record for it in answers if not it.is_error for record in _json(it)[field]]


def _read(answers: Iterable[Answer]) -> list[Record]:
    return [_json(it) for it in answers if not it.is_error]


def _json(answer: Answer) -> Record:
    value: Any = answer.json()
    return value  # type: ignore[no-any-return]  # our own tool's
