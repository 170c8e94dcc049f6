"""The CDK app: `python -m infra.app -c target=local|aws [-c NAME=VALUE …]`.

It is also what the `cdk` command runs; that gives context and folder in the environment. What may
be given is in docs/operations.md, "Settings of a deployment".
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# Before the CDK is imported: its runtime prints a banner about the end of Node 20, on which it
# still runs.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from aws_cdk import App, DefaultStackSynthesizer, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.agent_code import FOLDER, OWN, Home, assemble_agent
from infra.bundle import BUNDLES, assemble
from infra.given import pair
from infra.interpreter import NO_BYTE_CODE, matching_interpreter
from infra.settings import PROJECT, Settings
from infra.stack import ErrandStack
from infra.wheels import WheelsError
from infra.zips import zipped

_DEFAULT_OUTPUT = "cdk.out"
#: Ways of the CDK that it keeps for older apps unless told otherwise.
_CDK_FLAGS = {
    # Or a rule of any account could send to a queue that is encrypted with the stack's own key.
    "@aws-cdk/aws-events:eventsTargetQueueSameAccount": True,
}


class FindingsError(Exception):
    """The template is not what the rules ask for."""

    def __init__(self) -> None:
        super().__init__("cdk-nag found what nobody accepted; see above")


def synthesise(context: Mapping[str, object], *, output: Path | None = None) -> Path:
    """Write the cloud assembly and give its folder. Needs no Docker.

    The network is needed for AWS alone, when what the agent requires has changed.

    Args:
        context: What `infra.settings.CONTEXT` names, and the CDK's own; wins over the `cdk`
            command's.
        output: Where to; by default where the `cdk` command wants it, else `cdk.out`.

    Raises:
        ValueError: The context is not what a deployment needs.
        FindingsError: cdk-nag found what nobody accepted; what, the CDK has written to stderr.
        WheelsError: What the agent requires can't be had.
    """
    folder = output or Path(os.environ.get("CDK_OUTDIR", _DEFAULT_OUTPUT))
    app = App(analytics_reporting=False, context={**_CDK_FLAGS, **context}, outdir=str(folder))
    settings = Settings.from_context(app.node.get_all_context())
    stack = ErrandStack(
        app,
        settings.stack_name,
        settings=settings,
        bundle=assemble(PROJECT, BUNDLES, python=_compiler(settings)),
        agent_code=_agent_code,
        description="Errand: fire-and-forget runs of agents",
        # The emulator has no bootstrap stack whose version could be checked.
        synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=not settings.is_local),
    )
    Tags.of(stack).add("errand:stage", settings.stage)
    if not settings.is_local:
        # What it finds and nobody has accepted, with a reason, fails the synthesis.
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    _synthesise(app)
    return folder


def _synthesise(app: App) -> None:
    try:
        app.synth()
    except RuntimeError as error:
        # The CDK's kernel has one exception for all that its libraries raise.
        if "ValidationFailed" not in str(error):
            raise
        raise FindingsError from error


def _agent_code(*, home: Home) -> Path:
    folder = assemble_agent(PROJECT, FOLDER, home=home)
    return zipped(folder, FOLDER / home / "zips", changing=OWN)


def _compiler(settings: Settings) -> Path | None:
    """Choose what makes the functions' byte code: the Python that runs them."""
    if settings.is_local:
        # The emulator's environment is made with it.
        return Path(sys.executable)
    python = matching_interpreter(os.environ)
    if python is None:
        sys.stderr.write(f"infra.app: {NO_BYTE_CODE}\n")
    return python


def main(arguments: Sequence[str] | None = None) -> None:
    """Synthesise as the command line says; end with a message if it can't be done."""
    options = _parser().parse_args(arguments)
    try:
        synthesise(dict(options.context), output=options.output)
    except (ValueError, FindingsError, WheelsError) as error:
        msg = f"infra.app: {error}"
        raise SystemExit(msg) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.app", description=__doc__)
    parser.add_argument("-c", "--context", action="append", default=[], type=pair)
    parser.add_argument("-o", "--output", type=Path)
    return parser


if __name__ == "__main__":
    main()
