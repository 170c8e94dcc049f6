"""The workflow `research-report`: research a question in a corpus, topic by topic, and report."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aws_durable_execution_sdk_python import (
    BatchResult,
    DurableContext,
    StepContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    Duration,
    JitterStrategy,
    MapConfig,
    StepConfig,
)
from aws_durable_execution_sdk_python.retries import (
    RetryDecision,
    RetryStrategyConfig,
    create_retry_strategy,
)
from strands import Agent

from agent.agents import run_agent
from agent.approvals import ask_approval
from agent.attempt import Attempt
from agent.models.select import Provider
from agent.saved import Saved
from agent.services import attempt_of, services_of
from agent.workflows.research import playbook, prompts, topics, web
from agent.workflows.research.check import (
    Researched,
    check_analysis,
    check_notes,
    check_summary,
    retrieved,
    told_once,
)
from agent.workflows.research.collect import collect
from agent.workflows.research.desk import PASSAGES, Collected, Desk, keep, opened
from agent.workflows.research.errors import NothingFoundError
from agent.workflows.research.inquiry import Inquiry
from agent.workflows.research.notes import Analysis, Notes, Plan, Summary
from agent.workflows.research.report import Contents, write_report
from agent.workflows.research.tools import DeskTools, LibraryTools
from agent.workflows.research.wording import counted
from runs.approvals import Decision, Question
from runs.errors import RunError
from runs.json_types import Json
from runs.run import Progress

STEPS = 5
#: Researchers at the same time: as many as a model's rate limits bear, and no more.
MAX_RESEARCHERS = 4
MAX_TURNS = 40
#: Of each step.
MAX_TRIES = 3

DRAFT = "draft.md"
REPORT = "report.md"
SOURCES = "sources.json"
_MARKDOWN = "text/markdown; charset=utf-8"

_three_tries = create_retry_strategy(
    RetryStrategyConfig(
        max_attempts=MAX_TRIES,
        initial_delay=Duration.from_seconds(5),
        backoff_rate=2.0,
        jitter_strategy=JitterStrategy.NONE,
    )
)


def retry(error: Exception, tries: int) -> RetryDecision:
    """Try three times, after 5 and 10 seconds; not where the error says that it is final."""
    if isinstance(error, RunError) and not error.retryable:
        return RetryDecision.no_retry()
    return _three_tries(error, tries)


_STEP = StepConfig(retry_strategy=retry)


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> Json:
    """Research the prompt's question in the corpus the input names; without one, in the sample."""
    attempt = attempt_of(context)
    question: str = event["prompt"]

    def corpus_step(step: StepContext) -> Json:
        return _collect(attempt, event.get("input"), is_last_try=step.attempt >= MAX_TRIES)

    started: Any = context.step(corpus_step, name="corpus", config=_STEP)
    inquiry = Inquiry.from_json(started["inquiry"])
    collected = Collected.from_json(started["collected"])
    with opened(attempt, collected) as desk:
        library = LibraryTools(desk.index)
        chosen = _topics(context, question, inquiry, library)
        researched = _research(context, question, chosen, desk=desk, library=library)
        if not any(each.findings for each in researched):
            raise NothingFoundError(
                question, documents=collected.documents, passages=collected.passages
            )
        contents = _concluded(context, question, researched, desk=desk, library=library)
        return _publish(context, contents, inquiry, desk=desk)


def _collect(attempt: Attempt, given: str | None, *, is_last_try: bool) -> Json:
    inquiry = Inquiry.from_input(given)
    _tell(attempt, "corpus", 0, f"reading {', '.join(inquiry.corpus)}")
    corpus = collect(
        inquiry.corpus,
        fetch=lambda url: web.fetch(url, stop=attempt.stop),
        edge=attempt.leave_if_stopped,
        is_last_try=is_last_try,
    )
    collected = keep(corpus, attempt)
    passages = counted(collected.passages, "passage")
    message = f"{passages} of {counted(collected.documents, 'document')}"
    _tell(attempt, "research", 1, message)
    return {"inquiry": inquiry.to_json(), "collected": collected.to_json()}


def _topics(
    context: DurableContext, question: str, inquiry: Inquiry, library: LibraryTools
) -> Sequence[str]:
    """Give the topics: of the input, else those the question lists, else the planner's."""
    given = topics.tidy(inquiry.topics) or topics.listed(question)
    if given:
        return given
    plan = run_agent(
        context,
        name="planner",
        build=_build(prompts.PLANNER, [library.list_documents, library.search]),
        prompt=prompts.ask_planner(question),
        playbook=playbook.plan,
        output=Plan,
        max_turns=MAX_TURNS,
        retry=retry,
    )
    return topics.tidy(plan.topics) or topics.tidy([question])


def _research(
    context: DurableContext,
    question: str,
    chosen: Sequence[str],
    *,
    desk: Desk,
    library: LibraryTools,
) -> Sequence[Researched]:
    def branch(child: DurableContext, topic: str, place: int, _: Sequence[str]) -> Json:
        number = place + 1
        name = f"research-{number}"
        notes = run_agent(
            child,
            name=name,
            build=_build(
                prompts.RESEARCHER, [library.search, library.read, library.list_documents]
            ),
            prompt=prompts.ask_researcher(question, topic),
            playbook=playbook.research,
            output=Notes,
            max_turns=MAX_TURNS,
            retry=retry,
        )

        def check_step(_: StepContext) -> Json:
            return _checked(desk, notes, topic=topic, number=number, agent=name)

        checked: Json = child.step(check_step, name=f"check-{number}", config=_STEP)
        return checked

    config: MapConfig[Any] = MapConfig(
        max_concurrency=MAX_RESEARCHERS,
        # One topic that fails must not cost the work on the others: the report says what is amiss.
        completion_config=CompletionConfig(tolerated_failure_percentage=100),
        item_namer=lambda _, place: f"topic-{place + 1}",
    )
    batch: BatchResult[Any] = context.map(list(chosen), branch, name="research", config=config)
    if not batch.succeeded():
        batch.throw_if_error()
    results = {item.index: _researched(item.result) for item in batch.succeeded()}
    failures = {item.index: item.error for item in batch.failed()}
    return told_once(
        results.get(place) or _failed(topic, failures.get(place))
        for place, topic in enumerate(chosen)
    )


def _researched(result: Any) -> Researched:  # noqa: ANN401 - JSON of our own steps
    return Researched.from_json(result)


def _failed(topic: str, error: object) -> Researched:
    why = getattr(error, "message", None) or "it failed"
    return Researched(topic=topic, gaps=(f"“{topic}” was not researched: {why}",))


def _checked(desk: Desk, notes: Notes, *, topic: str, number: int, agent: str) -> Json:
    attempt = desk.attempt
    messages = attempt.journal.messages(attempt.session_id, agent)
    given = retrieved(Saved.from_message(message).message for message in messages)
    checked = check_notes(notes, desk.corpus(), topic=topic, number=number, given=given)
    _tell(attempt, "research", 1, f"{topic}: {counted(len(checked.findings), 'finding')}")
    return checked.to_json()


def _concluded(
    context: DurableContext,
    question: str,
    researched: Sequence[Researched],
    *,
    desk: Desk,
    library: LibraryTools,
) -> Callable[[], Contents]:
    """Let the analyst and the writer conclude; give what makes the report's contents of it."""
    findings = [found for each in researched for found in each.findings]
    told = [found.to_json() for found in findings]
    analysis_tools = DeskTools(told)
    analysis = run_agent(
        context,
        name="analyst",
        build=_build(prompts.ANALYST, [analysis_tools.findings, library.read, library.search]),
        prompt=prompts.ask_analyst(question),
        playbook=playbook.analyse,
        output=Analysis,
        max_turns=MAX_TURNS,
        retry=retry,
    )
    analysis, no_points = check_analysis(analysis, findings)
    writer_tools = DeskTools(told, analysis.model_dump(mode="json"))
    summary = run_agent(
        context,
        name="writer",
        build=_build(prompts.WRITER, [writer_tools.findings, writer_tools.analysis, library.read]),
        prompt=prompts.ask_writer(question),
        playbook=playbook.summarise,
        output=Summary,
        max_turns=MAX_TURNS,
        retry=retry,
    )
    summary, no_sentences = check_summary(summary, findings)
    model = services_of(context).model
    return lambda: Contents(
        question=question,
        corpus=desk.corpus(),
        researched=researched,
        analysis=analysis,
        summary=summary,
        dropped=(*no_points, *no_sentences),
        author=model.author,
        is_offline=model.provider is Provider.OFFLINE,
    )


def _publish(
    context: DurableContext, contents: Callable[[], Contents], inquiry: Inquiry, *, desk: Desk
) -> Json:
    attempt = desk.attempt
    decision = None
    if inquiry.is_reviewed:

        def draft_step(_: StepContext) -> Json:
            return _draft(attempt, contents())

        headline: Any = context.step(draft_step, name="draft", config=_STEP)
        question = _question(attempt, headline, hours=inquiry.review_hours)
        decision = ask_approval(context, question, name="review")

    def report_step(_: StepContext) -> Json:
        return _report(attempt, replace(contents(), review=decision))

    result: Json = context.step(report_step, name="report", config=_STEP)
    return result


def _draft(attempt: Attempt, contents: Contents) -> Json:
    attempt.save(DRAFT, write_report(contents).markdown, media_type=_MARKDOWN)
    _tell(attempt, "review", 4, f"{DRAFT} waits for a person to approve or deny it")
    return contents.summary.headline


def _question(attempt: Attempt, headline: str, *, hours: float) -> Question:
    """Ask about the draft as it was saved: a decision is about these words and no others."""
    draft = attempt.load(DRAFT)
    return Question(
        what=f"publish the research report “{headline}”",
        content=draft.decode(),
        expires_in=timedelta(seconds=max(1, round(hours * 3600))),
    )


def _report(attempt: Attempt, contents: Contents) -> Json:
    review = contents.review
    headline = contents.summary.headline
    written = write_report(contents)
    files = {PASSAGES: None, DRAFT: None} if review else {PASSAGES: None}
    if review is None or review.is_approved:
        _tell(attempt, "report", 4, f"writing {counted(len(contents.findings), 'finding')}")
        attempt.save(SOURCES, written.sources, media_type="application/json")
        attempt.save(REPORT, written.markdown, media_type=_MARKDOWN)
        files |= {SOURCES: None, REPORT: None}
    else:
        headline = f"Denied: {review.comment or 'without a comment'}"
    _tell(attempt, "report", STEPS, headline)
    return {
        "headline": headline,
        "topics": [each.topic for each in contents.researched],
        "findings": len(contents.findings),
        "sources": written.cited,
        "dropped": len(contents.all_dropped()),
        "review": _review_to_json(review) if review else None,
        "artifacts": list(files),
    }


def _review_to_json(review: Decision) -> Json:
    told: dict[str, Json] = {"decision": review.verdict.value, "comment": review.comment}
    told |= {"by": review.by, "edited": review.content is not None}
    return told


def _build(system_prompt: str, tools: Sequence[object]) -> Callable[..., Agent]:
    return lambda **parts: Agent(tools=list(tools), system_prompt=system_prompt, **parts)


def _tell(attempt: Attempt, step: str, done: int, message: str) -> None:
    attempt.report(Progress(step=step, done=done, total=STEPS, message=message))
