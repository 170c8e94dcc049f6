"""Which version of a workflow's code this is, if its author does not say: a digest of its sources.

Its own modules, and what they import from where they come from, count; installed packages do not,
and neither do those that lie beside them in a zip for AgentCore or Lambda.
Errand's engine has a digest of its own, so that a person sees which of the two has changed.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import runs

#: The folders of Errand's engine, and within them the one of the workflows that ship.
_ENGINE = (Path(__file__).parent, Path(runs.__file__).parent)
_SHIPPED = Path(__file__).parent / "workflows"
#: Characters of a digest that are shown.
_OWN, _ENGINES = 12, 8
_INSTALLED = "site-packages"


def version_of(module: ModuleType) -> str:
    """Give the version of the workflow whose handler a module has: `3f9c2a1b7d04+errand.5d21c0aa`.

    Reads source files and imports nothing. Files that are no Python modules do not count: the
    author of a workflow that lives by its data declares a version.
    """
    own = _digest(sorted(_sources(module)))
    return f"{own[:_OWN]}+errand.{engine_version()}"


@cache
def engine_version() -> str:
    """Give the digest of Errand's own modules, without the workflows that ship."""
    files = {file for folder in _ENGINE for file in folder.rglob("*.py")}
    return _digest(sorted(file for file in files if not file.is_relative_to(_SHIPPED)))[:_ENGINES]


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        # Each hashed by itself: what moves from one file to the next is a change, too. Without
        # their folders, which are others in a container.
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _sources(module: ModuleType) -> set[Path]:
    """Find the files of a module and of all it imports from the same place."""
    if module.__file__ is None or not module.__file__.endswith(".py"):
        return set()
    root = Path(module.__file__).parents[_depth(module)]
    found: set[Path] = set()
    names = [module.__name__]
    while names:
        for name in _with_parents(names.pop()):
            file = _file(root, name)
            if file is None or file in found or not _is_own(file, name, module, root=root):
                continue
            found.add(file)
            names += _imported(file, package=name if _is_package(file) else _parent(name))
    return found


def _depth(module: ModuleType) -> int:
    """Count the folders between a module's file and where its import began."""
    is_package = module.__name__ == module.__package__
    return module.__name__.count(".") + is_package


def _is_own(file: Path, name: str, module: ModuleType, *, root: Path) -> bool:
    is_engine = any(file.is_relative_to(folder) for folder in _ENGINE)
    if is_engine and not file.is_relative_to(_SHIPPED):
        return False
    # Of a workflow that is installed itself, its own package counts, and not its neighbours.
    top = name.partition(".")[0]
    is_installed = _INSTALLED in file.parts or top in _installed_in(root)
    return not is_installed or top == module.__name__.partition(".")[0]


@cache
def _installed_in(root: Path) -> frozenset[str]:
    """Name the packages that an installer has put into a folder and keeps records of there."""
    return frozenset(
        line.partition(",")[0].partition("/")[0].removesuffix(".py")
        for record in root.glob("*.dist-info/RECORD")
        for line in record.read_text(encoding="utf-8").splitlines()
    )


def _file(root: Path, name: str) -> Path | None:
    path = root.joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if file.is_file():
            return file
    return None


def _is_package(file: Path) -> bool:
    return file.name == "__init__.py"


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def _with_parents(name: str) -> Iterator[str]:
    """Give a module's name and those of the packages it is in: importing it runs them, too."""
    while name:
        yield name
        name = _parent(name)


def _imported(file: Path, *, package: str) -> Iterator[str]:
    """Name what a file's import statements may name, wherever in the file they stand."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        # Nobody has imported it yet. Whoever does is told of it better than here.
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            # What is imported may be a module of that package, or a name in it.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, node.module] if node.module else above)
