"""What roles may do: one statement at a time, and no wildcard without a reason."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations, aws_iam
from constructs import Construct, IConstruct


def let(  # noqa: PLR0913 - the parts of a statement
    role: aws_iam.Role,
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    because: str | None = None,
    conditions: Mapping[str, Any] | None = None,
) -> None:
    """Let a role do something.

    Args:
        role: Whose policy gets the statement.
        sid: What the statement is for.
        actions: Whole names of actions.
        resources: ARNs.
        because: Why a resource has a wildcard; needed where one does, and told to who audits it.
        conditions: When it may.

    Raises:
        ValueError: A resource has a wildcard and no reason, or an action has one.
    """
    _explain(role, sid, actions, resources, because=because)
    role.add_to_policy(
        aws_iam.PolicyStatement(
            sid=sid,
            actions=list(actions),
            resources=list(resources),
            conditions=None if conditions is None else dict(conditions),
        )
    )


def let_beside(  # noqa: PLR0913 - as above
    scope: Construct,
    construct_id: str,
    roles: Sequence[aws_iam.Role],
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    because: str | None = None,
) -> None:
    """Let roles do something by a policy beside their own, named and identified as the construct.

    For resources that wait for a role's own policy: that can't name them.

    Raises:
        ValueError: A resource has a wildcard and no reason, or an action has one.
    """
    statement = aws_iam.PolicyStatement(
        sid=construct_id, actions=list(actions), resources=list(resources)
    )
    policy = aws_iam.Policy(scope, construct_id, roles=list(roles), statements=[statement])
    _explain(policy, construct_id, actions, resources, because=because)


def accept(construct: IConstruct, rule: str, *, because: str) -> None:
    """Take a finding of cdk-nag's AwsSolutions for what is right here, and say why."""
    Validations.of(construct).acknowledge(
        Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=because)
    )


def _explain(
    construct: IConstruct,
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    because: str | None,
) -> None:
    stack = Stack.of(construct)
    spelled = [_spell(stack.resolve(each)) for each in resources]
    wild = [each for each in spelled if "*" in each]
    if any("*" in action for action in actions):
        msg = f"statement {sid!r} allows {list(actions)}, expected whole names of actions"
        raise ValueError(msg)
    if wild and because is None:
        msg = f"statement {sid!r} is for {wild}, expected a reason for each '*'"
        raise ValueError(msg)
    for each in wild:
        accept(construct, f"IAM5[Resource::{each}]", because=str(because))


def _spell(value: Any) -> str:  # noqa: ANN401 - what CloudFormation resolves
    """Write an ARN as cdk-nag names it in a finding."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [between, parts]}:
            return str(between).join(map(_spell, parts))
        case {"Fn::Sub": text}:
            return str(text).replace("${", "<").replace("}", ">")
        case _:
            msg = f"{value!r} is no part of an ARN that is known here"
            raise ValueError(msg)
