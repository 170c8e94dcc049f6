"""Leave to use the artifact store, which the parameter `ArtifactsUri` names."""

from aws_cdk import Fn, aws_iam


def let_use_artifacts(uri: str) -> aws_iam.PolicyStatement:
    """Give the statement that lets a role read and write what is too large for an item.

    Args:
        uri: `s3://bucket/prefix`.
    """
    bucket = Fn.select(2, Fn.split("/", uri))
    return aws_iam.PolicyStatement(
        sid="Artifacts",
        actions=["s3:GetObject", "s3:PutObject"],
        resources=[Fn.join("", ["arn:aws:s3:::", bucket, "/*"])],
    )
