"""The Lambda durable function in the template, and how its endings are told."""

import pytest

from infra.agent_code import HANDLER
from runs.budget import MAX_SECONDS
from runs.concluding import STATUSES
from tests.support.template import Synthesise, Synthesised

FUNCTION = "AWS::Lambda::Function"
RULE = "AWS::Events::Rule"


def test_it_executes_longer_than_any_run_may_take(on_aws: Synthesised) -> None:
    function = on_aws.only(FUNCTION, "DurableFunction")

    assert function["DurableConfig"]["ExecutionTimeout"] > MAX_SECONDS
    assert function["Timeout"] == 900


def test_it_is_the_agent_s_code_for_the_agent_s_python(on_aws: Synthesised) -> None:
    function = on_aws.only(FUNCTION, "DurableFunction")

    assert (function["Handler"], function["Runtime"]) == (HANDLER, "python3.13")
    assert function["Architectures"] == ["arm64"]
    assert function["Environment"]["Variables"].keys() >= {
        "ERRAND_ARTIFACTS",
        "ERRAND_JOURNAL",
        "ERRAND_MODEL",
    }


def test_a_published_version_is_invoked_and_stays(on_aws: Synthesised) -> None:
    (version,) = on_aws.of_type("AWS::Lambda::Version").values()
    alias = on_aws.id_of("AWS::Lambda::Alias")

    assert version["DeletionPolicy"] == "Retain"
    assert on_aws.template["Outputs"]["DurableFunctionArn"]["Value"] == {"Ref": alias}


def test_its_bad_endings_are_told_to_the_invoker(on_aws: Synthesised) -> None:
    rule = on_aws.only(RULE, "DurableEndings")
    (target,) = rule["Targets"]

    function = {"Fn::GetAtt": [on_aws.id_of(FUNCTION, "DurableFunction"), "Arn"]}
    assert rule["EventPattern"]["source"] == ["aws.lambda"]
    assert rule["EventPattern"]["detail-type"] == ["Durable Execution Status Change"]
    assert set(rule["EventPattern"]["detail"]["status"]) == STATUSES
    assert rule["EventPattern"]["detail"]["functionArn"] == [{"prefix": function}]
    assert target["Arn"] == {"Fn::GetAtt": [on_aws.id_of(FUNCTION, "InvokerFunction"), "Arn"]}
    assert target["InputTransformer"]["InputTemplate"] == (
        '{"action":"conclude","execution":<detail-durableExecutionArn>,"status":<detail-status>}'
    )


@pytest.mark.parametrize(
    "context",
    [{"target": "local"}, {"target": "aws", "artifact": "container", "durable": "off"}],
    ids=["local", "off"],
)
def test_it_is_left_out_where_nobody_can_use_it(
    context: dict[str, object], synthesise: Synthesise
) -> None:
    functions = synthesise(context).of_type(FUNCTION).values()

    assert not [it for it in functions if "DurableConfig" in it["Properties"]]
