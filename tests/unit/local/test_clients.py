import subprocess
import sys
from pathlib import Path

import pytest

from local.environment import REGION
from local.home import PROJECT

MAKE = (
    "from local.clients import local_client;"
    "client = local_client('dynamodb', 'http://127.0.0.1:1');"
    "print(client.meta.region_name, client.meta.endpoint_url)"
)


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_that_is_not_there_is_no_obstacle(name: str) -> None:
    assert made({name: "nobody"}) == f"{REGION} http://127.0.0.1:1"


@pytest.mark.parametrize("name", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_a_file_of_the_user_s_that_is_damaged_is_no_obstacle(name: str, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_text("[default\nregion")

    assert made({name: str(damaged)}) == f"{REGION} http://127.0.0.1:1"


def made(environ: dict[str, str]) -> str:
    """Make a client in a process of its own, as the supervisor does, and tell what it is of."""
    answer = subprocess.run(  # noqa: S603 - this test's own program
        [sys.executable, "-c", MAKE],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.strip()
