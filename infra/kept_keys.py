"""Keys that sign: a secret, and on a laptop a file of the stack's home."""

from aws_cdk import CfnParameter, aws_iam, aws_secretsmanager
from constructs import Construct

from infra.calls import called
from infra.encryption import Encryption
from infra.removal import removal
from infra.settings import Settings
from infra.statements import accept, let


class KeptKeys(Construct):
    """Keys, one per line, of which the first is made with the stack."""

    def __init__(  # noqa: PLR0913 - what differs between two kinds of keys
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        encryption: Encryption,
        file: str,
        file_description: str,
        description: str,
        length: int,
        because: str,
    ) -> None:
        """Make the place of keys.

        Args:
            scope: See the CDK.
            construct_id: See the CDK.
            settings: Of the deployment.
            encryption: What the secret is encrypted with.
            file: The name of the parameter for the file, on a laptop.
            file_description: What the parameter is for.
            description: What the secret is for.
            length: Letters and digits of the first key.
            because: Why the secret is not replaced on a schedule.
        """
        super().__init__(scope, construct_id)
        self._secret: aws_secretsmanager.Secret | None = None
        if settings.is_local:
            parameter = CfnParameter(
                scope, file, type="String", description=file_description, allowed_pattern="/.+"
            )
            parameter.override_logical_id(file)
            #: A file's path, or a secret's ARN.
            self.place = str(parameter.value_as_string)
            return
        self._secret = aws_secretsmanager.Secret(
            self,
            "Secret",
            description=description,
            encryption_key=encryption.key,
            removal_policy=removal(settings),
            generate_secret_string=aws_secretsmanager.SecretStringGenerator(
                password_length=length, exclude_punctuation=True
            ),
        )
        accept(self._secret, "SMG4", because=because)
        self.place = str(self._secret.secret_arn)

    def let_read(self, role: aws_iam.Role, sid: str, *, caller: str, what: str) -> None:
        """Let a role read the keys, as `infra/calls.json` says of a caller."""
        if self._secret is not None:
            let(role, sid, called(caller, what), [self._secret.secret_arn])
