"""What becomes of data when its stack is destroyed."""

from aws_cdk import RemovalPolicy

from infra.settings import Settings


def removal(settings: Settings) -> RemovalPolicy:
    """Keep what runs left in production; elsewhere leave nothing that is billed."""
    return RemovalPolicy.RETAIN if settings.is_prod else RemovalPolicy.DESTROY
