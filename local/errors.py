"""Errors about the local stack. Each message says what is wrong and what to do about it.

LocalError
├── EnvironmentInstallError an environment of its own could not be made
├── ProcessStartError       a process of the stack did not come up
├── PortInUseError          somebody else listens on a port the stack needs
├── NodeMissingError        no Node, or one too old, and nothing synthesised before
├── SynthesisError          the CDK app failed
├── DeploymentError         CloudFormation refused the template
└── StackStateError         the state file can't be read
"""

from pathlib import Path


class LocalError(Exception):
    """The root of this package's errors."""


class EnvironmentInstallError(LocalError):
    """A program could not be installed into its own environment."""

    def __init__(self, name: str, folder: Path, output: str) -> None:
        super().__init__(
            f"{name} could not be installed into {folder}; "
            f"check the package index this machine uses, then try again: {output}"
        )


class ProcessStartError(LocalError):
    """A process ended, or did not answer in time, while it was being started."""

    def __init__(self, name: str, why: str, *, log_file: Path, tail: str) -> None:
        super().__init__(f"{name} {why}; its log {log_file} ends with: {tail or '(nothing)'}")
        self.name = name


class PortInUseError(LocalError):
    """A port the stack needs is taken."""

    def __init__(self, port: int, *, holder: str | None) -> None:
        by = f" by {holder}" if holder else ""
        super().__init__(
            f"port {port} is in use{by}; stop that process, "
            f"or choose another port with --port {port + 10} or ERRAND_PORT={port + 10}"
        )
        self.port = port


class NodeMissingError(LocalError):
    """The template can't be synthesised for want of Node."""

    def __init__(self, *, found: str | None, minimum: int) -> None:
        what = f"Node {found} is too old" if found else "Node was not found on the PATH"
        super().__init__(
            f"{what}; install Node {minimum} or newer (https://nodejs.org) and try again: "
            "the AWS CDK needs it once, to make the stack's template"
        )


class SynthesisError(LocalError):
    """The CDK app did not produce a template."""

    def __init__(self, returncode: int, output: str) -> None:
        super().__init__(f"the CDK app ended with code {returncode}: {output}")


class DeploymentError(LocalError):
    """CloudFormation did not bring the stack up."""

    def __init__(self, stack: str, status: str, *, reasons: tuple[str, ...]) -> None:
        why = "; ".join(reasons) or "the emulator gave no reason"
        super().__init__(f"stack {stack!r} is {status}: {why}")
        self.reasons = reasons


class StackStateError(LocalError):
    """The state file is there and can't be read."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"state file {path} can't be read: {why}; `errand down` cleans up")


class StackFailedError(LocalError):
    """The stack is not usable; the message is its supervisor's."""


class ModelNotLocalError(LocalError):
    """Bedrock was asked for, and the local stack has no AWS credentials by design."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"ERRAND_MODEL is {model!r}, and the local stack never uses an AWS account; choose "
            "offline, ollama:…, openai:… or llamacpp:…, or run the agent alone "
            "with `python -m agent`, which takes Bedrock models"
        )
