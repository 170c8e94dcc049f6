import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.settings import Target
from local.locks import file_lock
from tests.support.template import Synthesise, Synthesised

#: The CDK's own way to say that nothing is to be deployed: the agent's wheels are not unpacked.
_NO_BUNDLING: Mapping[str, object] = {"aws:cdk:bundling-stacks": []}


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """Synthesise a context; the same one only once, whichever process of the suite asks."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(context: Mapping[str, object]) -> Synthesised:
        name = hashlib.sha256(repr(sorted(context.items())).encode()).hexdigest()[:12]
        folder = shared / "cdk" / name
        with file_lock(shared / "cdk" / "lock"):
            if not folder.exists():
                _synthesise(context, folder)
        return Synthesised.read(folder, Target(str(context["target"])))

    return make


def _synthesise(context: Mapping[str, object], folder: Path) -> None:
    # The first import of the CDK takes seconds: only who makes a template pays for it.
    from infra.app import synthesise  # noqa: PLC0415

    making = folder.with_suffix(".making")
    synthesise({**_NO_BUNDLING, **context}, output=making)
    making.rename(folder)


@pytest.fixture(scope="session", params=list(Target), ids=str)
def synthesised(request: pytest.FixtureRequest, synthesise: Synthesise) -> Synthesised:
    target: Target = request.param
    return synthesise({"target": target.value})


@pytest.fixture(scope="session")
def on_aws(synthesise: Synthesise) -> Synthesised:
    """What nobody gave a setting for."""
    return synthesise({"target": "aws"})


@pytest.fixture(scope="session")
def in_full(synthesise: Synthesise) -> Synthesised:
    """Production, with all that can be asked for."""
    return synthesise(
        {
            "target": "aws",
            "stage": "prod",
            "artifact": "container",
            "kms": "own",
            "inputs": "aws,s3://bills/exports/",
            "schedule": "cron(0 6 ? * MON *)",
            "schedule-request": '{"prompt": "What stands out?", "input": "aws"}',
            "unitok": "https://unitok.example/api",
            "notify": "ada@example.com, bob@example.com",
            "webhook": "https://hooks.example/errand?team=a, https://b.example/",
            "operators": "ops@example.com",
            "daily-cost": "12.5",
            "runbook": "https://wiki.example/",
        }
    )
