"""One rule in three places: `Run.is_due`, the condition of the waits, and Evaluate."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from runs.instants import to_iso
from runs.run import Lease, Run, Status
from statemachine import definition
from tests.support.chain import PACE, Chain, new_session, now

PAST, FUTURE = timedelta(hours=-12), timedelta(hours=12)
AWAITS = {Status.QUEUED, Status.BUSY, Status.WAITING}


def heads() -> Iterator[Run]:
    """Give heads of every status, with everything that matters in the past, ahead and not there."""
    at = now()
    base = Run(
        session_id="",
        workflow="cost-analysis",
        prompt="x",
        source="events",
        status=Status.QUEUED,
        deadline_at=at + timedelta(days=1),
        created_at=at,
        updated_at=at,
    )
    for status in Status:
        for wake in (None, PAST, FUTURE):
            for lease in (None, PAST, FUTURE) if status is Status.BUSY else (None,):
                head = replace(
                    base,
                    session_id=new_session(),
                    status=status,
                    wake_at=None if wake is None else at + wake,
                    lease=None if lease is None else lease_until(lease),
                )
                yield head
                if not head.is_due(at):
                    yield replace(head, session_id=new_session(), notify_at=at + PAST)
                    yield replace(head, session_id=new_session(), notify_at=at + FUTURE)


def lease_until(ends_in: timedelta) -> Lease:
    return Lease(
        session_id="any",
        token=uuid.uuid4().hex,
        owner="w",
        attempt=1,
        seconds=60,
        expires_at=now() + ends_in,
    )


def described(run: Run) -> str:
    lease = "-" if run.lease is None else str(run.lease.expires_at > now())
    wake = "-" if run.wake_at is None else str(run.wake_at > now())
    notify = "-" if run.notify_at is None else str(run.notify_at > now())
    return f"{run.status} wake ahead {wake} lease ahead {lease} notify ahead {notify}"


HEADS = {described(run): run for run in heads()}


@pytest.fixture(scope="module")
def evaluate(chain: Chain) -> Iterator[str]:
    """A machine that only evaluates: each of its next states ends it."""
    states = json.loads(definition.render(PACE))["States"]
    choice = states["Evaluate"]
    onward = {rule["Next"] for rule in choice["Choices"]} | {choice["Default"]}
    machine = {
        "QueryLanguage": "JSONata",
        "StartAt": "Evaluate",
        "States": {"Evaluate": choice, **{name: {"Type": "Succeed"} for name in onward}},
    }
    arn: str = chain.steps.create_state_machine(
        name="evaluate",
        definition=json.dumps(machine),
        roleArn="arn:aws:iam::000000000000:role/any",
    )["stateMachineArn"]
    yield arn
    chain.steps.delete_state_machine(stateMachineArn=arn)


def head_of(run: Run) -> dict[str, Any]:
    """Give what CheckStatus gives of a run."""
    found = {
        "status": run.status.value,
        "deadline_at": to_iso(run.deadline_at),
        "wake_at": run.wake_at and to_iso(run.wake_at),
        "notify_at": run.notify_at and to_iso(run.notify_at),
        "lease_expires_at": run.lease and to_iso(run.lease.expires_at),
    }
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize("name", HEADS)
def test_evaluate_dispatches_exactly_the_runs_that_are_due(
    chain: Chain, evaluate: str, name: str
) -> None:
    run = HEADS[name]
    state = {"session_id": run.session_id, "turns": 1, "head": head_of(run)}
    state |= {"refused": False, "unsent": False}

    arn = chain.steps.start_execution(stateMachineArn=evaluate, input=json.dumps(state))
    chosen = chain.wait_for_end(arn["executionArn"]).visited[-1]

    if run.status.is_terminal:
        assert chosen == ("Stop" if run.notify_at is None else "Notify")
    else:
        assert (chosen == "Dispatch") == run.is_due(now())
        assert (chosen == "Notify") == has_to_tell(run)
        assert (chosen == "AwaitWork") == (is_worked_on(run) and not has_to_tell(run))


@pytest.mark.parametrize("name", HEADS)
def test_a_token_is_kept_exactly_for_runs_that_are_not_due(chain: Chain, name: str) -> None:
    run = HEADS[name]
    chain.journal.accept(run)

    is_kept = is_token_kept(chain, run, "AwaitSignal")

    goes_on = run.status in AWAITS and not run.is_due(now()) and has_an_end(run)
    assert is_kept == (goes_on and not has_to_tell(run))


@pytest.mark.parametrize("name", HEADS)
def test_heartbeats_are_waited_for_exactly_while_a_worker_has_the_run(
    chain: Chain, name: str
) -> None:
    run = replace(HEADS[name], session_id=new_session())
    chain.journal.accept(run)

    is_kept = is_token_kept(chain, run, "AwaitWork")

    assert is_kept == (is_worked_on(run) and not has_to_tell(run))


def is_worked_on(run: Run) -> bool:
    return run.status is Status.BUSY and run.lease is not None and run.lease.expires_at > now()


def has_an_end(run: Run) -> bool:
    """Say whether a QUEUED run will ever be due; one that is not waited for is looked at again."""
    return run.status is not Status.QUEUED or run.wake_at is not None


def has_to_tell(run: Run) -> bool:
    """Say whether those who may decide are to be told something now."""
    return run.notify_at is not None and run.notify_at <= now()


def is_token_kept(chain: Chain, run: Run, wait: str) -> bool:
    arguments = json.loads(definition.render(PACE))["States"][wait]["Arguments"]
    values = arguments["ExpressionAttributeValues"]
    values |= {":token": {"S": "a token"}, ":now": {"S": to_iso(now())}}
    key = {"PK": {"S": run.session_id}, "SK": {"S": "SESSION"}}
    request = arguments | {"TableName": chain.outputs["TableName"], "Key": key}
    client = chain.emulator.client("dynamodb")
    try:
        client.update_item(**request)
    except client.exceptions.ConditionalCheckFailedException:
        return False
    kept = chain.journal.get(run.session_id)
    assert kept is not None
    assert (kept.wake_token, kept.version) == ("a token", run.version + 1)
    return True
