"""The artifact store: what is too large for the journal, and the files that runs make."""

from aws_cdk import CfnParameter, Duration, aws_iam, aws_s3
from constructs import Construct

from infra.calls import called
from infra.encryption import Encryption
from infra.removal import removal
from infra.settings import Settings
from infra.statements import accept, let

#: A file that was put stays as it is (each attempt puts its own elsewhere), so versions are only
#: what a person or a program replaced or deleted by mistake.
_OLD_VERSIONS = Duration.days(30)
#: A record of the journal goes 120 days after it was written, and a fork may name what the run
#: before it has put: after a year nothing names a file any more.
_KEPT = Duration.days(365)
_UNFINISHED_UPLOADS = Duration.days(1)


class Artifacts(Construct):
    """A bucket; on a laptop the folder that a parameter names."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, encryption: Encryption
    ) -> None:
        super().__init__(scope, construct_id)
        self._bucket: aws_s3.Bucket | None = None
        if settings.is_local:
            parameter = CfnParameter(
                scope,
                "ArtifactsUri",
                type="String",
                description="The folder for large payloads and the files of runs",
                allowed_pattern="/.+",
            )
            #: A folder's path, or `s3://bucket`.
            self.uri = str(parameter.value_as_string)
            return
        self._bucket = _bucket(self, settings=settings, encryption=encryption)
        accept(
            self._bucket,
            "S1",
            because="who read what is told by CloudTrail, whose data events an account turns on "
            "as a whole; a bucket of access logs would be one more to keep, and to empty",
        )
        self.uri = f"s3://{self._bucket.bucket_name}"

    def let_use(self, role: aws_iam.Role, *, caller: str) -> None:
        """Let a role do what the code of `caller` does with what is too large for an item."""
        if self._bucket is None:
            return
        let(
            role,
            "Artifacts",
            called(caller, "artifacts"),
            [self._bucket.arn_for_objects("*")],
            because="keys are hashes and the ids of runs: there is no part of them to name",
        )


def _bucket(scope: Construct, *, settings: Settings, encryption: Encryption) -> aws_s3.Bucket:
    own_key = encryption.key is not None
    return aws_s3.Bucket(
        scope,
        "Bucket",
        block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        encryption=aws_s3.BucketEncryption.KMS if own_key else aws_s3.BucketEncryption.S3_MANAGED,
        encryption_key=encryption.key,
        # One data key for many objects: a request to KMS is paid for, too.
        bucket_key_enabled=True if own_key else None,
        object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=True,
        lifecycle_rules=[
            aws_s3.LifecycleRule(
                id="outlived",
                expiration=_KEPT,
                noncurrent_version_expiration=_OLD_VERSIONS,
                abort_incomplete_multipart_upload_after=_UNFINISHED_UPLOADS,
            ),
            # What an expiry leaves of a file whose versions are gone.
            aws_s3.LifecycleRule(id="markers", expired_object_delete_marker=True),
        ],
        removal_policy=removal(settings),
        # Otherwise a bucket with files in it would stop `cdk destroy`.
        auto_delete_objects=not settings.is_prod,
    )
