"""Whether what a stack deployed is there, asked of the service that has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.clients import Client
from local.own_emulator import RunningEmulator


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack that was deployed into an emulator."""

    emulator: RunningEmulator
    resources: Mapping[str, Mapping[str, Any]]
    #: What the emulator calls them, by their logical ids.
    ids: Mapping[str, str]

    def client(self, service: str) -> Client:
        """Make a client."""
        return self.emulator.client(service)

    def probe(self, name: str) -> object:
        """Ask for a resource; raise if it is not there."""
        resource = self.resources[name]
        found = PROBES[resource["Type"]](self, self.ids[name], resource.get("Properties", {}))
        if not found:
            msg = f"{resource['Type']} {name} is not there"
            raise LookupError(msg)
        return found

    def named(self, reference: Mapping[str, Any]) -> str:
        """Resolve a reference to another resource of the template, to its id."""
        name = reference.get("Ref") or reference["Fn::GetAtt"][0]
        return self.ids[name]


Probe = Callable[[Deployed, str, Mapping[str, Any]], object]


def _simple(service: str, operation: str, argument: str) -> Probe:
    """Make a probe that gives the resource's id as one argument."""
    return lambda stack, it, _: getattr(stack.client(service), operation)(**{argument: it})


def _queue_policy(stack: Deployed, _: str, properties: Mapping[str, Any]) -> object:
    (queue,) = properties["Queues"]
    answer = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.named(queue), AttributeNames=["Policy"]
    )
    return answer.get("Attributes")


def _topic_policy(stack: Deployed, _: str, properties: Mapping[str, Any]) -> object:
    (topic,) = properties["Topics"]
    answer = stack.client("sns").get_topic_attributes(TopicArn=stack.named(topic))
    return "SecureTransport" in answer["Attributes"]["Policy"]


def _role_policy(stack: Deployed, _: str, properties: Mapping[str, Any]) -> object:
    return [
        stack.client("iam").get_role_policy(
            RoleName=stack.named(role), PolicyName=properties["PolicyName"]
        )
        for role in properties["Roles"]
    ]


def _permission(stack: Deployed, _: str, properties: Mapping[str, Any]) -> object:
    function = stack.named(properties["FunctionName"])
    return (
        properties["Principal"]
        in stack.client("lambda").get_policy(FunctionName=function)["Policy"]
    )


def _rule(stack: Deployed, it: str, properties: Mapping[str, Any]) -> object:
    bus = properties.get("EventBusName", {})
    client = stack.client("events")
    of = {"EventBusName": stack.named(bus)} if bus else {}
    # An id of a rule on a bus of its own is `bus|rule` on AWS.
    name = it.rpartition("|")[2]
    client.describe_rule(Name=name, **of)
    return client.list_targets_by_rule(Rule=name, **of)["Targets"]


def _of_api(operation: str, argument: str) -> Probe:
    def probe(stack: Deployed, it: str, properties: Mapping[str, Any]) -> object:
        call = getattr(stack.client("apigatewayv2"), operation)
        name = it.rpartition("/")[2]
        return call(ApiId=stack.named(properties["ApiId"]), **{argument: name})

    return probe


def _log_group(stack: Deployed, it: str, _: Mapping[str, Any]) -> object:
    groups = stack.client("logs").describe_log_groups(logGroupNamePrefix=it)["logGroups"]
    return [group for group in groups if group["logGroupName"] == it]


def _log_policy(stack: Deployed, it: str, _: Mapping[str, Any]) -> object:
    policies = stack.client("logs").describe_resource_policies()["resourcePolicies"]
    return [policy for policy in policies if policy["policyName"] == it]


def _key(stack: Deployed, it: str, _: Mapping[str, Any]) -> object:
    found = stack.client("kms").describe_key(KeyId=it)["KeyMetadata"]
    return found["KeyState"] == "Enabled"


def _key_alias(stack: Deployed, it: str, _: Mapping[str, Any]) -> object:
    aliases = stack.client("kms").list_aliases()["Aliases"]
    return [alias for alias in aliases if alias["AliasName"] == it]


def _alarm(stack: Deployed, it: str, _: Mapping[str, Any]) -> object:
    return stack.client("cloudwatch").describe_alarms(AlarmNames=[it])["MetricAlarms"]


def _invoke_config(stack: Deployed, it: str, __: Mapping[str, Any]) -> object:
    function, _, qualifier = it.partition(":")
    return stack.client("lambda").get_function_event_invoke_config(
        FunctionName=function, Qualifier=qualifier
    )


def _bucket_policy(stack: Deployed, _: str, properties: Mapping[str, Any]) -> object:
    return stack.client("s3").get_bucket_policy(Bucket=stack.named(properties["Bucket"]))


def _queue(stack: Deployed, it: str, _: Mapping[str, Any]) -> object:
    return stack.client("sqs").get_queue_attributes(QueueUrl=it, AttributeNames=["QueueArn"])


#: How to ask for each type that the emulator knows.
PROBES: Mapping[str, Probe] = {
    "AWS::ApiGatewayV2::Api": _simple("apigatewayv2", "get_api", "ApiId"),
    "AWS::ApiGatewayV2::Integration": _of_api("get_integration", "IntegrationId"),
    "AWS::ApiGatewayV2::Route": _of_api("get_route", "RouteId"),
    "AWS::ApiGatewayV2::Stage": _of_api("get_stage", "StageName"),
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _simple("cloudwatch", "get_dashboard", "DashboardName"),
    "AWS::DynamoDB::GlobalTable": _simple("dynamodb", "describe_table", "TableName"),
    "AWS::Events::EventBus": _simple("events", "describe_event_bus", "Name"),
    "AWS::Events::Rule": _rule,
    "AWS::IAM::Policy": _role_policy,
    "AWS::IAM::Role": _simple("iam", "get_role", "RoleName"),
    "AWS::KMS::Alias": _key_alias,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Alias": _simple("lambda", "get_function", "FunctionName"),
    "AWS::Lambda::EventInvokeConfig": _invoke_config,
    "AWS::Lambda::EventSourceMapping": _simple("lambda", "get_event_source_mapping", "UUID"),
    "AWS::Lambda::Function": _simple("lambda", "get_function", "FunctionName"),
    "AWS::Lambda::Permission": _permission,
    "AWS::Lambda::Version": _simple("lambda", "get_function", "FunctionName"),
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::ResourcePolicy": _log_policy,
    "AWS::S3::Bucket": _simple("s3", "head_bucket", "Bucket"),
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SNS::Subscription": _simple("sns", "get_subscription_attributes", "SubscriptionArn"),
    "AWS::SNS::Topic": _simple("sns", "get_topic_attributes", "TopicArn"),
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::Scheduler::Schedule": _simple("scheduler", "get_schedule", "Name"),
    "AWS::SecretsManager::Secret": _simple("secretsmanager", "describe_secret", "SecretId"),
    "AWS::StepFunctions::StateMachine": _simple(
        "stepfunctions", "describe_state_machine", "stateMachineArn"
    ),
}
