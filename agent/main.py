"""The agent process: the composition root, with the server as `app`.

Started as `python -m agent`, as `python agent/main.py` (which is what `agentcore launch` does) and
as `uvicorn agent.main:app`. Imports, clients and configuration are made when this module is loaded:
AgentCore's platform V2 starts every session from a snapshot taken after that. Nothing unique and
no time is made here.
"""

import os
import sys
import tempfile
from pathlib import Path

if not __package__:
    # Run as a file, Python has put this folder on the path where the project's belongs: `agent`
    # and `runs` would not be found, and `logs` or `config` would be found as top-level modules.
    _here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != _here]
    sys.path.insert(0, str(_here.parent))

from bedrock_agentcore.runtime import BedrockAgentCoreApp
from botocore.exceptions import BotoCoreError

from agent import logs
from agent.composition import compose, serve
from agent.config import Config
from agent.registry import Registry
from runs.errors import RunError


def _house_matplotlib() -> None:
    """Name a folder for Matplotlib's font cache where the home folder can't be written to.

    In a container it often can't; Matplotlib would make a folder of a random name, and warn.
    """
    if not os.access(Path("~").expanduser(), os.W_OK):
        folder = Path(tempfile.gettempdir()) / f"errand-matplotlib-{os.getuid()}"
        os.environ.setdefault("MPLCONFIGDIR", str(folder))


def _load() -> tuple[Config, BedrockAgentCoreApp]:
    _house_matplotlib()
    try:
        config = Config.from_env(os.environ)
        logs.configure(debug=config.debug)
        return config, compose(config, Registry.load())
    except (RunError, OSError, BotoCoreError) as error:
        # Somebody set it up and reads this in a terminal or a start-up log.
        sys.stderr.write(f"errand agent: {error}\n")
        raise SystemExit(2) from None


_config, app = _load()


def main() -> None:
    """Serve until told to end."""
    serve(app, port=_config.port, host=_config.host)


if __name__ == "__main__":
    main()
