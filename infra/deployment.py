"""Deploying to AWS, and destroying what was: `make deploy`, `make destroy`.

Both go by the CDK's own command. Before it, a deployment that would lose what the stack keeps, or
end runs in flight, is refused; after it, `errand doctor` looks at what came of it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.account import DeployedStack, deployed_stack, find_account, require_bootstrap
from infra.cdk_command import cdk_command
from infra.given import pair
from infra.refused import RefusedError
from infra.settings import PROJECT, Artifact, Settings, Target
from infra.template_diff import KEPT_IN, Resources, differences, plain

#: Makes the template of a context in a folder; the flag says whether with what the agent needs.
Synthesise = Callable[[Mapping[str, str], Path, bool], None]

_OUTPUT = PROJECT / "cdk.out"
_NO_BUNDLING = '{"aws:cdk:bundling-stacks": []}'
_ERRAND = Path(sys.executable).with_name("errand")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for on the command line."""

    settings: Settings
    context: Mapping[str, str]
    #: Ask nobody.
    yes: bool = False
    #: Deploy though something is lost, or runs would not go on.
    force: bool = False

    @property
    def stack_name(self) -> str:
        """The stack that is meant."""
        return self.settings.stack_name


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; give the exit code."""
    options = _parser().parse_args(arguments)
    work = deploy if options.command == "deploy" else destroy
    try:
        return work(_request(options), synthesise=_synthesise)
    except (RefusedError, ValueError) as error:
        sys.stderr.write(f"make {options.command}: {error}\n")
        return 1


def deploy(request: Request, *, synthesise: Synthesise, output: Path = _OUTPUT) -> int:
    """Bring a stack on AWS to this checkout, and give what `errand doctor` ends with.

    Args:
        request: What was asked for.
        synthesise: Makes the template.
        output: The folder for it.

    Raises:
        RefusedError: It is not deployed.
    """
    if request.settings.artifact is Artifact.CONTAINER:
        _require_docker()
    account = find_account(os.environ)
    require_bootstrap(account)
    cdk = cdk_command(PROJECT, environ=os.environ)
    before = deployed_stack(account, request.stack_name)
    environ = account.environment(os.environ)
    _say(f"deploying {request.stack_name} to {account}")
    synthesise(request.context, output, True)
    if before is not None:
        _check(before, _resources(output, request.stack_name), environ=environ, force=request.force)
    approval = ["--require-approval", "never"] if request.yes else []
    _cdk(cdk, "deploy", request.stack_name, "--app", output, *approval, environ=environ)
    where = ("--stack", request.stack_name, "--region", account.region)
    _say(f"errand doctor {' '.join(where)}")
    found = _errand("doctor", *where, environ=environ)
    _say(f"to send a request: errand send {' '.join(where)}")
    return found


def destroy(request: Request, *, synthesise: Synthesise) -> int:
    """Delete a stack from AWS, but what outlives it.

    Raises:
        RefusedError: It is not destroyed.
    """
    account = find_account(os.environ)
    stack = deployed_stack(account, request.stack_name)
    if stack is None:
        msg = f"there is no {request.stack_name} in {account}"
        raise RefusedError(msg)
    cdk = cdk_command(PROJECT, environ=os.environ)
    _say(f"{stack.name} in {account} will be destroyed")
    _say(*what_becomes(stack))
    if not request.yes:
        _confirm(stack.name)
    with tempfile.TemporaryDirectory() as folder:
        synthesise(request.context, Path(folder), False)
        environ = account.environment(os.environ)
        _cdk(cdk, "destroy", stack.name, "--app", folder, "--force", environ=environ)
    return 0


def what_becomes(stack: DeployedStack) -> list[str]:
    """Say what of a stack outlives it, and what that keeps something goes with it."""
    kept: list[str] = []
    gone: list[str] = []
    for name, resource in sorted(stack.resources.items()):
        what = KEPT_IN.get(resource["Type"])
        if what is None:
            continue
        found = f"{resource['Type']} {stack.physical_ids.get(name, name)}: {what}"
        is_kept = resource.get("DeletionPolicy", "Delete") != "Delete"
        (kept if is_kept else gone).append(found)
    return [*(f"  kept: {each}" for each in kept), *(f"  lost: {each}" for each in gone)]


def _check(
    before: DeployedStack, after: Resources, *, environ: Mapping[str, str], force: bool
) -> None:
    """Refuse what would lose something, or end runs in flight.

    A check that can't be made refuses, too: who wants to deploy nevertheless says so.
    """
    found = differences(plain(before.resources), plain(after))
    changes = "changes" if len(found) == 1 else "change"
    _say(f"{len(found)} of its resources {changes}", *(f"  {each}" for each in found))
    reasons = [f"{each.resource}: {each.loss} would be lost" for each in found if each.loss]
    if _errand("check-replay", "--stack", before.name, environ=environ):
        reasons.append("runs in flight would not go on, or can't be checked")
    if reasons and not force:
        msg = f"not deployed: {'; '.join(reasons)}. See docs/upgrading.md; FORCE=1 deploys it"
        raise RefusedError(msg)


def _resources(output: Path, stack_name: str) -> Resources:
    file = output / f"{stack_name}.template.json"
    found: Resources = json.loads(file.read_text(encoding="utf-8"))["Resources"]
    return found


def _synthesise(context: Mapping[str, str], output: Path, whole: bool) -> None:
    """Make the template in a process of its own: the CDK takes seconds to import."""
    given = [part for name, value in context.items() for part in ("-c", f"{name}={value}")]
    # As the `cdk` command itself says that it deploys nothing.
    environ = os.environ if whole else {**os.environ, "CDK_CONTEXT_JSON": _NO_BUNDLING}
    command = [sys.executable, "-m", "infra.app", *given, "-o", str(output)]
    done = subprocess.run(command, cwd=PROJECT, env=environ, check=False)  # noqa: S603 - our own app
    if done.returncode:
        msg = "the template can't be made; see above"
        raise RefusedError(msg)


def _cdk(program: Path, command: str, *arguments: str | Path, environ: Mapping[str, str]) -> None:
    full = [str(program), command, "--no-notices", *map(str, arguments)]
    if subprocess.run(full, cwd=PROJECT, env=environ, check=False).returncode:  # noqa: S603 - the CDK's own
        msg = f"cdk {command} failed; see above"
        raise RefusedError(msg)


def _errand(*arguments: str, environ: Mapping[str, str]) -> int:
    """Run our own command, which the infrastructure does not import, and give its exit code."""
    full = [str(_ERRAND), *arguments]
    return subprocess.run(full, cwd=PROJECT, env=environ, check=False).returncode  # noqa: S603 - ours


def _require_docker() -> None:
    docker = os.environ.get("CDK_DOCKER", "docker")
    if shutil.which(docker) is None:
        msg = f"-c artifact=container needs {docker}, which is not there; -c artifact=code does not"
        raise RefusedError(msg)


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        msg = "nobody is there to be asked; YES=1 destroys it without"
        raise RefusedError(msg)
    try:
        said = input(f"type {name} to destroy it: ")
    except (EOFError, KeyboardInterrupt):
        said = ""
    if said.strip() != name:
        msg = f"{name} is left as it is"
        raise RefusedError(msg)


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    # What the commands below say comes after it.
    sys.stdout.flush()


def _request(options: argparse.Namespace) -> Request:
    context = dict(options.context)
    if not options.stage:
        msg = f"which stage? make {options.command} STAGE=dev"
        raise ValueError(msg)
    if "stage" in context:
        msg = f"the stage is given twice: STAGE={options.stage} and -c stage={context['stage']}"
        raise ValueError(msg)
    if context.setdefault("target", Target.AWS) != Target.AWS:
        msg = f"target is {context['target']!r}, expected 'aws'; `errand up` is for this machine"
        raise ValueError(msg)
    context["stage"] = options.stage
    return Request(
        settings=Settings.from_context(context),
        context=context,
        yes=bool(options.yes),
        force=bool(options.force),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deployment", description=__doc__)
    parser.add_argument("command", choices=("deploy", "destroy"))
    # Empty is the same as none: as make hands on a variable that is not set.
    parser.add_argument("--stage", default="", metavar="NAME")
    parser.add_argument("--yes", default="", metavar="1", help="ask nobody")
    parser.add_argument("--force", default="", metavar="1", help="deploy what would be refused")
    parser.add_argument("-c", "--context", action="append", default=[], type=pair)
    return parser


if __name__ == "__main__":
    sys.exit(main())
