"""The sweep in the template."""

from infra.settings import Target
from tests.support.template import Synthesised

FUNCTION = "AWS::Lambda::Function"
TABLE = "AWS::DynamoDB::GlobalTable"
MACHINE = "AWS::StepFunctions::StateMachine"


def test_a_schedule_has_the_journal_swept(synthesised: Synthesised) -> None:
    rule = synthesised.only("AWS::Events::Rule", "Sweep")
    (target,) = rule["Targets"]

    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert target["Arn"] == {"Fn::GetAtt": [synthesised.id_of(FUNCTION, "Sweep"), "Arn"]}


def test_a_sweep_that_failed_is_left_to_the_next_one(synthesised: Synthesised) -> None:
    (target,) = synthesised.only("AWS::Events::Rule", "Sweep")["Targets"]
    invoked = synthesised.only("AWS::Lambda::EventInvokeConfig", "Sweep")

    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert invoked["MaximumRetryAttempts"] == 0


def test_no_function_that_stops_sessions_outlives_the_time_a_stop_may_take(
    synthesised: Synthesised,
) -> None:
    timeouts = {synthesised.only(FUNCTION, name)["Timeout"] for name in ("Invoker", "Sweep")}

    # As `STOP_TIME` in invoker/stopping.py has it.
    assert timeouts == {60}


def test_the_sweep_may_do_what_it_does_and_nothing_else(synthesised: Synthesised) -> None:
    allowed = synthesised.allowed(synthesised.role_of(FUNCTION, "Role", "Sweep"))

    arn = {"Fn::GetAtt": [synthesised.id_of(TABLE), "Arn"]}
    machine = {"Ref": synthesised.id_of(MACHINE)}
    others = {
        name: allowed[name]
        for name in allowed
        if not name.startswith(("logs:", "s3:", "xray:", "bedrock-agentcore:", "kms:"))
    }
    executions = others.pop("states:DescribeExecution")
    assert others == {
        "dynamodb:BatchGetItem": [arn],
        "dynamodb:GetItem": [arn],
        "dynamodb:PutItem": [arn],
        "dynamodb:Query": [arn, {"Fn::Join": ["", [arn, "/index/by_status"]]}],
        "states:ListExecutions": [machine],
        "states:SendTaskSuccess": [machine],
        "states:StartExecution": [machine],
    }
    stage = "local" if synthesised.target is Target.LOCAL else "dev"
    assert executions[0]["Fn::Join"][1][-1] == f":execution:errand-{stage}:*"


def test_the_sweep_ends_sessions_and_begins_none(synthesised: Synthesised) -> None:
    allowed = synthesised.allowed(synthesised.role_of(FUNCTION, "Role", "Sweep"))

    actions = {action for action in allowed if action.startswith("bedrock-agentcore:")}
    assert actions == {"bedrock-agentcore:StopRuntimeSession"}
