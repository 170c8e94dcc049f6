"""Which AWS services code makes clients of, read from the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

from infra.assembling import python_files


def services_called(project: Path, *packages: str) -> frozenset[str]:
    """Name the services that packages call `boto3.client` for.

    Raises:
        ValueError: A call does not name its service: what it needs can't be told.
    """
    return frozenset(
        service
        for path in python_files(project, *packages).values()
        for service in _services_in(path)
    )


def _services_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "boto3.client":
            service = node.args[0] if node.args else None
            if not isinstance(service, ast.Constant) or not isinstance(service.value, str):
                msg = f"{path}:{node.lineno}: {ast.unparse(node)}, expected the service's name"
                raise ValueError(msg)
            yield service.value
