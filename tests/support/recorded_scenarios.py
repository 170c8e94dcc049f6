"""What the roles of the chain do, all of it: each scenario makes code call what it ever calls."""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from invoker.web import FORM_TYPE
from local.environment import REGION
from runs.again import Retry
from runs.approvals import Question
from runs.asked import Approval, asked
from runs.ids import execution_session_id, new_lease_token
from runs.journal.base import Changes
from runs.links import PATH
from runs.operations import OperationError
from runs.run import DURABLE_FUNCTION, Run, Status
from runs.stepfunctions import StepFunctionsWatcher
from tests.support.agent_server import AgentServer
from tests.support.approvals import POST, a_callback
from tests.support.calls import needs_in
from tests.support.journals import a_run
from tests.support.lambda_service import Function, lambda_service
from tests.support.links import KeyText
from tests.support.model_server import serving
from tests.support.pages import Office, Page, event_of
from tests.support.queueing import existing, new
from tests.support.recorded import (
    AGENT,
    BILL,
    LINK_KEY,
    RecordedChain,
    recorded_chain,
)
from tests.support.recorded_agent import BREAKS, INVOKES
from tests.support.research import QUESTION, write

#: Too large for an item: what it is in goes to the artifact store.
LARGE = "€" * 60_000
_BEDROCK = {"ERRAND_MODEL": "bedrock:global.anthropic.claude-sonnet-4-6"}
_HOUR = timedelta(hours=1)
#: The emulator starts Lambda workers one after the other: more at once would only queue up.
_AT_ONCE = 4
_EXECUTION = f"arn:aws:lambda:{REGION}:000000000000:function:durable:1/durable-execution/{{}}/{{}}"

Scenario = Callable[[RecordedChain], None]


def works(chain: RecordedChain) -> None:
    """A run of a long prompt, over a bill in a bucket; longer than a few heartbeats."""
    detail = {"prompt": LARGE, "input": BILL}
    run = chain.wait_for(chain.start(detail=detail), Status.COMPLETED, Status.FAILED)
    assert run.status is Status.COMPLETED, run.error


def asks_cost_explorer(chain: RecordedChain) -> None:
    """A run over what Cost Explorer tells; the emulator has none, which fails the run."""
    chain.start(detail={"prompt": "What stands out?", "input": "aws"})
    chain.wait_for_call(AGENT, "ce:GetCostAndUsage")


def asks_a_model(chain: RecordedChain) -> None:
    """An agent of its own with a model of Bedrock's protocol."""
    folder = chain.folder / "bedrock"
    folder.mkdir()
    with serving() as model:
        there = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model.url}
        environ = chain.agent_environment() | there | _BEDROCK
        command = ("-m", "tests.support.recorded_agent")
        with AgentServer(folder, environ=environ, command=command) as agent:
            agent.invoke({"prompt": "What stands out?"}, session=str(uuid.uuid4()))
            chain.wait_for_call(AGENT, "bedrock:InvokeModelWithResponseStream")


def invokes_and_fails_and_is_retried(chain: RecordedChain) -> None:
    """A workflow invokes another that fails; an operator retries it, and so its child, too."""
    prompt = json.dumps({"workflow": BREAKS, "payload": {"n": 1}})
    session_id = chain.start(detail={"prompt": prompt, "workflow": INVOKES})
    chain.wait_for(session_id, Status.FAILED)
    chain.journal.retry(session_id, Retry(by="ops"), now=_now())
    watcher = StepFunctionsWatcher(chain.steps, state_machine=chain.outputs["StateMachineArn"])
    watcher.watch(session_id, retry=1)
    chain.wait_for_call(AGENT, "dynamodb:DeleteItem")
    chain.wait_for(session_id, Status.FAILED)


def is_asked_for_and_answered_on_the_page(chain: RecordedChain) -> None:
    """Somebody is told of a long text, opens the link, and approves of other words as long."""
    approval = _asked(chain, replace(POST, content=LARGE, arguments={"content": LARGE}))
    _told_of(chain, approval)
    page = _Page(chain, approval)
    assert page.press("edit", content=LARGE[:-1]).status == 200
    chain.wait_for_call("approvals", "states:SendTaskSuccess")


def is_answered_by_messages(chain: RecordedChain) -> None:
    """The task queue: work, an answer, one that comes too early, and one nobody can do."""
    question = replace(POST, content=LARGE, tool="human_approval", tool_use_id="use-1")
    approval = _asked(chain, question)
    _told_of(chain, approval)
    edited = json.dumps({"decision": "approved", "content": LARGE[:-1]})
    for message in (
        new("Look at the bill.", workflow="cost-analysis"),
        existing(approval.session_id, "use-1", edited),
        existing(str(uuid.uuid4()), "use-2", "Too early."),
        {"type": "odd"},
    ):
        chain.emulator.client("sqs").send_message(
            QueueUrl=chain.outputs["TaskQueueUrl"], MessageBody=json.dumps(message)
        )
    for action in (
        "states:StartExecution",
        "states:SendTaskSuccess",
        "sqs:ChangeMessageVisibility",
        "sqs:SendMessage",
    ):
        chain.wait_for_call("tasks", action)


def durable_executions_are_answered(chain: RecordedChain) -> None:
    """Those that decide tell the Lambda service, whose function waits."""
    on_page = _asked(chain, POST, is_durable=True)
    _Page(chain, on_page).press("approve")
    failed = _asked(chain, POST, is_durable=True)
    page = _Page(chain, failed)
    error = OperationError(type="MailError", message="no such person")
    chain.journal.fail_callback(failed.callback_id, error, now=_now())
    # Whoever failed it died before the service was told.
    page.submit("approve")
    question = replace(POST, tool="human_approval", tool_use_id="use-1")
    by_message, broken = (_asked(chain, question, is_durable=True) for _ in range(2))
    chain.journal.fail_callback(broken.callback_id, error, now=_now())
    for approval in (by_message, broken):
        chain.emulator.client("sqs").send_message(
            QueueUrl=chain.outputs["TaskQueueUrl"],
            MessageBody=json.dumps(existing(approval.session_id, "use-1", "Fine.")),
        )
    for role in ("approvals", "tasks"):
        for kind in ("Success", "Failure"):
            chain.wait_for_call(role, f"lambda:SendDurableExecutionCallback{kind}")


def is_cancelled(chain: RecordedChain) -> None:
    """A run that waits is cancelled, which its execution is to hear of."""
    run = _waiting(chain)
    _watch(chain, run)
    chain.invoke("invoker", {"action": "cancel", "session_id": run.session_id, "reason": "enough"})
    chain.wait_for_call("invoker", "states:SendTaskSuccess")


def is_concluded(chain: RecordedChain) -> None:
    """The Lambda service has ended an execution itself."""
    run = _waiting(chain, is_durable=True)
    said = {"action": "conclude", "execution": run.execution, "status": "STOPPED"}
    chain.invoke("invoker", said)
    chain.wait_for(run.session_id, Status.CANCELLED, Status.FAILED)


def runs_in_lambda(chain: RecordedChain) -> None:
    """The durable function: bills of a bucket and of Cost Explorer, a model, and a crash."""
    corpus = chain.folder / "corpus"
    corpus.mkdir()
    given = json.dumps({"corpus": str(write(corpus)), "topics": ["lamps"]})
    report = {"workflow": "research-report", "prompt": QUESTION, "input": given}
    analysis = {"workflow": "cost-analysis", "prompt": LARGE}
    with serving() as model:
        for name, request, more in (
            ("crash", report, {}),
            ("bill", analysis | {"input": BILL}, {}),
            ("costs", analysis | {"input": "aws"}, {}),
            ("model", analysis, {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model.url} | _BEDROCK),
        ):
            dying = str(chain.folder / "died") if name == "crash" else ""
            function = Function(chain.durable_environment() | more, dying=dying)
            # What was done before a crash is handed over in parts, as when there is much of it.
            with lambda_service(function, page_bytes=1) as service:
                service.wait(service.start(request, name=name))


def is_swept(chain: RecordedChain) -> None:
    """Each way in which a run is left, and mended."""
    watched = _waiting(chain)
    running = _watch(chain, watched)
    long_ago = _now() - 2 * _HOUR
    late = {"created_at": long_ago, "updated_at": long_ago, "deadline_at": long_ago + _HOUR}
    _waiting(chain, question=replace(POST, content=LARGE))
    chain.journal.accept(a_run(prompt=LARGE, **late))
    # Due, and its execution was not woken.
    chain.journal.accept(
        a_run(**late | {"deadline_at": _now() + _HOUR, "execution": running, "wake_token": "lost"})
    )
    # Watched by none; and one whose session was not stopped.
    _waiting(chain)
    _waiting(chain, execution=running)
    chain.invoke("sweep", {})
    called = {need.action for need in needs_in(chain.calls_of("sweep"))}
    assert called >= {
        "bedrock-agentcore:StopRuntimeSession",
        "states:DescribeExecution",
        "states:SendTaskSuccess",
        "states:StartExecution",
    }


def is_posted(chain: RecordedChain) -> None:
    """Nobody takes a post."""
    chain.wait_for_call("webhooks", "sqs:ChangeMessageVisibility")


#: They may happen at the same time.
TOGETHER: tuple[Scenario, ...] = (
    # It takes longest.
    runs_in_lambda,
    works,
    asks_cost_explorer,
    asks_a_model,
    invokes_and_fails_and_is_retried,
    is_asked_for_and_answered_on_the_page,
    is_answered_by_messages,
    durable_executions_are_answered,
    is_cancelled,
    is_concluded,
    is_posted,
)


def record(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Have every role do all it does, and give what that took."""
    with recorded_chain(folder) as chain, ThreadPoolExecutor(_AT_ONCE) as pool:
        for ended in [pool.submit(scenario, chain) for scenario in TOGETHER]:
            ended.result()
        # It mends what the others are about to do.
        is_swept(chain)
        return chain.needs()


def _now() -> datetime:
    return datetime.now(UTC)


def _waiting(
    chain: RecordedChain,
    *,
    question: Question | None = None,
    is_durable: bool = False,
    **more: Any,  # noqa: ANN401 - any field of a run
) -> Run:
    """Leave a run as an attempt does that parked it, with its session on."""
    now = _now()
    fields: dict[str, Any] = {
        "created_at": now,
        "updated_at": now,
        "wake_at": now,
        "deadline_at": now + _HOUR,
        "hand_overs": 1,
    }
    if is_durable:
        name = str(uuid.uuid4())
        arn = _EXECUTION.format(name, str(uuid.uuid4()))
        fields |= {
            "session_id": execution_session_id(arn),
            "execution": arn,
            "source": DURABLE_FUNCTION,
        }
    run = chain.journal.accept(a_run(**fields | more)).run
    lease = chain.journal.claim(
        run.session_id,
        owner="a worker",
        token=new_lease_token(),
        now=now,
        lease_seconds=60,
        execution=run.durable_execution,
    ).lease
    if question is not None:
        ends = now + _HOUR
        callback = a_callback(
            run.session_id,
            due_at=ends,
            timeout_at=ends,
            started_at=now,
            external_id=f"callback-{run.session_id}" if is_durable else None,
        )
        approval, event = asked(callback, question, session_id=run.session_id, now=now)
        changes = Changes(operations=(callback,), approvals=(approval,), events=(event,))
        chain.journal.commit(lease, changes, now=now)
    return chain.journal.park(lease, wake_at=None, waiting_for="a test", now=now)


def _asked(chain: RecordedChain, question: Question, *, is_durable: bool = False) -> Approval:
    run = _waiting(chain, question=question, is_durable=is_durable)
    (approval,) = chain.journal.approvals(run.session_id)
    return approval


def _watch(chain: RecordedChain, run: Run) -> str:
    """Have a run watched, and wait until the execution waits for its signal."""
    arn = chain.watch(run.session_id)

    def waits() -> bool:
        found = chain.head(run.session_id)
        return found is not None and found.wake_token is not None

    chain.wait_until(waits, lambda: f"{arn} does not wait for {run.session_id}")
    return arn


def _told_of(chain: RecordedChain, approval: Approval) -> None:
    run = chain.head(approval.session_id)
    assert run is not None
    _watch(chain, run)
    chain.wait_until(
        lambda: chain.journal.approvals(approval.session_id)[0].announced_at,
        lambda: "nobody was told",
    )


class _Page:
    """An approval's page, by its function."""

    def __init__(self, chain: RecordedChain, approval: Approval) -> None:
        self._chain = chain
        office = Office(chain.journal, keys=KeyText(LINK_KEY), now=_now())
        self._path = f"{PATH}{office.token(approval, 'Ada')}"
        self._opened = self._ask("GET")

    def press(self, button: str, **typed: str) -> Page:
        return self.submit(button, **typed)

    def submit(self, button: str, **typed: str) -> Page:
        fields = self._opened.fields(button) | typed
        return self._ask("POST", body=urlencode(fields).encode(), content_type=FORM_TYPE)

    def _ask(self, method: str, *, body: bytes = b"", **headers: str) -> Page:
        event = event_of(method, self._path, body=body, headers={"accept": "text/html", **headers})
        said = self._chain.invoke("approvals", event)
        return Page(said["statusCode"], said["headers"], said["body"])
