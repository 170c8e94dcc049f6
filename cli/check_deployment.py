"""The checks of a deployment that are the same on AWS and on the local stack.

Nothing that is asked costs anything, and nothing is changed.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from cli import text
from cli.check import Check
from cli.check_aws import ON_AWS
from cli.deployment import DEPLOY, Deployment, Looking, doubtful, fine, looked, wrong
from cli.stack import Client
from infra.code_version import VARIABLE, code_version
from local.home import PROJECT
from runs.journal.dynamodb_listing import INDEX
from statemachine import definition

_START_AGAIN = "`errand down --keep` and `errand up` bring it up to date"
_DAY = timedelta(days=1)
_DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})


def deployment_checks(deployment: Deployment) -> Iterator[Check]:
    """Look at each part of a deployment."""
    for name, look in (*_EVERYWHERE, *(ON_AWS if deployment.is_remote else ())):
        check = looked(name, look, deployment)
        is_old = check.advice == DEPLOY and not deployment.is_remote
        yield replace(check, advice=_START_AGAIN) if is_old else check


def _stack(deployment: Deployment) -> Check:
    client = deployment.clients("cloudformation")
    (stack,) = client.describe_stacks(StackName=deployment.stack_name)["Stacks"]
    status = str(stack["StackStatus"])
    missing = sorted(_OUTPUTS - deployment.outputs.keys())
    if missing:
        found = f"{deployment.stack_name} has no output {', '.join(missing)}: it is an older one's"
        return wrong("deployment", found)
    if status.endswith("_IN_PROGRESS"):
        found = f"{deployment.stack_name} is {status}"
        return doubtful("deployment", found, "look again when the deployment is done")
    if status not in _DONE:
        why = str(stack.get("StackStatusReason", "")) or "see its events"
        return wrong("deployment", f"{deployment.stack_name} is {status}: {why}")
    return fine("deployment", f"{deployment.stack_name} is {status}")


def _table(deployment: Deployment) -> Check:
    client, name = deployment.clients("dynamodb"), deployment.output("TableName")
    table = client.describe_table(TableName=name)["Table"]
    status = str(table["TableStatus"])
    # The emulator tells no status of an index.
    indexes = {
        index["IndexName"]: str(index.get("IndexStatus", "ACTIVE"))
        for index in table.get("GlobalSecondaryIndexes", ())
    }
    lacking = [] if status == "ACTIVE" else [f"it is {status}"]
    if (state := indexes.get(INDEX, "missing")) != "ACTIVE":
        lacking.append(f"its index {INDEX} is {state}")
    if deployment.is_remote:
        lacking += _unkept(client, name)
    if lacking:
        return wrong("table", f"{name}: {'; '.join(lacking)}")
    return fine("table", f"{name} is ACTIVE, with its index")


def _unkept(client: Client, name: str) -> Iterator[str]:
    """Say what a table lacks that the emulator does not have."""
    lives = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if lives.get("TimeToLiveStatus") not in {"ENABLED", "ENABLING"}:
        yield "its records never expire"
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        yield "it has no point-in-time recovery"


def _machine(deployment: Deployment) -> Check:
    client = deployment.clients("stepfunctions")
    found = client.describe_state_machine(stateMachineArn=deployment.output("StateMachineArn"))
    if (status := found.get("status", "ACTIVE")) != "ACTIVE":
        return wrong("state machine", f"it is {status}")
    if (place := definition.difference(found["definition"])) is not None:
        what = f"its definition is not this checkout's: {place} differs"
        return doubtful("state machine", what, DEPLOY)
    return fine("state machine", "ACTIVE, with this checkout's definition")


def _functions(deployment: Deployment) -> Check:
    client = deployment.clients("lambda")
    here = code_version(PROJECT)
    broken, old = [], []
    for output in ("InvokerName", "SweepName"):
        name = deployment.output(output)
        found = client.get_function_configuration(FunctionName=name)
        state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
        if state not in {"Active", "Inactive"} or update == "Failed":
            broken.append(f"{name} is {state}, its last update {update}")
        if found.get("Environment", {}).get("Variables", {}).get(VARIABLE) != here:
            old.append(f"{name}, deployed {found.get('LastModified', '?')}")
    if broken:
        return wrong("functions", "; ".join(broken))
    if old:
        what = f"not this checkout's code ({here[:8]}): {'; '.join(old)}"
        return doubtful("functions", what, DEPLOY)
    return fine("functions", f"active, with this checkout's code ({here[:8]})")


def _topic(deployment: Deployment) -> Check:
    client = deployment.clients("sns")
    arn = deployment.output("TopicArn")
    pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
    found = [str(each["SubscriptionArn"]) for page in pages for each in page["Subscriptions"]]
    confirmed = [each for each in found if each.startswith("arn:")]
    if confirmed:
        return fine("deciders", f"{text.count(len(confirmed), 'subscriber')} told of questions")
    if found:
        what = f"{text.count(len(found), 'subscriber')}, and none has confirmed"
        return doubtful("deciders", what, "the mail of AWS Notifications has the link for it")
    return doubtful(
        "deciders",
        "nobody is told of questions",
        "deploy with -c notify=ADDRESS, or subscribe somebody to the topic",
    )


def _tasks(deployment: Deployment) -> Check:
    url = deployment.output("TaskDeadLetterQueueUrl")
    number = _depth(deployment.clients("sqs"), url)
    if number:
        what = f"{text.count(number, 'message')} of the task queue could not be done"
        return doubtful("dead letters", what, "`errand dlq list` says why")
    return fine("dead letters", "none of the task queue")


def _depth(client: Client, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(found["Attributes"][name])


def _executions(deployment: Deployment) -> Check:
    client = deployment.clients("stepfunctions")
    arn = deployment.output("StateMachineArn")
    since = deployment.now - _DAY
    counts: dict[str, int] = {}
    for status in ("FAILED", "TIMED_OUT", "ABORTED"):
        page = client.list_executions(stateMachineArn=arn, statusFilter=status, maxResults=100)
        late = [each for each in page["executions"] if each["startDate"] >= since]
        counts |= {status: len(late)} if late else {}
    if not counts:
        return fine("executions", "none failed within a day")
    listed = ", ".join(f"{number} {status}" for status, number in counts.items())
    return doubtful(
        "executions",
        f"within a day: {listed}",
        "each run's own error: `errand list --status FAILED`; `errand sweep` mends what is left of "
        "those that were aborted",
    )


_OUTPUTS = frozenset(
    {
        "ApprovalsUrl",
        "BusName",
        "DeadLetterQueueUrl",
        "InvokerName",
        "LinkKeys",
        "StateMachineArn",
        "SweepName",
        "TableName",
        "TaskDeadLetterQueueUrl",
        "TaskQueueUrl",
        "TopicArn",
    }
)
_EVERYWHERE: tuple[tuple[str, Looking], ...] = (
    ("deployment", _stack),
    ("table", _table),
    ("state machine", _machine),
    ("functions", _functions),
    ("deciders", _topic),
    ("dead letters", _tasks),
    ("executions", _executions),
)
