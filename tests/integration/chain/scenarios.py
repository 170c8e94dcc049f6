"""What can happen to a run on its way through the chain, one function each."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from runs.instants import to_iso
from runs.journal.base import Claim
from runs.run import RunFailure, Status
from tests.support.approvals import POST, ask
from tests.support.chain import (
    END_SECONDS,
    PACE,
    Chain,
    Execution,
    Script,
    complete,
    die,
    hold,
    new_session,
    now,
    park_once,
    request,
)
from tests.support.data_plane import Reply
from tests.support.journals import accept as journal_accept

#: For how long a question is asked: there is time for each of its notices by itself, also where
#: all that sends them waits its turn for the processor.
_ASKED_SECONDS = 30

_HOUR = timedelta(hours=1)

Scenario = Callable[[Chain], Execution]


def _run(chain: Chain, script: Script, **detail: object) -> Execution:
    session_id = new_session()
    chain.scripts[session_id] = script
    return chain.wait_for_end(chain.start(request(session_id, **detail)))


def completed(chain: Chain) -> Execution:
    return _run(chain, complete)


def failed(chain: Chain) -> Execution:
    def fail(chain: Chain, claim: Claim) -> None:
        error = RunFailure(type="BillFormatError", message="column 'BilledCost' is missing")
        chain.wake(chain.settle(claim, Status.FAILED, error=error))

    return _run(chain, fail)


def duplicate(chain: Chain) -> Execution:
    session_id = new_session()
    first = chain.start(request(session_id))
    chain.wait_until_visited(first, "AwaitSignal")
    second = chain.wait_for_end(chain.start(request(session_id)))
    chain.wait_for_end(first)
    return second


def rejected(chain: Chain) -> Execution:
    return _run(chain, complete, workflow="mine-bitcoin")


def without_input(chain: Chain) -> Execution:
    return chain.wait_for_end(chain.start({}))


def missing(chain: Chain) -> Execution:
    return chain.wait_for_end(chain.start({"session_id": new_session(), "watch": True}))


def unreadable(chain: Chain) -> Execution:
    session_id = new_session()
    item = {"PK": session_id, "SK": "SESSION", "status": "SLEEPING", "updated_at": "now"}
    chain.emulator.client("dynamodb").put_item(
        TableName=chain.outputs["TableName"],
        Item={name: {"S": value} for name, value in item.items()},
    )
    return chain.wait_for_end(chain.start({"session_id": session_id, "watch": True}))


def corrupt(chain: Chain) -> Execution:
    session_id = new_session()
    ahead, behind = to_iso(now() + timedelta(hours=1)), to_iso(now() - timedelta(hours=1))
    item = {
        "PK": session_id,
        "SK": "SESSION",
        "status": "QUEUED",
        "wake_at": behind,
        "deadline_at": ahead,
        "updated_at": behind,
    }
    chain.emulator.client("dynamodb").put_item(
        TableName=chain.outputs["TableName"],
        Item={name: {"S": value} for name, value in item.items()},
    )
    return chain.wait_for_end(chain.start({"session_id": session_id, "watch": True}))


def worker_lost(chain: Chain) -> Execution:
    def die_once(chain: Chain, claim: Claim) -> None:
        (die if claim.lease.attempt == 1 else complete)(chain, claim)

    return _run(chain, die_once)


def workers_lost(chain: Chain) -> Execution:
    return _run(chain, die, max_attempts=2)


def signal_lost(chain: Chain) -> Execution:
    def settle_silently(chain: Chain, claim: Claim) -> None:
        time.sleep(0.3)
        chain.settle(claim, Status.COMPLETED)

    return _run(chain, settle_silently)


def cancelled_while_busy(chain: Chain) -> Execution:
    session_id = new_session()
    chain.scripts[session_id] = hold(60)
    arn = chain.start(request(session_id))
    chain.wait_for(session_id, Status.BUSY)
    chain.invoke(action="cancel", session_id=session_id, reason="wrong bill")
    return chain.wait_for_end(arn)


def cancelled_while_waiting(chain: Chain) -> Execution:
    session_id = new_session()
    chain.scripts[session_id] = park_once(None)
    arn = chain.start(request(session_id))
    chain.wait_until_visited(arn, "AwaitDays")
    chain.invoke(action="cancel", session_id=session_id, reason="no longer wanted")
    return chain.wait_for_end(arn)


def deadline_passed(chain: Chain) -> Execution:
    return _run(chain, hold(60), deadline_seconds=2)


def waited(chain: Chain) -> Execution:
    # Long enough that some of it is left when the session is stopped.
    return _run(chain, park_once(PACE.waiting_seconds + 8))


def asked_and_expired(chain: Chain) -> Execution:
    def ask_once(chain: Chain, claim: Claim) -> None:
        lease = claim.lease
        if lease.attempt > 1:
            _complete_expired(chain, claim)
            return
        seconds = timedelta(seconds=_ASKED_SECONDS)
        question = replace(POST, expires_in=seconds, remind_before=(seconds / 2,))
        _, approval = ask(chain.journal, question, lease=lease, at=now())
        parked = chain.journal.park(
            lease, wake_at=approval.expires_at, waiting_for="an approval", now=now()
        )
        chain.wake(parked)

    return _run(chain, ask_once)


def _complete_expired(chain: Chain, claim: Claim) -> None:
    (asked,) = chain.journal.approvals(claim.lease.session_id)
    chain.journal.time_out_callback(claim.lease, asked.callback_id, now=now())
    complete(chain, claim)


def expired_while_all_was_down(chain: Chain) -> Execution:
    session_id, before = new_session(), now() - timedelta(hours=2)
    journal_accept(
        chain.journal, session_id=session_id, created_at=before, deadline_at=now() + _HOUR
    )
    claimed = chain.journal.claim(
        session_id, owner="a worker", token="before", now=before, lease_seconds=60
    )
    _, approval = ask(chain.journal, POST, lease=claimed.lease, at=before)
    asked = chain.journal.notices(session_id, now=before)
    chain.journal.note_sent(session_id, asked, now=before)
    chain.journal.park(
        claimed.lease, wake_at=approval.expires_at, waiting_for="an approval", now=before
    )
    chain.scripts[session_id] = _complete_expired
    return chain.wait_for_end(chain.start({"session_id": session_id, "watch": True}))


def asked_and_died(chain: Chain) -> Execution:
    def ask_and_die(chain: Chain, claim: Claim) -> None:
        if claim.lease.attempt > 1:
            _complete_when_told(chain, claim)
            return
        ask(chain.journal, POST, lease=claim.lease, at=now())

    return _run(chain, ask_and_die)


def _complete_when_told(chain: Chain, claim: Claim) -> None:
    # A run that has ended has nothing to ask any more: on a busy machine it could end before that.
    deadline = time.monotonic() + END_SECONDS
    while chain.journal.approvals(claim.lease.session_id)[0].announced_at is None:
        if time.monotonic() > deadline:
            break
        chain.journal.renew(claim.lease, now=now())
        time.sleep(0.1)
    complete(chain, claim)


def agent_down(chain: Chain) -> Execution:
    session_id = new_session()
    chain.faults[session_id] = [Reply.refused("RuntimeClientError", 424), Reply(is_broken=True)]
    return chain.wait_for_end(chain.start(request(session_id)))


def invoker_broken(chain: Chain) -> Execution:
    session_id = new_session()
    # An answer no agent of ours gives, and deeper than the invoker's parser can follow.
    chain.faults[session_id] = [Reply(b"[" * 60_000)]
    return chain.wait_for_end(chain.start(request(session_id)))


def corrupt_before(chain: Chain) -> Execution:
    corrupted = corrupt(chain)
    found = chain.steps.describe_execution(executionArn=corrupted.arn)
    return chain.wait_for_end(chain.start(request(json.loads(found["input"])["session_id"])))


def agent_forbidden(chain: Chain) -> Execution:
    session_id = new_session()
    chain.faults[session_id] = [Reply.refused("AccessDeniedException", 403)]
    return chain.wait_for_end(chain.start(request(session_id)))


def stop_refused(chain: Chain) -> Execution:
    session_id = new_session()
    chain.stop_faults[session_id] = [Reply.refused("InternalServerException", 500)]
    return chain.wait_for_end(chain.start(request(session_id)))


def handed_over(chain: Chain) -> Execution:
    session_id = new_session()
    chain.scripts[session_id] = hold(8)
    pace = replace(PACE, poll_seconds=1, max_turns=2)
    return chain.wait_for_end(chain.start(request(session_id), pace=pace))


def handed_over_to_the_end(chain: Chain) -> Execution:
    execution = handed_over(chain)
    while execution.output.get("status") == "HANDED_OVER":
        execution = chain.wait_for_end(execution.output["execution"])
    return execution


ALL: Mapping[str, Scenario] = MappingProxyType(
    {
        scenario.__name__: scenario
        for scenario in (
            agent_down,
            agent_forbidden,
            asked_and_died,
            asked_and_expired,
            cancelled_while_busy,
            cancelled_while_waiting,
            completed,
            corrupt,
            corrupt_before,
            deadline_passed,
            expired_while_all_was_down,
            duplicate,
            failed,
            handed_over,
            handed_over_to_the_end,
            invoker_broken,
            missing,
            rejected,
            signal_lost,
            stop_refused,
            unreadable,
            waited,
            without_input,
            worker_lost,
            workers_lost,
        )
    }
)
