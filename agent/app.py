"""The AgentCore server: the entrypoint that answers at once, and the orderly shutdown."""

import functools
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio.to_thread
from bedrock_agentcore.runtime import BedrockAgentCoreApp
from bedrock_agentcore.runtime.context import BedrockAgentCoreContext, RequestContext
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agent import threads
from agent.attempt import StopReason
from agent.invocation import Cancel, Pause, ShowStatus, Start, read_invocation
from agent.jobs import Job, Jobs
from agent.outcomes import Stopped
from agent.poller import Poller
from agent.runner import Runner
from agent.tracing import incoming, tell_request
from runs.errors import InvalidRequestError
from runs.json_types import Json
from runs.notifying import Notifier
from runs.run import Run
from runs.telemetry.scope import Scope, current_scope, within

logger = logging.getLogger(__name__)

#: What running attempts get to come to an edge when the process is told to end. The platform gives
#: a terminated session a few seconds, if it tells at all.
_SHUTDOWN_SECONDS = 2.0
#: How much later than its thread the work begins: the two would compete for the interpreter with
#: the answer, which took a third longer.
_HEAD_START_SECONDS = 0.001

Answer = dict[str, Json] | JSONResponse


class Entrypoint:
    """Answers invocations. It never touches the journal: that is the background threads' work."""

    def __init__(self, app: BedrockAgentCoreApp, *, runner: Runner, jobs: Jobs) -> None:
        self._app = app
        self._runner = runner
        self._jobs = jobs

    def answer(self, payload: Json, session: str | None) -> Answer:
        """Answer one invocation.

        A refused payload gets status 400. Callers of InvokeAgentRuntime see any error of an agent
        as 424; the invoker therefore checks by the same rules before it calls.
        """
        try:
            asked = read_invocation(payload, session=session, workflows=self._runner.registry.names)
        except InvalidRequestError as error:
            return _refusal(error)
        match asked:
            case Start():
                return self._start(asked)
            case Cancel():
                return self._cancel(asked)
            case Pause():
                return self._pause(asked)
            case ShowStatus():
                return self._status(asked)

    def _start(self, asked: Start) -> Answer:
        session_id = asked.session_id
        if asked.request is not None and self._jobs.has_ended(session_id):
            hint = "this session had its run; send a new session id for another one"
            return {"status": "DUPLICATE", "session_id": session_id, "message": hint}
        job = self._jobs.begin(session_id)
        if job is None:
            return {"status": "BUSY", "session_id": session_id}
        # The task is there before the answer: the next ping is then a change to HealthyBusy, and
        # the platform counts the session's idle time from changes.
        task_id = self._app.add_async_task("run", {"session_id": session_id})
        job.on_end = functools.partial(self._app.complete_async_task, task_id)
        self._begin(job, asked)
        # As text: the id has 64 bits, of which JSONata and JavaScript keep 53.
        return {"status": "STARTED", "session_id": session_id, "task_id": str(task_id)}

    def take_up(self, session_id: str) -> None:
        """Work on a run of the journal that is due, unless this process does already."""
        self._start(Start(session_id=session_id, request=None))

    def _begin(self, job: Job, asked: Start) -> None:
        run = asked.request.to_run(self._runner.clock()) if asked.request else None
        trace = current_scope().trace
        if run is not None and trace is not None:
            run = replace(run, trace=trace.traceparent)
        work = functools.partial(self._work, job, run)
        try:
            threads.start(f"run {job.session_id}", work, on_crash=lambda _: job.end())
        except RuntimeError:
            # No more threads: the answer is then an error, and the session must not stay busy.
            job.end()
            raise

    def _work(self, job: Job, run: Run | None) -> None:
        time.sleep(_HEAD_START_SECONDS)
        self._runner.run(job, accept=run)

    def _cancel(self, asked: Cancel) -> Answer:
        job = self._jobs.find(asked.session_id)
        if job is None:
            return {"status": "IDLE", "session_id": asked.session_id}
        job.request_stop(StopReason.CANCELLED, asked.reason)
        return {"status": "CANCELLING", "session_id": asked.session_id}

    def _pause(self, asked: Pause) -> Answer:
        job = self._jobs.find(asked.session_id)
        if job is None:
            return {"status": "IDLE", "session_id": asked.session_id}
        job.request_stop(StopReason.PAUSED, "it is to be paused")
        return {"status": "PAUSING", "session_id": asked.session_id}

    def _status(self, asked: ShowStatus) -> Answer:
        jobs = [job for job in self._jobs.all() if asked.session_id in {None, job.session_id}]
        return {
            "status": "BUSY" if jobs else "IDLE",
            "runs": [job.to_json() for job in jobs],
        }


def make_app(
    runner: Runner, *, debug: bool, polls: bool = False, notifier: Notifier | None = None
) -> BedrockAgentCoreApp:
    """Make the server: the SDK's own, with our entrypoint and our shutdown.

    Args:
        runner: Executes the runs.
        polls: Look for due runs in this process: there is no state machine that would.
        notifier: Tells deciders what runs ask, where this process polls.
        debug: Take the SDK's debug actions (`ping_status`, `job_status`, `force_busy` …) from any
            caller. Never in production: a forced status has no end.
    """
    jobs = Jobs(runner.clock)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if polls:
            threads.start("poller", poller.run, on_crash=lambda _: None)
        yield
        poller.stop()
        # After this, the process dies of the signal at once: daemon threads, `finally` and all.
        await anyio.to_thread.run_sync(_shut_down, runner, jobs)

    app = BedrockAgentCoreApp(debug=debug, lifespan=lifespan)
    # What Python's reader gives up on, nested or in digits: the SDK expects syntax errors only.
    app.add_exception_handler(RecursionError, _refuse_unreadable)
    app.add_exception_handler(ValueError, _refuse_unreadable)
    answering = Entrypoint(app, runner=runner, jobs=jobs)
    poller = Poller(
        runner.journal,
        begin=answering.take_up,
        clock=runner.clock,
        notify=None if notifier is None else notifier.notify,
        at_work=lambda: len(jobs.all()),
    )

    # A plain function, named as the SDK wants it: it runs in a thread pool, beside the pings.
    @app.entrypoint
    def invoke(payload: Json, context: RequestContext) -> Answer:
        scope = _scope_of(context)
        tell_request(scope)
        with within(scope):
            return answering.answer(payload, context.session_id)

    return app


def _scope_of(context: RequestContext) -> Scope:
    headers = {} if context.request is None else context.request.headers
    return Scope(
        session_id=context.session_id,
        request_id=BedrockAgentCoreContext.get_request_id(),
        trace=incoming(headers),
    )


def _refuse_unreadable(_request: Request, error: Exception) -> Response:
    return _refusal(InvalidRequestError(field="payload", message=f"can't be read: {error}"))


def _refusal(error: InvalidRequestError) -> JSONResponse:
    refusal = {"status": "REJECTED", "field": error.field, "error": str(error)}
    return JSONResponse(refusal, status_code=400)


def _shut_down(runner: Runner, jobs: Jobs) -> None:
    """Hand running runs back, so that another process can claim them now and not after a lease.

    An optimisation: the signal may never come, and then the lease expires.
    """
    for job in jobs.stop_all(within_seconds=_SHUTDOWN_SECONDS):
        if job.attempt is not None:
            runner.settler.conclude(job.attempt, Stopped())
