"""The sweep in the template."""

from tests.support.template import Synthesised

FUNCTION = "AWS::Lambda::Function"


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
