"""The checks of what a deployment has on AWS only: the agent, its model, secrets, alarms."""

from datetime import timedelta

from botocore.exceptions import ClientError

from cli import text
from cli.check import Check
from cli.deployment import DEPLOY, Deployment, Looking, doubtful, fine, wrong
from runs.errors import LinkKeysError
from runs.link_keys import parse_keys

#: Beyond this an idle session is billed for longer than it need be.
_LONGEST_IDLE_SECONDS = 900


def _credentials(deployment: Deployment) -> Check:
    client = deployment.clients("sts")
    me = client.get_caller_identity()
    found = f"{me['Arn']} in account {me['Account']}, {client.meta.region_name}"
    return fine("credentials", found)


def _runtime(deployment: Deployment) -> Check:
    client = deployment.clients("bedrock-agentcore-control")
    found = client.get_agent_runtime(agentRuntimeId=_runtime_id(deployment))
    status = str(found["status"])
    if status != "READY":
        why = found.get("failureReason") or "see CloudFormation's events"
        return wrong("agent", f"the runtime is {status}: {why}")
    idle = int(found.get("lifecycleConfiguration", {}).get("idleRuntimeSessionTimeout", 900))
    where = f"READY, version {found['agentRuntimeVersion']} of {found['lastUpdatedAt']:%Y-%m-%d}"
    if idle > _LONGEST_IDLE_SECONDS:
        what = f"{where}; a session that is not stopped is billed for {idle} s"
        return doubtful("agent", what, DEPLOY)
    return fine("agent", f"{where}; idle sessions end after {idle} s")


def _runtime_id(deployment: Deployment) -> str:
    return deployment.output("RuntimeArn").rpartition("/")[2]


def _model(deployment: Deployment) -> Check:
    control = deployment.clients("bedrock-agentcore-control")
    found = control.get_agent_runtime(agentRuntimeId=_runtime_id(deployment))
    named = str(found.get("environmentVariables", {}).get("ERRAND_MODEL", ""))
    provider, _, model = named.partition(":")
    if provider != "bedrock" or not model:
        return fine("model", named or "the agent's own default")
    client = deployment.clients("bedrock")
    if "." in model and not model.startswith(_VENDORS):
        profile = client.get_inference_profile(inferenceProfileIdentifier=model)
        if profile["status"] != "ACTIVE":
            return wrong("model", f"profile {model} is {profile['status']}", _MODEL_ACCESS)
        model = profile["models"][0]["modelArn"].rpartition("/")[2]
    access = client.get_foundation_model_availability(modelId=model)
    lacking = [
        f"{name} {access[name]}"
        for name, good in (
            ("authorizationStatus", "AUTHORIZED"),
            ("entitlementAvailability", "AVAILABLE"),
            ("regionAvailability", "AVAILABLE"),
        )
        if access.get(name) != good
    ]
    if lacking:
        return wrong("model", f"{model}: {', '.join(lacking)}", _MODEL_ACCESS)
    return fine("model", f"{named.removeprefix('bedrock:')} may be called")


#: What names of models begin with; those of inference profiles have a region before it.
_VENDORS = ("anthropic.", "amazon.", "meta.", "mistral.", "cohere.", "ai21.", "openai.", "qwen.")
_MODEL_ACCESS = (
    "ask for access to it in the Bedrock console, or deploy with another: -c model=MODEL"
)


def _keys(deployment: Deployment) -> Check:
    client, place = deployment.clients("secretsmanager"), deployment.output("LinkKeys")
    secret = client.get_secret_value(SecretId=place).get("SecretString", "")
    try:
        keys = parse_keys(str(secret), where=place)
    except LinkKeysError as error:
        return wrong("keys of links", str(error), "docs/operations.md says how to put a new one")
    return fine("keys of links", text.count(len(keys), "key"))


def _alarms(deployment: Deployment) -> Check:
    client = deployment.clients("cloudwatch")
    pages = client.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"{deployment.stack_name}-"
    )
    # Another stage's name may begin like this one's; what its alarms tell is its own.
    topic = deployment.output("AlarmTopicArn")
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    alarms = [alarm for alarm in found if topic in alarm.get("AlarmActions", ())]
    loud = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    if loud:
        named = ", ".join(sorted(str(alarm["AlarmName"]) for alarm in loud))
        what = f"{text.count(len(loud), 'alarm')} on: {named}"
        made = [deployment.now - alarm["AlarmConfigurationUpdatedTimestamp"] for alarm in loud]
        if max(made) < _SETTLING:
            return doubtful("alarms", f"{what}, just made", "look again in 20 minutes")
        return wrong("alarms", what, "docs/operations.md has a section for each")
    if not alarms:
        return doubtful("alarms", "there are none", DEPLOY)
    return fine("alarms", f"none of {len(alarms)} is on")


#: As far as an alarm looks back that takes silence for trouble, on a time before the stack.
_SETTLING = timedelta(minutes=20)


def _bucket(deployment: Deployment) -> Check:
    bucket = deployment.output("ArtifactsUri").removeprefix("s3://").partition("/")[0]
    client = deployment.clients("s3")
    try:
        found = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if error.response["Error"].get("Code") != "NoSuchPublicAccessBlockConfiguration":
            raise
        found = {}
    is_open = [name for name in _BLOCKS if not found.get(name)]
    if is_open:
        return wrong("artifacts", f"bucket {bucket} could be made public: {', '.join(is_open)}")
    return fine("artifacts", f"bucket {bucket} can't be made public")


_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
#: By name.
ON_AWS: tuple[tuple[str, Looking], ...] = (
    ("credentials", _credentials),
    ("agent", _runtime),
    ("model", _model),
    ("keys of links", _keys),
    ("alarms", _alarms),
    ("artifacts", _bucket),
)
