"""Virtual environments of their own."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.emulator_environment import emulator_environment


def test_a_half_made_environment_is_made_again_by_one_of_two_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "emulator"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("half")

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: emulator_environment(folder).python(), range(2))

    assert first == second
    assert emulator_environment(folder).is_ready()
    done = subprocess.run(  # noqa: S603 - the interpreter just made
        [first, "-c", "import ministack, boto3"], capture_output=True, text=True, check=False
    )
    # Its Lambda functions bring their own SDK: what is not installed can't be picked up by mistake.
    assert "No module named 'boto3'" in done.stderr
