"""Errors of executing runs.

RunError (runs.errors)
├── ConfigError                an environment variable is wrong; `variable` names it
├── WorkflowImportError        a registry line names something that can't be used
└── NoAttemptError             a durable context that no runner of ours made

SuspendExecution (the durable SDK's; a BaseException)
└── AttemptStoppedError        the attempt must end now; nothing failed
"""

from aws_durable_execution_sdk_python.exceptions import SuspendExecution

from runs.errors import RunError


class ConfigError(RunError):
    """The process was started with a setting that can't be used."""

    def __init__(self, variable: str, message: str) -> None:
        super().__init__(f"{variable} {message}")
        self.variable = variable


class WorkflowImportError(RunError):
    """A line of the workflow registry can't be used."""

    def __init__(self, name: str, target: str, why: str) -> None:
        super().__init__(f"workflow {name!r} is {target!r} in the registry, {why}")
        self.name = name
        self.target = target


class NoAttemptError(RunError):
    """A workflow asked for its attempt outside a runner of ours."""

    def __init__(self) -> None:
        super().__init__(
            "this durable context carries no attempt: the workflow does not run in Errand"
        )


class AttemptStoppedError(SuspendExecution):
    """The attempt was told to stop and has come to an edge.

    It passes through workflow code like the durable SDK's own suspension (user code that catches
    `Exception` does not see it), so that no step is recorded as failed by a shutdown or a
    cancellation.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the attempt stops here: {why}")
