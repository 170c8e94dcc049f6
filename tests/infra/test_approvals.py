"""The approvals' API in the template: who reaches it, what it may do, and what is written down."""

import json

from infra.settings import Target
from tests.support.template import Synthesised

FUNCTION = "AWS::Lambda::Function"
STAGE = "AWS::ApiGatewayV2::Stage"
SECRET = "AWS::SecretsManager::Secret"


def test_the_function_gets_its_whole_configuration(synthesised: Synthesised) -> None:
    function = synthesised.only(FUNCTION, "Approvals")

    assert function["Handler"] == "invoker.approvals.handler"
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert function["Environment"]["Variables"].keys() == {
        "ERRAND_ARTIFACTS",
        "ERRAND_CODE",
        "ERRAND_LINK_KEYS",
        "ERRAND_STAGE",
        "ERRAND_TABLE",
    }


def test_every_request_goes_to_the_function_and_not_too_many(synthesised: Synthesised) -> None:
    route = synthesised.only("AWS::ApiGatewayV2::Route")
    integration = synthesised.only("AWS::ApiGatewayV2::Integration")
    stage = synthesised.only(STAGE)

    assert route["RouteKey"] == "$default"
    assert integration["PayloadFormatVersion"] == "2.0"
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingBurstLimit": 40,
        "ThrottlingRateLimit": 20,
    }


def test_no_log_holds_a_link(synthesised: Synthesised) -> None:
    logged = json.loads(synthesised.only(STAGE)["AccessLogSettings"]["Format"])

    assert {"$context.status", "$context.identity.sourceIp"} <= set(logged.values())
    for variable in ("path", "routeKey", "resourcePath", "requestOverride"):
        assert not [value for value in logged.values() if variable in value]


def test_keys_are_a_secret_in_the_cloud_and_a_file_on_a_laptop(synthesised: Synthesised) -> None:
    secrets = synthesised.of_type(SECRET)

    if synthesised.target is Target.LOCAL:
        assert secrets == {}
        assert synthesised.template["Outputs"]["LinkKeys"]["Value"] == {"Ref": "LinkKeysFile"}
    else:
        generated = synthesised.only(SECRET)["GenerateSecretString"]
        assert generated == {"ExcludePunctuation": True, "PasswordLength": 64}


def test_the_pages_are_where_the_api_is(synthesised: Synthesised) -> None:
    url = synthesised.template["Outputs"]["ApprovalsUrl"]["Value"]

    api = synthesised.id_of("AWS::ApiGatewayV2::Api")
    if synthesised.target is Target.LOCAL:
        assert url == {"Fn::Join": ["", [{"Ref": "Endpoint"}, "/_aws/execute-api/", {"Ref": api}]]}
    else:
        assert url == {"Fn::GetAtt": [api, "ApiEndpoint"]}
