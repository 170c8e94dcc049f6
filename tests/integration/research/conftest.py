"""The three homes of a research report: everything here is asked of each."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.homes import Home, Homes, LambdaHome, WorkerHome, lambda_home, table_home
from tests.support.research import QUESTION
from tests.support.web import Site, served_site


@pytest.fixture(params=["agentcore", "laptop", "lambda"])
def homes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Homes]:
    """AgentCore's table (DynamoDB), a laptop's file (SQLite), a Lambda durable function."""
    kind = request.param
    with ExitStack() as opened:
        count = iter(range(100))

        def make(prompt: str = QUESTION) -> Home:
            folder = tmp_path / f"home-{next(count)}"
            folder.mkdir()
            if kind == "lambda":
                function: LambdaHome = opened.enter_context(
                    lambda_home(folder, workflow="research-report", prompt=prompt)
                )
                return function
            if kind == "agentcore":
                client = request.getfixturevalue("emulator").client("dynamodb")
                return opened.enter_context(
                    table_home(folder, client, workflow="research-report", prompt=prompt)
                )
            return WorkerHome(folder, workflow="research-report", prompt=prompt)

        yield make


@pytest.fixture
def home(homes: Homes) -> Home:
    """A home with the usual question."""
    return homes()


@pytest.fixture
def site() -> Iterator[Site]:
    """A web server whose pages the test writes."""
    with served_site() as served:
        yield served
