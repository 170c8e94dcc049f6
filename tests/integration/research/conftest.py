"""The homes of a research report: what is asked of one is asked of the others."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.homes import EVERYWHERE, HOMES, Home, Homes, WorkerHome, lambda_home, table_home
from tests.support.research import QUESTION
from tests.support.web import Site, served_site

WORKFLOW = "research-report"


@contextmanager
def homes_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Homes]:
    """Make homes of a kind for the block, each in a folder of its own."""
    client = request.getfixturevalue("emulator").client("dynamodb") if kind == "agentcore" else None
    with ExitStack() as opened:
        count = iter(range(100))

        def make(prompt: str = QUESTION) -> Home:
            place = folder / f"home-{next(count)}"
            place.mkdir()
            if kind == "lambda":
                home: Home = opened.enter_context(
                    lambda_home(place, workflow=WORKFLOW, prompt=prompt)
                )
                return home
            if client is not None:
                return opened.enter_context(
                    table_home(place, client, workflow=WORKFLOW, prompt=prompt)
                )
            return WorkerHome(place, workflow=WORKFLOW, prompt=prompt)

        yield make


@pytest.fixture(params=HOMES)
def homes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Homes]:
    """Make homes of one kind."""
    with homes_of(request.param, tmp_path, request) as made:
        yield made


@pytest.fixture
def home(homes: Homes) -> Home:
    """A home with the usual question."""
    return homes()


@pytest.fixture(scope="module", params=EVERYWHERE)
def sampled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """A home in which the sample was researched; tests only read it."""
    with homes_of(request.param, tmp_path_factory.mktemp("sampled"), request) as made:
        home = made("How do agents survive a crash, and what does it cost?")
        home.run(None)
        yield home


@pytest.fixture
def site() -> Iterator[Site]:
    """A web server whose pages the test writes."""
    with served_site() as served:
        yield served
