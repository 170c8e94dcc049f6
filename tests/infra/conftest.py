from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from infra.settings import Target
from tests.support.template import Synthesised

Synthesise = Callable[[Mapping[str, object]], Synthesised]

#: The CDK's own way to say that nothing is to be deployed: the agent's wheels are not unpacked.
_NO_BUNDLING = {"aws:cdk:bundling-stacks": []}


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """Synthesise a context; the same one only once."""
    # The first import of the CDK takes seconds: only tests that ask for a template pay for it.
    from infra.app import synthesise  # noqa: PLC0415

    made: dict[str, Synthesised] = {}

    def make(context: Mapping[str, object]) -> Synthesised:
        name = repr(sorted(context.items()))
        if name not in made:
            folder: Path = synthesise(
                {**_NO_BUNDLING, **context}, output=tmp_path_factory.mktemp("cdk")
            )
            made[name] = Synthesised.read(folder, Target(str(context["target"])))
        return made[name]

    return make


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
            "schedule-request": '{"workflow": "cost-analysis", "input": "aws"}',
            "unitok": "https://unitok.example/api",
            "notify": "ada@example.com, bob@example.com",
        }
    )
