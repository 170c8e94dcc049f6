"""`make deploy` and `make destroy`, with the CDK's command and an emulator for an account."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.account import DeployedStack
from infra.cdk_command import cdk_command
from infra.deployment import Request, deploy, destroy, main, what_becomes
from infra.refused import RefusedError
from infra.settings import PROJECT, Settings
from local.environment import ACCOUNT, REGION, without_aws, without_proxies
from local.own_emulator import RunningEmulator
from tests.support.emulated import emulated
from tests.support.stack import running_emulator
from tests.support.template import Synthesised

STACK = "errand-dev"
CONTEXT = {"target": "aws", "stage": "dev"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with running_emulator(tmp_path_factory.mktemp("account")) as running:
        yield running


@pytest.fixture
def account(own: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> RunningEmulator:
    """The emulator, which everything that is started takes for AWS."""
    environ = without_proxies(without_aws(os.environ)) | {"AWS_ENDPOINT_URL": own.endpoint}
    for name in os.environ.keys() - environ.keys():
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return own


class Templates:
    """Gives the template as it was synthesised, as far as the emulator knows it."""

    def __init__(self, synthesised: Synthesised) -> None:
        self.folder = synthesised.file.parent
        self.name = synthesised.file.name
        self.template = emulated(synthesised.template)

    def __call__(self, _context: Mapping[str, str], output: Path, _whole: bool) -> None:
        shutil.copytree(self.folder, output, dirs_exist_ok=True)
        (output / self.name).write_text(json.dumps(self.template), encoding="utf-8")


def request(**given: Any) -> Request:  # noqa: ANN401 - its fields
    return Request(settings=Settings.from_context(CONTEXT), context=CONTEXT, **given)


def status(account: RunningEmulator) -> str | None:
    stacks = account.client("cloudformation").list_stacks()["StackSummaries"]
    return next((it["StackStatus"] for it in stacks if it["StackName"] == STACK), None)


def asked(typed: str, work: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> int:
    """Work at a terminal at which somebody types something, or nothing and ends it."""
    theirs, ours = os.openpty()
    os.write(theirs, f"{typed}\n".encode() if typed else b"\x04")
    with os.fdopen(ours, encoding="utf-8") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", terminal)
        try:
            return work()
        finally:
            os.close(theirs)


def test_a_stage_is_deployed_kept_from_a_loss_and_destroyed(
    account: RunningEmulator,
    on_aws: Synthesised,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    try:
        cdk = cdk_command(PROJECT, environ=os.environ)
    except RefusedError as error:
        pytest.skip(str(error))
    templates = Templates(on_aws)

    def deployed(**given: Any) -> str:  # noqa: ANN401 - fields of the request
        deploy(request(yes=True, **given), synthesise=templates, output=tmp_path / "cdk.out")
        return capfd.readouterr().out

    with pytest.raises(RefusedError, match=f"npx cdk bootstrap aws://{ACCOUNT}/{REGION}"):
        deployed()
    assert status(account) is None
    subprocess.run(  # noqa: S603 - the CDK's own command
        [cdk, "bootstrap", f"aws://{ACCOUNT}/{REGION}", "--no-notices"], cwd=tmp_path, check=True
    )

    said = deployed()

    assert status(account) == "CREATE_COMPLETE"
    assert f"deploying {STACK} to account {ACCOUNT} ({REGION})" in said
    assert "state machine" in said, "the doctor was there"
    assert f"to send a request: errand send --stack {STACK} --region {REGION}" in said

    table = on_aws.id_of("AWS::DynamoDB::GlobalTable")
    templates.template["Resources"][table]["Properties"]["KeySchema"][0]["AttributeName"] = "id"
    with pytest.raises(RefusedError, match=rf"{table}: the journal would be lost\. .*FORCE=1"):
        deployed()

    said = capfd.readouterr().out
    assert "1 of its resources changes\n" in said
    assert f"replaced AWS::DynamoDB::GlobalTable {table} (KeySchema)" in said
    assert status(account) == "CREATE_COMPLETE"

    with pytest.raises(RefusedError, match="nobody is there to be asked; YES=1"):
        destroy(request(), synthesise=templates)
    for typed in ("errand", ""):
        with pytest.raises(RefusedError, match=f"{STACK} is left as it is"):
            asked(typed, lambda: destroy(request(), synthesise=templates), monkeypatch)
    assert status(account) == "CREATE_COMPLETE"

    assert asked(STACK, lambda: destroy(request(), synthesise=templates), monkeypatch) == 0

    said = capfd.readouterr().out
    assert "lost: AWS::DynamoDB::GlobalTable" in said
    assert "kept:" not in said
    assert status(account) == "DELETE_COMPLETE"


def test_what_production_keeps_is_told_by_its_name(in_full: Synthesised) -> None:
    table = in_full.id_of("AWS::DynamoDB::GlobalTable")
    stack = DeployedStack(
        name="errand-prod",
        resources=in_full.template["Resources"],
        physical_ids={table: "errand-prod-journal"},
    )

    said = what_becomes(stack)

    assert "  kept: AWS::DynamoDB::GlobalTable errand-prod-journal: the journal" in said
    kept = {line.split()[1] for line in said if line.startswith("  kept: ")}
    assert kept == {
        "AWS::DynamoDB::GlobalTable",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
    }


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 1
    return capsys.readouterr().err


def test_who_names_no_stage_is_asked_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "deploy", "--stage", "")

    assert said == "make deploy: which stage? make deploy STAGE=dev\n"


def test_a_stage_that_is_given_twice_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "destroy", "--stage", "dev", "-c", "stage=prod")

    assert said == "make destroy: the stage is given twice: STAGE=dev and -c stage=prod\n"


def test_the_template_of_a_laptop_is_not_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "deploy", "--stage", "dev", "-c", "target=local")

    assert "target is 'local', expected 'aws'" in said


def test_a_setting_that_can_not_be_used_is_told_before_anything_is_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = refused(capsys, "deploy", "--stage", "dev", "-c", "kms=mine")

    assert said == "make deploy: context 'kms' is 'mine', expected one of: aws, own\n"


def test_without_a_region_nothing_is_asked(
    capsys: pytest.CaptureFixture[str], account: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    said = refused(capsys, "deploy", "--stage", "dev")

    assert "no region is set: AWS_REGION=" in said


def test_without_credentials_it_says_where_to_get_some(
    capsys: pytest.CaptureFixture[str], account: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    said = refused(capsys, "deploy", "--stage", "dev")

    assert "there are no AWS credentials: AWS_PROFILE=" in said


def test_a_profile_that_is_not_there_is_named(
    capsys: pytest.CaptureFixture[str], account: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    said = refused(capsys, "destroy", "--stage", "dev")

    assert "The config profile (nobody) could not be found" in said


def test_an_image_needs_docker(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_DOCKER", "no-such-program")

    said = refused(capsys, "deploy", "--stage", "dev", "-c", "artifact=container")

    assert "-c artifact=container needs no-such-program, which is not there" in said


def test_what_is_not_there_can_not_be_destroyed(
    capsys: pytest.CaptureFixture[str], account: RunningEmulator
) -> None:
    said = refused(capsys, "destroy", "--stage", "never")

    assert said == f"make destroy: there is no errand-never in account {ACCOUNT} ({REGION})\n"


def test_without_npm_it_says_what_to_install(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "package.json", tmp_path)

    with pytest.raises(RefusedError, match="install Node 22 with npm"):
        cdk_command(tmp_path, environ={"PATH": str(tmp_path)})
