"""A synthesised cloud assembly: the template and the files it needs, as the CDK wrote them."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.environment import ACCOUNT, REGION

_PLACES = {
    "${AWS::AccountId}": ACCOUNT,
    "${AWS::Region}": REGION,
    "${AWS::Partition}": "aws",
}
#: A zip can't hold earlier dates; one date for all makes equal folders equal archives.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file or a folder, and the place in S3 where the template expects it."""

    source: Path
    is_zipped: bool
    bucket: str
    key: str

    def read(self) -> bytes:
        """Give the bytes to upload."""
        return _archive(self.source) if self.is_zipped else self.source.read_bytes()


@dataclass(frozen=True, slots=True)
class Assembly:
    """The one stack of a cloud assembly."""

    stack_name: str
    template: str
    assets: tuple[Asset, ...]

    @property
    def parameters(self) -> frozenset[str]:
        """The names of the template's parameters."""
        return frozenset(json.loads(self.template).get("Parameters", {}))


def read_assembly(folder: Path) -> Assembly:
    """Read the assembly in a folder.

    Raises:
        ValueError: It does not hold exactly one stack.
    """
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
    stacks = [
        (name, artifact)
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    ]
    if len(stacks) != 1:
        names = sorted(name for name, _ in stacks)
        msg = f"assembly {folder} holds the stacks {names}, expected exactly one"
        raise ValueError(msg)
    name, stack = stacks[0]
    properties = stack["properties"]
    return Assembly(
        stack_name=properties.get("stackName", name),
        template=(folder / properties["templateFile"]).read_text(),
        assets=tuple(_assets(folder, artifacts)),
    )


def _assets(folder: Path, artifacts: Mapping[str, Any]) -> Iterator[Asset]:
    for artifact in artifacts.values():
        if artifact["type"] != "cdk:asset-manifest":
            continue
        manifest = json.loads((folder / artifact["properties"]["file"]).read_text())
        for file in manifest["files"].values():
            source = file["source"]
            for destination in file["destinations"].values():
                yield Asset(
                    source=folder / source["path"],
                    is_zipped=source["packaging"] == "zip",
                    bucket=_placed(destination["bucketName"]),
                    key=_placed(destination["objectKey"]),
                )


def _placed(text: str) -> str:
    for token, value in _PLACES.items():
        text = text.replace(token, value)
    return text


def _archive(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        # Stored, not deflated: the emulator is on this machine, and deflating boto3 takes a second.
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                info = zipfile.ZipInfo(str(path.relative_to(folder)), _EPOCH)
                info.external_attr = (path.stat().st_mode & 0xFFFF) << 16
                archive.writestr(info, path.read_bytes())
    return buffer.getvalue()
