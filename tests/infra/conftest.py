from pathlib import Path

import pytest

from infra.settings import Target
from tests.support.template import Synthesised


@pytest.fixture(scope="session", params=list(Target), ids=str)
def synthesised(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Synthesised:
    # The first import of the CDK takes seconds: only tests that ask for a template pay for it.
    from infra.app import synthesise  # noqa: PLC0415

    target: Target = request.param
    folder: Path = synthesise(
        {"target": target.value}, output=tmp_path_factory.mktemp(f"cdk-{target}")
    )
    return Synthesised.read(folder, target)
