"""The agent server with the workflows that ship, and those that invoke others."""

import os

from agent import logs
from agent.composition import compose, serve
from agent.config import Config
from agent.registry import Registry
from agent.workflows import cost_analysis
from tests.support.durable_workflows import breaks, invokes

#: The names of the tests' own.
INVOKES, BREAKS = "invokes", "breaks"


def main() -> None:
    """Serve."""
    config = Config.from_env(os.environ)
    logs.configure(debug=config.debug)
    workflows = {"cost-analysis": cost_analysis.handler, INVOKES: invokes, BREAKS: breaks}
    serve(compose(config, Registry(workflows)), port=config.port)


if __name__ == "__main__":
    main()
