from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.chain import scenarios
from tests.support.chain import Chain, Execution, running_chain

#: The emulator starts Lambda workers one after the other: more at once would only queue up.
_AT_ONCE = 5


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running_chain(tmp_path_factory.mktemp("chain")) as running:
        yield running


@pytest.fixture(scope="session")
def ended(chain: Chain) -> Mapping[str, Execution]:
    """How every scenario ended; they run at the same time, each with a run of its own."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = {name: pool.submit(scenario, chain) for name, scenario in scenarios.ALL.items()}
        return {name: future.result() for name, future in running.items()}
