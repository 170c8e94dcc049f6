"""The files that let the AgentCore CLIs launch the agent agree with the code and each other."""

import configparser
import json
import re
from pathlib import Path

import yaml
from bedrock_agentcore_starter_toolkit.utils.runtime.config import (
    get_agentcore_directory,
    load_config,
)

from local.agentcore import RUNTIME_ARN
from local.emulator_environment import CONSTRAINTS
from local.home import PROJECT
from local.stack import AGENTCORE_PORT

PIN = re.compile(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; .+)?", re.IGNORECASE)


def pins(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def test_the_toolkit_starts_the_agent_of_this_checkout() -> None:
    config = yaml.safe_load((PROJECT / ".bedrock_agentcore.yaml").read_text())
    agent = config["agents"][config["default_agent"]]

    assert (PROJECT / agent["source_path"] / agent["entrypoint"]).is_file()
    assert agent["bedrock_agentcore"]["agent_arn"] == RUNTIME_ARN
    assert agent["aws"]["account"] in RUNTIME_ARN
    assert agent["aws"]["region"] in RUNTIME_ARN


def test_the_toolkit_takes_the_agent_as_code_and_as_an_image() -> None:
    file = PROJECT / ".bedrock_agentcore.yaml"
    code, image = load_config(file).agents.values()

    for agent in (code, image):
        assert (agent.validate(for_local=True), agent.validate()) == ([], [])
        assert agent.aws.observability.enabled
    assert (code.deployment_type, image.deployment_type) == ("direct_code_deploy", "container")
    # Where the toolkit looks for a Dockerfile; elsewhere it would make one of its own.
    folder = get_agentcore_directory(PROJECT, image.name, image.source_path)
    assert (folder / "Dockerfile").is_file()
    assert image.platform == "linux/arm64"


def test_the_new_cli_starts_the_same_module() -> None:
    project = json.loads((PROJECT / "agentcore" / "agentcore.json").read_text())
    runtime = project["runtimes"][0]

    assert (PROJECT / runtime["codeLocation"] / runtime["entrypoint"]).is_file()


def test_the_local_profile_leads_to_the_stand_in_and_sts_to_nobody() -> None:
    profile = configparser.ConfigParser()
    profile.read(PROJECT / "aws-local.ini")
    services = profile["services local"]

    assert services["sts"].strip() == "endpoint_url = http://127.0.0.1:9"
    for name in ("bedrock_agentcore", "bedrock_agentcore_control"):
        assert services[name].strip() == f"endpoint_url = http://127.0.0.1:{AGENTCORE_PORT}"


def test_the_launched_agent_has_the_versions_that_are_tested() -> None:
    requirements = pins(PROJECT / "requirements.txt")
    tested = {pin.split(" ;")[0] for pin in pins(PROJECT / "constraints.txt")}

    assert [pin for pin in requirements if pin.split(" ;")[0] not in tested] == []
    assert any(pin.startswith("bedrock-agentcore==") for pin in requirements)


def test_the_emulators_packages_are_pinned_by_name_and_version_only() -> None:
    assert [line for line in pins(CONSTRAINTS) if not PIN.fullmatch(line)] == []
