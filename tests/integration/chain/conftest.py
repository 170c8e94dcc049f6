from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.chain import scenarios
from tests.support.chain import END_SECONDS, Chain, Execution, running_chain

#: The emulator starts Lambda workers one after the other: more at once would only queue up.
_AT_ONCE = 5
#: Each scenario has `END_SECONDS` to end in; all of them never need theirs.
_ALL_SECONDS = 4 * END_SECONDS


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running_chain(tmp_path_factory.mktemp("chain")) as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give whichever test comes first the time that all scenarios take, which it waits for."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents and "ended" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(_ALL_SECONDS))


@pytest.fixture(scope="session")
def ended(chain: Chain) -> Mapping[str, Execution]:
    """How every scenario ended; they run at the same time, each with a run of its own."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = {name: pool.submit(scenario, chain) for name, scenario in scenarios.ALL.items()}
        return {name: future.result() for name, future in running.items()}
