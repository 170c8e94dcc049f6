"""The approvals' HTTP API: the pages that links open, and where decisions are taken."""

import json
from pathlib import Path
from typing import cast

from aws_cdk import (
    CfnParameter,
    Duration,
    Fn,
    aws_apigatewayv2,
    aws_apigatewayv2_integrations,
    aws_dynamodb,
    aws_iam,
    aws_logs,
)
from constructs import Construct

from infra.artifacts import Artifacts
from infra.calls import called
from infra.encryption import Encryption
from infra.functions import bundled_function, log_group, own_role
from infra.kept_keys import KeptKeys
from infra.settings import Settings
from infra.statements import accept, let

#: Longer than the function's slowest way: two reads and a transaction, each tried three times.
_TIMEOUT = Duration.seconds(25)
#: Requests per second of all deciders together, and so of whoever tries links.
_RATE, _BURST = 20, 40
#: Without the path: the token in it opens the approval to whoever reads the log.
_LOGGED = {
    "requestId": "$context.requestId",
    "at": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "error": "$context.integrationErrorMessage",
}


class LinkKeys(KeptKeys):
    """The keys that links are signed with."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, encryption: Encryption
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            settings=settings,
            encryption=encryption,
            file="LinkKeysFile",
            file_description="The file with the keys of links, made when it is missing",
            description="Keys of links to approvals, one per line; the last one signs",
            length=64,
            because="a new key is added to those whose links are still out, by who operates the "
            "stack; replacing it on a schedule would end all of these",
        )


class Approvals(Construct):
    """The API, its function with a role of its own, and their logs."""

    def __init__(  # noqa: PLR0913 - a construct names each thing it is wired to
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Path,
        table: aws_dynamodb.ITableV2,
        artifacts: Artifacts,
        encryption: Encryption,
        link_keys: LinkKeys,
    ) -> None:
        super().__init__(scope, construct_id)
        logs = log_group(self, "Logs", encryption=encryption)
        self.role = _role(self, logs, table=table, artifacts=artifacts)
        link_keys.let_read(self.role, "LinkKeys", caller="approvals", what="link keys")
        self.function = bundled_function(
            self,
            description="Shows what runs ask of people, and takes decisions",
            code=code,
            handler="invoker.approvals.handler",
            role=self.role,
            timeout=_TIMEOUT,
            logs=logs,
            encryption=encryption,
            environment={
                "ERRAND_TABLE": table.table_name,
                "ERRAND_ARTIFACTS": artifacts.uri,
                "ERRAND_LINK_KEYS": link_keys.place,
            },
        )
        api = aws_apigatewayv2.HttpApi(
            self,
            "Api",
            api_name=f"{settings.stack_name}-approvals",
            description="Approvals of Errand's runs",
            create_default_stage=False,
            # Each path and method is answered by the function: also that there is no such page.
            default_integration=aws_apigatewayv2_integrations.HttpLambdaIntegration(
                "Integration", self.function
            ),
        )
        accept(
            api,
            "APIG4",
            because="what authorises is the signed token in a link, which the function checks; "
            "who decides has no identity in this account",
        )
        _stage(self, api, encryption=encryption)
        #: Where the pages are, without a slash at the end.
        self.url = _url(scope, api, settings=settings)


def _url(scope: Construct, api: aws_apigatewayv2.HttpApi, *, settings: Settings) -> str:
    if not settings.is_local:
        return str(api.api_endpoint)
    # The emulator serves an API under its own address, too; the names of *.localhost that it gives
    # are not resolved by every browser.
    parameter = CfnParameter(
        scope,
        "Endpoint",
        type="String",
        description="The emulator's address",
        allowed_pattern="http://.+",
    )
    return str(Fn.join("", [parameter.value_as_string, "/_aws/execute-api/", api.api_id]))


def _stage(scope: Construct, api: aws_apigatewayv2.HttpApi, *, encryption: Encryption) -> None:
    stage = api.add_stage(
        "Stage",
        stage_name="$default",
        auto_deploy=True,
        throttle=aws_apigatewayv2.ThrottleSettings(rate_limit=_RATE, burst_limit=_BURST),
    )
    access = log_group(scope, "Access", encryption=encryption)
    below = cast("aws_apigatewayv2.CfnStage", stage.node.default_child)
    below.access_log_settings = aws_apigatewayv2.CfnStage.AccessLogSettingsProperty(
        destination_arn=access.log_group_arn, format=json.dumps(_LOGGED)
    )


def _role(
    scope: Construct,
    logs: aws_logs.LogGroup,
    *,
    table: aws_dynamodb.ITableV2,
    artifacts: Artifacts,
) -> aws_iam.Role:
    role = own_role(scope, logs)
    let(role, "Journal", called("approvals", "journal"), [table.table_arn])
    # Contents that are too large for an item.
    artifacts.let_use(role, caller="approvals")
    return role
