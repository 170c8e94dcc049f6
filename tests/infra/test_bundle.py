import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import botocore
import pytest

from infra.bundle import PACKAGES, assemble
from infra.clients import services_called
from infra.settings import PROJECT
from infra.sizes import Size, size_of
from tests.support.template import Synthesised

#: What Lambda adds to a function's own variables.
LAMBDAS_OWN = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
#: Imports the handler with nothing but the bundle and the standard library to import from.
ISOLATED = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
importlib.import_module(sys.argv[2])
modules = list(sys.modules.values())
files = [getattr(module, "__file__", None) or "" for module in modules]
cached = [getattr(module, "__cached__", None) or "" for module in modules]
print(json.dumps({"modules": sorted(sys.modules), "files": files, "cached": cached}))
"""
#: 4.0 MB today. What comes in addition had better be worth its cold start.
LARGEST = Size(unzipped=9_500_000, zipped=4_500_000)


def handlers() -> list[str]:
    """Name the modules of the invoker that Lambda calls."""
    return sorted(
        f"invoker.{path.stem}"
        for path in (PROJECT / "invoker").glob("*.py")
        if any(
            isinstance(node, ast.FunctionDef) and node.name == "handler"
            for node in ast.parse(path.read_text()).body
        )
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemble(PROJECT, tmp_path_factory.mktemp("bundles"), python=Path(sys.executable))


def spelled(value: object) -> str:
    """Give a template's value with something in place of what only a deployment knows."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(spelled, parts))
        case str():
            return value
        case _:
            return "deployed"


def import_alone(bundle: Path, module: str, environ: Mapping[str, object]) -> dict[str, list[str]]:
    answer = subprocess.run(  # noqa: S603 - this interpreter, on our own code
        [sys.executable, "-I", "-S", "-B", "-c", ISOLATED, str(bundle), module],
        env={name: spelled(value) for name, value in environ.items()} | LAMBDAS_OWN,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    found: dict[str, list[str]] = json.loads(answer.stdout)
    return found


@pytest.fixture(scope="module")
def environments(in_full: Synthesised) -> dict[str, dict[str, object]]:
    """The variables that each function of the bundle is deployed with."""
    functions = [each["Properties"] for each in in_full.of_type("AWS::Lambda::Function").values()]
    return {
        each["Handler"].removesuffix(".handler"): each["Environment"]["Variables"]
        for each in functions
        if each["Handler"].startswith("invoker.")
    }


@pytest.fixture(scope="module")
def imported(
    bundle: Path, environments: dict[str, dict[str, object]]
) -> dict[str, dict[str, list[str]]]:
    return {
        handler: import_alone(bundle, handler, variables)
        for handler, variables in environments.items()
    }


def test_every_handler_is_deployed(environments: dict[str, dict[str, object]]) -> None:
    assert sorted(environments) == handlers()


@pytest.mark.parametrize("handler", handlers())
def test_a_handler_imports_with_nothing_but_the_bundle_and_its_variables(
    imported: dict[str, dict[str, list[str]]], handler: str
) -> None:
    outside = [file for file in imported[handler]["files"] if "site-packages" in file]

    assert handler in imported[handler]["modules"]
    assert outside == []


def test_what_the_bundle_holds_besides_our_own_is_imported_by_some_handler(
    bundle: Path, imported: dict[str, dict[str, list[str]]]
) -> None:
    held = {path.stem for path in bundle.iterdir()} - {"__pycache__", *PACKAGES}
    used = {name.partition(".")[0] for found in imported.values() for name in found["modules"]}

    assert held - used == set()


def test_no_handler_compiles_what_it_imports(
    bundle: Path, imported: dict[str, dict[str, list[str]]]
) -> None:
    ours = [
        cached for found in imported.values() for cached in found["cached"] if str(bundle) in cached
    ]

    assert ours
    assert [cached for cached in ours if not Path(cached).is_file()] == []


def test_byte_code_is_not_compared_with_its_source(bundle: Path) -> None:
    # Bits 0 and 1 of the flags: by hash, and checked. A zip keeps no time that could be compared.
    flags = {path.read_bytes()[4:8] for path in bundle.rglob("*.pyc")}

    assert flags == {b"\1\0\0\0"}


def test_a_bundle_without_an_interpreter_to_compile_it_has_no_byte_code(tmp_path: Path) -> None:
    made = assemble(PROJECT, tmp_path, python=None)

    assert [*made.rglob("*.pyc"), *made.rglob("*.so")] == []


def test_the_approvals_handler_loads_nothing_of_the_others(
    imported: dict[str, dict[str, list[str]]],
) -> None:
    modules = set(imported["invoker.approvals"]["modules"])

    assert not {"sqlite3", "boto3.s3.inject", "invoker.actions"} & modules


def test_the_handler_loads_nothing_it_rarely_uses(
    imported: dict[str, dict[str, list[str]]],
) -> None:
    # The second comes with a client of S3, which is for payloads too large for an item.
    unused = {"sqlite3", "boto3.s3.inject", "runs.journal.sqlite", "asyncio", "difflib"}
    unused |= {"runs.letters", "runs.links", "itsdangerous"}

    assert not unused & set(imported["invoker.start"]["modules"])


def test_the_bundle_holds_the_invoker_and_no_agent(bundle: Path) -> None:
    found = {path.name for path in bundle.iterdir()}

    assert {*PACKAGES, "boto3", "botocore"} <= found
    assert not {"agent", "cli", "infra", "local", "strands", "bedrock_agentcore"} & found


def test_the_bundle_holds_the_api_models_of_the_clients_it_makes(bundle: Path) -> None:
    models = {path.name for path in (bundle / "botocore" / "data").iterdir() if path.is_dir()}

    assert models == services_called(PROJECT, *PACKAGES)
    assert {"bedrock-agentcore", "dynamodb", "s3", "secretsmanager", "sqs"} <= models


def test_its_clients_have_the_end_points_that_botocore_knows(bundle: Path) -> None:
    known, kept = (
        json.loads((folder / "botocore" / "data" / "endpoints.json").read_text())["partitions"]
        for folder in (Path(botocore.__file__).parents[1], bundle)
    )

    for whole, part in zip(known, kept, strict=True):
        assert part["regions"] == whole["regions"]
        assert all(whole["services"][name] == value for name, value in part["services"].items())
    assert {"dynamodb", "s3", "states"} <= set(kept[0]["services"])


def test_a_client_of_a_service_that_is_not_named_is_refused(tmp_path: Path) -> None:
    (tmp_path / "invoker").mkdir()
    (tmp_path / "invoker" / "start.py").write_text("\nclient = boto3.client(name)\n")

    with pytest.raises(ValueError, match=r"start.py:2: boto3.client\(name\), expected the service"):
        services_called(tmp_path, "invoker")


def test_the_bundle_is_small(bundle: Path) -> None:
    size = size_of(bundle)

    assert size.fits(LARGEST), f"{size}, at most {LARGEST}"


def test_equal_code_makes_one_bundle(bundle: Path) -> None:
    before = sorted(path.stat().st_mtime_ns for path in bundle.rglob("*"))

    again = assemble(PROJECT, bundle.parent, python=Path(sys.executable))

    assert again == bundle
    assert sorted(path.stat().st_mtime_ns for path in bundle.rglob("*")) == before
    assert [path.name for path in bundle.parent.iterdir()] == [bundle.name]


def test_equal_code_makes_equal_bundles_wherever_they_are(bundle: Path, tmp_path: Path) -> None:
    again = assemble(PROJECT, tmp_path / "elsewhere", python=Path(sys.executable))

    assert again.name == bundle.name
    assert contents(again) == contents(bundle)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A project with modules of its own, and the same needs."""
    project = tmp_path / "project"
    for package in PACKAGES:
        (project / package).mkdir(parents=True)
        (project / package / "__init__.py").write_text('"""Another."""\n')
    shutil.copy(PROJECT / "pyproject.toml", project)
    return project


def test_other_code_makes_another_bundle(bundle: Path, other: Path, tmp_path: Path) -> None:
    assert assemble(other, tmp_path / "bundles", python=None).name != bundle.name


def test_bundles_of_older_code_are_removed(other: Path, tmp_path: Path) -> None:
    made = []
    for number in range(7):
        (other / "invoker" / "start.py").write_text(f"NUMBER = {number}\n")
        made.append(assemble(other, tmp_path / "bundles", python=None))

    assert set((tmp_path / "bundles").iterdir()) == set(made[2:])
