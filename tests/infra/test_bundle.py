import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bundle import PACKAGES, assemble
from infra.settings import PROJECT

ENVIRON = {
    "ERRAND_TABLE": "journal",
    "ERRAND_RUNTIME_ARN": "arn:aws:bedrock-agentcore:us-east-1:000000000000:runtime/errand",
    "ERRAND_WORKFLOWS": "cost-analysis",
    "ERRAND_ARTIFACTS": "/tmp/artifacts",  # noqa: S108 - a name; nothing is written
    "ERRAND_REDISPATCH_SECONDS": "20",
    "ERRAND_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:approvals",
    "ERRAND_BUS": "errand-dev",
    "ERRAND_APPROVALS_URL": "https://api.example",
    "ERRAND_LINK_KEYS": "/keys",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
#: Imports the handler with nothing but the bundle and the standard library to import from.
ISOLATED = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
importlib.import_module(sys.argv[2])
files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
print(json.dumps({"modules": sorted(sys.modules), "files": files}))
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemble(PROJECT, tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def imported(bundle: Path) -> dict[str, list[str]]:
    return import_alone(bundle, "invoker.start")


def import_alone(bundle: Path, module: str) -> dict[str, list[str]]:
    answer = subprocess.run(  # noqa: S603 - this interpreter, on our own code
        [sys.executable, "-I", "-S", "-B", "-c", ISOLATED, str(bundle), module],
        env=ENVIRON,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, list[str]] = json.loads(answer.stdout)
    return found


def test_the_handler_imports_with_nothing_but_the_bundle(
    bundle: Path, imported: dict[str, list[str]]
) -> None:
    ours = {name.partition(".")[0] for name in imported["modules"]}
    outside = [file for file in imported["files"] if "site-packages" in file]

    assert {"invoker", "runs", "boto3"} <= ours
    assert outside == []


def test_the_approvals_handler_imports_with_nothing_but_the_bundle(bundle: Path) -> None:
    imported = import_alone(bundle, "invoker.approvals")

    outside = [file for file in imported["files"] if "site-packages" in file]
    assert outside == []
    assert "itsdangerous" in imported["modules"]
    assert not {"sqlite3", "runs.artifacts.s3", "invoker.actions"} & set(imported["modules"])


def test_the_handler_loads_no_store_it_does_not_use(imported: dict[str, list[str]]) -> None:
    unused = {"sqlite3", "runs.journal.sqlite", "runs.artifacts.s3", "asyncio"}
    unused |= {"runs.letters", "runs.links", "itsdangerous"}

    assert not unused & set(imported["modules"])


def test_the_bundle_holds_the_invoker_and_no_agent(bundle: Path) -> None:
    found = {path.name for path in bundle.iterdir()}

    assert {*PACKAGES, "boto3", "botocore"} <= found
    assert not {"agent", "cli", "infra", "local", "strands", "bedrock_agentcore"} & found


def test_the_bundle_holds_only_the_api_models_it_calls(bundle: Path) -> None:
    models = {path.name for path in (bundle / "botocore" / "data").iterdir() if path.is_dir()}

    assert models == {
        *(
            "bedrock-agentcore",
            "dynamodb",
            "events",
            "s3",
            "secretsmanager",
            "sns",
            "sqs",
            "stepfunctions",
            "sts",
        )
    }


def test_the_bundle_holds_no_byte_code(bundle: Path) -> None:
    assert not [path for path in bundle.rglob("*") if path.suffix in (".pyc", ".so")]


def test_equal_code_makes_one_bundle(bundle: Path) -> None:
    before = sorted(path.stat().st_mtime_ns for path in bundle.rglob("*"))

    again = assemble(PROJECT, bundle.parent)

    assert again == bundle
    assert sorted(path.stat().st_mtime_ns for path in bundle.rglob("*")) == before
    assert [path.name for path in bundle.parent.iterdir()] == [bundle.name]


def test_other_code_makes_another_bundle(bundle: Path, tmp_path: Path) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text('"""Another."""\n')

    assert assemble(tmp_path, tmp_path / "bundles").name != bundle.name


def test_bundles_of_older_code_are_removed(tmp_path: Path) -> None:
    (tmp_path / "invoker").mkdir()
    made = []
    for number in range(7):
        (tmp_path / "invoker" / "start.py").write_text(f"NUMBER = {number}\n")
        made.append(assemble(tmp_path, tmp_path / "bundles"))

    assert set((tmp_path / "bundles").iterdir()) == set(made[2:])
