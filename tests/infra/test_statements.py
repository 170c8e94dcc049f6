"""Wildcards need a reason."""

import pytest


def test_a_wildcard_without_a_reason_is_refused() -> None:
    from aws_cdk import App, Stack, aws_iam  # noqa: PLC0415 - takes seconds

    from infra.statements import let, let_beside  # noqa: PLC0415 - as above

    stack = Stack(App(), "stack")
    role = aws_iam.Role(stack, "Role", assumed_by=aws_iam.AccountRootPrincipal())

    with pytest.raises(ValueError, match=r"statement 'Read' is for .*, expected a reason for each"):
        let(role, "Read", ["s3:GetObject"], ["arn:aws:s3:::bills/*"])
    with pytest.raises(ValueError, match=r"statement 'Read' allows .*, expected whole names"):
        let(role, "Read", ["s3:Get*"], ["arn:aws:s3:::bills/report"])
    with pytest.raises(ValueError, match=r"statement 'Beside' is for .*, expected a reason"):
        let_beside(stack, "Beside", [role], ["s3:GetObject"], [f"{role.role_arn}/*"])
