"""Fixtures that every test may ask for, and how hypothesis works here."""

from hypothesis import HealthCheck, settings

# A busy machine is no finding: how long an example takes is not judged.
settings.register_profile("errand", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("errand")

pytest_plugins = ["tests.support.stack"]
