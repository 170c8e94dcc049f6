"""Node, which the AWS CDK needs to make a template."""

import re
import shutil
import subprocess
from collections.abc import Mapping

from local.errors import NodeMissingError

MINIMUM_VERSION = 20


def require_node(environ: Mapping[str, str]) -> None:
    """Do nothing if Node is there and new enough.

    Raises:
        NodeMissingError: It is not.
    """
    version = node_version(environ)
    if version is None or int(version.split(".")[0]) < MINIMUM_VERSION:
        raise NodeMissingError(found=version, minimum=MINIMUM_VERSION)


def node_version(environ: Mapping[str, str]) -> str | None:
    """Tell the version of the Node that the CDK would use (`22.1.0`); None without one."""
    node = shutil.which(environ.get("JSII_NODE", "node"), path=environ.get("PATH"))
    if node is None:
        return None
    answer = subprocess.run(  # noqa: S603 - the program jsii itself would run
        [node, "--version"], env=environ, capture_output=True, text=True, check=False
    )
    found = re.fullmatch(r"v(\d+\.\d+\.\d+)\S*", answer.stdout.strip())
    return found[1] if found else None
