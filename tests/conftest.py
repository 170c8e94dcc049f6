"""Fixtures that every test may ask for, and how hypothesis works here."""

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no finding: how long an example takes is not judged.
settings.register_profile("errand", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("errand")

pytest_plugins = ["tests.support.stack"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: each is one process's, and the last should not be long."""
    items.sort(key=lambda item: "e2e" not in item.path.parts)
