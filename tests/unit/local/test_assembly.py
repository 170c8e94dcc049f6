"""Reading a cloud assembly."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from local.assembly import read_assembly

STACK = {
    "type": "aws:cloudformation:stack",
    "properties": {"templateFile": "s.template.json", "stackName": "errand-local"},
}
ASSETS = {"type": "cdk:asset-manifest", "properties": {"file": "s.assets.json"}}
BUCKET = "cdk-${AWS::Partition}-${AWS::AccountId}-${AWS::Region}"
FILES = {
    "code": {
        "source": {"path": "asset.code", "packaging": "zip"},
        "destinations": {"here": {"bucketName": BUCKET, "objectKey": "code.zip"}},
    },
    "text": {
        "source": {"path": "s.template.json", "packaging": "file"},
        "destinations": {"here": {"bucketName": BUCKET, "objectKey": "s.json"}},
    },
}


def write_assembly(folder: Path, artifacts: dict[str, object]) -> Path:
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    (folder / "s.template.json").write_text(json.dumps({"Parameters": {"RuntimeArn": {}}}))
    (folder / "s.assets.json").write_text(json.dumps({"files": FILES}))
    cache = folder / "asset.code" / "runs" / "__pycache__"
    cache.mkdir(parents=True)
    (cache / "run.cpython-311.pyc").write_bytes(b"\0")
    (cache.parent / "run.py").write_text("RUN = 1\n")
    return folder


def test_the_stack_its_parameters_and_its_assets_are_found(tmp_path: Path) -> None:
    assembly = read_assembly(write_assembly(tmp_path, {"s": STACK, "s.assets": ASSETS}))

    assert assembly.stack_name == "errand-local"
    assert assembly.parameters == {"RuntimeArn"}
    assert {(asset.bucket, asset.key) for asset in assembly.assets} == {
        ("cdk-aws-000000000000-us-east-1", "code.zip"),
        ("cdk-aws-000000000000-us-east-1", "s.json"),
    }


def test_a_folder_is_packed_without_bytecode_and_always_the_same(tmp_path: Path) -> None:
    assembly = read_assembly(write_assembly(tmp_path, {"s": STACK, "s.assets": ASSETS}))
    code = next(asset for asset in assembly.assets if asset.is_zipped)

    archive = code.read()

    assert zipfile.ZipFile(io.BytesIO(archive)).namelist() == ["runs/run.py"]
    assert code.read() == archive


def test_a_file_is_uploaded_as_it_is(tmp_path: Path) -> None:
    folder = write_assembly(tmp_path, {"s": STACK, "s.assets": ASSETS})
    text = next(asset for asset in read_assembly(folder).assets if not asset.is_zipped)

    assert text.read() == (folder / "s.template.json").read_bytes()


@pytest.mark.parametrize("artifacts", [{}, {"a": STACK, "b": STACK}])
def test_an_assembly_of_no_or_several_stacks_is_refused(
    tmp_path: Path, artifacts: dict[str, object]
) -> None:
    folder = write_assembly(tmp_path, artifacts)

    with pytest.raises(ValueError, match="expected exactly one"):
        read_assembly(folder)
