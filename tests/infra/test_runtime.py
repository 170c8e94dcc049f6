"""The agent's runtime in the template: what it is, what it is told, and what it may do."""

import json
from typing import Any

from infra.agent_code import ENTRY_POINT
from infra.settings import DEFAULT_MODEL
from tests.support.template import Synthesised

RUNTIME = "AWS::BedrockAgentCore::Runtime"
TABLE = "AWS::DynamoDB::GlobalTable"
#: In bytes, of a runtime's names and values: what platform V2 takes from a zip.
MOST_ENVIRONMENT = 1_500
#: As long as CloudFormation makes a name that it makes up.
LONG_NAME = "x" * 63


def test_the_local_stack_is_given_its_agent(synthesised: Synthesised) -> None:
    runtimes = synthesised.of_type(RUNTIME)

    assert bool(runtimes) is (synthesised.target == "aws")
    assert ("RuntimeArn" in synthesised.template["Parameters"]) is (synthesised.target == "local")


def test_a_session_ends_when_it_idles_and_when_no_run_may_take_longer(
    on_aws: Synthesised, in_full: Synthesised
) -> None:
    for template in (on_aws, in_full):
        runtime = template.only(RUNTIME)

        assert runtime["LifecycleConfiguration"] == {
            "IdleRuntimeSessionTimeout": 300,
            "MaxLifetime": 8 * 3600,
        }
        assert runtime["PlatformVersion"] == "V2"
        assert runtime["ProtocolConfiguration"] == "HTTP"


def test_the_code_is_zipped_or_an_image(on_aws: Synthesised, in_full: Synthesised) -> None:
    code = on_aws.only(RUNTIME)["AgentRuntimeArtifact"]["CodeConfiguration"]
    image = in_full.only(RUNTIME)["AgentRuntimeArtifact"]["ContainerConfiguration"]

    assert code["EntryPoint"] == list(ENTRY_POINT)
    assert code["Runtime"] == "PYTHON_3_13"
    assert "cdk-hnb659fds-container-assets" in image["ContainerUri"]["Fn::Sub"]


def test_the_image_is_made_for_arm64(in_full: Synthesised) -> None:
    (file,) = in_full.file.parent.glob("*.assets.json")

    (image,) = json.loads(file.read_text())["dockerImages"].values()
    assert image["source"]["platform"] == "linux/arm64"


def test_the_agent_is_told_all_it_needs(in_full: Synthesised) -> None:
    variables = in_full.only(RUNTIME)["EnvironmentVariables"]

    table = {"Ref": in_full.id_of(TABLE)}
    assert variables["ERRAND_JOURNAL"] == {"Fn::Join": ["", ["dynamodb:", table]]}
    assert variables["ERRAND_MODEL"] == "bedrock:global.anthropic.claude-sonnet-4-6"
    assert variables["UNITOK_API_URL"] == "https://unitok.example/api"
    assert variables.keys() >= {"ERRAND_ARTIFACTS", "ERRAND_STATE_MACHINE"}


def test_the_state_machine_that_is_named_ahead_is_the_one_there_is(in_full: Synthesised) -> None:
    told = in_full.only(RUNTIME)["EnvironmentVariables"]["ERRAND_STATE_MACHINE"]
    machine = in_full.only("AWS::StepFunctions::StateMachine")

    assert told["Fn::Join"][1][-1] == f":stateMachine:{machine['StateMachineName']}"


def test_the_environment_is_as_small_as_the_platform_asks(in_full: Synthesised) -> None:
    variables = in_full.only(RUNTIME)["EnvironmentVariables"]

    assert sum(len(name) + len(written(value)) for name, value in variables.items()) < (
        MOST_ENVIRONMENT
    )


def written(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Write a value out, with names as long as they get."""
    match value:
        case str():
            return value
        case {"Fn::Join": [between, parts]}:
            return str(between).join(map(written, parts))
        case _:
            return LONG_NAME


def test_logs_and_traces_are_delivered(on_aws: Synthesised) -> None:
    sources = on_aws.of_type("AWS::Logs::DeliverySource").values()
    group = on_aws.only("AWS::Logs::LogGroup", "Agent")

    assert {it["Properties"]["LogType"] for it in sources} == {"APPLICATION_LOGS", "TRACES"}
    assert group["LogGroupName"] == "/aws/vendedlogs/bedrock-agentcore/errand-dev"


def test_inputs_are_read_where_they_were_named_and_nowhere_else(
    on_aws: Synthesised, in_full: Synthesised
) -> None:
    def read(template: Synthesised) -> list[str]:
        role = template.role_of(RUNTIME, "RoleArn")
        found = (it for it in template.statements(role) if it.get("Sid") == "Inputs")
        return [it["Resource"]["Fn::Join"][1][-1] for it in found]

    assert read(on_aws) == []
    assert read(in_full) == [":s3:::bills/exports/*"]
    assert "ce:GetCostAndUsage" not in on_aws.allowed(on_aws.role_of(RUNTIME, "RoleArn"))


def test_models_are_called_through_the_profile_only(on_aws: Synthesised) -> None:
    role = on_aws.role_of(RUNTIME, "RoleArn")
    (called,) = (it for it in on_aws.statements(role) if it.get("Sid") == "ModelOfProfile")

    profile = called["Condition"]["StringEquals"]["bedrock:InferenceProfileArn"]
    assert profile["Fn::Join"][1][-1] == f":inference-profile/{DEFAULT_MODEL}"


def test_the_code_may_be_read_and_no_other(on_aws: Synthesised) -> None:
    code = on_aws.only(RUNTIME)["AgentRuntimeArtifact"]["CodeConfiguration"]["Code"]["S3"]
    role = on_aws.role_of(RUNTIME, "RoleArn")

    (read,) = (it for it in on_aws.statements(role) if it.get("Sid") == "Code")
    assert read["Action"] == "s3:GetObject"
    assert read["Resource"]["Fn::Join"][1][-1] == f"/{code['Prefix']}"


def test_the_runtime_waits_for_what_its_role_may_do(on_aws: Synthesised) -> None:
    """Whether the role may have the code is looked at when the runtime is made."""
    (runtime,) = on_aws.of_type(RUNTIME).values()

    assert on_aws.id_of("AWS::IAM::Policy", "AgentRoleDefaultPolicy") in runtime["DependsOn"]


def test_no_trace_is_made_of_looks_at_its_health(on_aws: Synthesised) -> None:
    told = on_aws.only(RUNTIME)["EnvironmentVariables"]

    assert told["OTEL_PYTHON_EXCLUDED_URLS"] == "ping"
