"""The AWS account a deployment goes to, and what it has of a stack already."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from infra.refused import RefusedError
from infra.template_diff import Resources

#: botocore makes its clients' classes while running: they have no static type.
Client: TypeAlias = Any

_QUICKLY = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})
#: The CDK's own name for what its assets are uploaded with.
_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
#: A stack with nothing in it: it was never created, or its creation was taken back.
_EMPTY = {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStack:
    """A stack as it is on AWS."""

    name: str
    #: What it was made from, as the CDK wrote it.
    resources: Resources
    #: What AWS calls them, by their logical ids.
    physical_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """An account in one region, with credentials that it takes."""

    number: str
    region: str
    session: boto3.Session

    def __str__(self) -> str:
        return f"account {self.number} ({self.region})"

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Have other programs go to the same region; each has a variable of its own for it."""
        return {**environ, "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}

    def client(self, service: str) -> Client:
        """Make a client of a service."""
        return self.session.client(service, config=_QUICKLY)


def find_account(environ: Mapping[str, str]) -> Account:
    """Ask whose the credentials are that an environment has.

    Raises:
        RefusedError: There are none, or no region, or AWS does not take them.
    """
    try:
        session = boto3.Session(region_name=environ.get("AWS_REGION"))
        if session.region_name is None:
            msg = "no region is set: AWS_REGION=eu-central-1, or AWS_PROFILE with one that has it"
            raise RefusedError(msg)
        identity = session.client("sts", config=_QUICKLY).get_caller_identity()
    except NoCredentialsError as error:
        msg = (
            "there are no AWS credentials: AWS_PROFILE=…, after `aws sso login` or `aws configure`"
        )
        raise RefusedError(msg) from error
    except (BotoCoreError, ClientError) as error:
        msg = f"AWS can't be asked with these credentials: {error}"
        raise RefusedError(msg) from error
    return Account(identity["Account"], session.region_name, session)


def require_bootstrap(account: Account) -> None:
    """Do nothing if the CDK has been here before: it needs a bucket and roles of its own.

    Raises:
        RefusedError: It has not.
    """
    try:
        account.client("ssm").get_parameter(Name=_BOOTSTRAP)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            # Whoever may not look may still deploy: the CDK looks with a role of its own.
            return
        msg = (
            f"{account} is not prepared for the CDK; once for each region: "
            f"npx cdk bootstrap aws://{account.number}/{account.region}"
        )
        raise RefusedError(msg) from error


def deployed_stack(account: Account, name: str) -> DeployedStack | None:
    """Look at a stack; None if there is none, or nothing in it.

    Raises:
        RefusedError: It is being changed, or may not be looked at.
    """
    client = account.client("cloudformation")
    try:
        status = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if status in _EMPTY:
            return None
        if status.endswith("_IN_PROGRESS"):
            msg = f"{name} in {account} is being changed ({status}); wait until that has ended"
            raise RefusedError(msg)
        template = client.get_template(StackName=name)["TemplateBody"]
        pages = client.get_paginator("list_stack_resources").paginate(StackName=name)
        ids = {
            each["LogicalResourceId"]: each.get("PhysicalResourceId", "")
            for page in pages
            for each in page["StackResourceSummaries"]
        }
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        msg = f"{name} in {account} can't be looked at: {error}"
        raise RefusedError(msg) from error
    parsed = json.loads(template) if isinstance(template, str) else template
    return DeployedStack(name=name, resources=parsed["Resources"], physical_ids=ids)
