"""The supervisor's last words, whatever moment it is told to end at."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from local.home import PROJECT, Home
from local.ports import LOOPBACK, reserve
from local.state import Phase, read_state
from local.supervisor_settings import SupervisorSettings

#: A supervisor that is told to end the moment it has said that it failed, as `up` tells it.
_TOLD_AT_ONCE = """
import os, signal
from local import supervisor
from local.state import Phase

write = supervisor.write_state

def write_and_be_told(path, state):
    write(path, state)
    if state.phase is Phase.FAILED:
        os.kill(os.getpid(), signal.SIGTERM)

supervisor.write_state = write_and_be_told
supervisor.main()
"""


def test_why_a_stack_failed_is_kept_if_it_is_told_to_end_at_once(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        settings = SupervisorSettings(
            home=home,
            agent_port=port,
            agentcore_port=0,
            unitok_port=0,
            mailbox_port=0,
            emulator_python=Path(sys.executable),
            assembly=tmp_path,
        )
        # Another stack's: it fails before it has started anything.
        with reserve(port):
            ended = subprocess.run(  # noqa: S603 - this interpreter, and the text above
                [sys.executable, "-c", _TOLD_AT_ONCE, settings.to_text()],
                cwd=PROJECT,
                env={**os.environ, "PYTHONPATH": str(PROJECT)},
                capture_output=True,
                check=False,
                timeout=60,
            )

    state = read_state(home.state_file)
    assert ended.returncode == 1, ended.stderr
    assert state is not None
    assert state.phase is Phase.FAILED
    assert str(port) in str(state.error)
