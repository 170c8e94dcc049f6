"""A deployment as `errand doctor` looks at it, and what its checks have in common."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from cli.check import Check, Verdict
from cli.stack import Clients

#: What brings a deployment up to date.
DEPLOY = "`make deploy` brings it up to date"
_DENIED = re.compile(r"AccessDenied|Unauthorized|Forbidden|NotAuthorized")
_ACTION = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployed stack, and the way to what it is made of."""

    stack_name: str
    outputs: Mapping[str, str]
    clients: Clients
    #: Whether it is on AWS, and not in the emulator.
    is_remote: bool
    now: datetime

    def output(self, name: str) -> str:
        """Give an output; one that is missing is an empty text, and told by a check of its own."""
        return self.outputs.get(name, "")


#: One check, before what can go wrong with the asking.
Looking: TypeAlias = Callable[[Deployment], Check]


def looked(name: str, look: Looking, deployment: Deployment) -> Check:
    """Look at one part of a deployment; one that may not be looked at is a doubt, no error."""
    try:
        return look(deployment)
    except ClientError as error:
        code = str(error.response["Error"].get("Code", ""))
        if _DENIED.search(code):
            return _not_allowed(name, error)
        return Check(name=name, verdict=Verdict.WRONG, found=str(error), advice=DEPLOY)
    except BotoCoreError as error:
        found = f"can't be looked at: {error}"
        return Check(name=name, verdict=Verdict.DOUBTFUL, found=found)


def _not_allowed(name: str, error: ClientError) -> Check:
    told = _ACTION.search(str(error))
    action = told[1] if told else error.operation_name
    return Check(
        name=name,
        verdict=Verdict.DOUBTFUL,
        found=f"you may not look at it: {action} is not allowed",
        advice=f"allow {action}, or look with other credentials: --profile",
    )


def fine(name: str, found: str) -> Check:
    """Say that something is as it should be."""
    return Check(name=name, verdict=Verdict.FINE, found=found)


def wrong(name: str, found: str, advice: str = DEPLOY) -> Check:
    """Say that something has to be done."""
    return Check(name=name, verdict=Verdict.WRONG, found=found, advice=advice)


def doubtful(name: str, found: str, advice: str) -> Check:
    """Say that somebody should look."""
    return Check(name=name, verdict=Verdict.DOUBTFUL, found=found, advice=advice)
