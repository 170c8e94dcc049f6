"""The agent's folders for AgentCore and Lambda, made with real wheels.

They are those that a deployment takes, so that they are made once; that asks the package index.
"""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from agent.versions import version_of
from agent.workflows import cost_analysis
from infra.agent_code import ENTRY_POINT, FOLDER, HANDLER, Home, assemble_agent, limit_of
from infra.elf import machine_code_in
from infra.interpreter import PYTHON, matching_interpreter
from infra.settings import PROJECT
from infra.sizes import Size, size_of, unzipped_size_of
from infra.wheels import WheelsError, check_loadable, install

pytestmark = pytest.mark.timeout(300)

X86, AARCH64 = 62, 183


@pytest.fixture(scope="module", params=list(Home), ids=str)
def home(request: pytest.FixtureRequest) -> Home:
    found: Home = request.param
    return found


@pytest.fixture(scope="module")
def code(home: Home) -> Path:
    try:
        return assemble_agent(PROJECT, FOLDER, home=home)
    except WheelsError as error:
        if "Failed to fetch" in str(error) or "error sending request" in str(error):
            pytest.skip(f"no package index can be reached: {error}")
        raise


def test_what_starts_it_is_there(code: Path) -> None:
    module = HANDLER.rpartition(".")[0].replace(".", "/")

    assert (code / ENTRY_POINT[-1]).is_file()
    assert (code / f"{module}.py").is_file()
    assert (code / "data" / "sample-bill.csv.gz").is_file()
    assert (code / "strands").is_dir()


def test_the_script_runs_wherever_it_is_unpacked(code: Path) -> None:
    script = code / "bin" / ENTRY_POINT[0]

    assert script.read_text().startswith("#!/usr/bin/env python3\n")
    assert os.access(script, os.X_OK)


def test_all_machine_code_is_for_the_platform(code: Path) -> None:
    check_loadable(code)

    found = [*machine_code_in(code)]
    assert len(found) > 50
    assert {each.is_aarch64 for each in found} == {True}


def test_it_fits_into_what_the_service_takes(code: Path, home: Home) -> None:
    limit = limit_of(home)
    unzipped = unzipped_size_of(code)
    # Zipping takes seconds: only where it may be too large as it is.
    size = Size(unzipped, unzipped) if unzipped <= limit.zipped else size_of(code)

    assert size.fits(limit), f"{size}, at most {limit}"


def test_others_may_read_it(code: Path) -> None:
    unreadable = [path for path in code.rglob("*") if not path.stat().st_mode & 0o004]

    assert unreadable == []


def test_our_code_has_byte_code_where_it_can_be_made(code: Path) -> None:
    tag = f"cpython-{PYTHON.replace('.', '')}"
    modules = {path for name in ("agent", "runs") for path in (code / name).rglob("*.py")}
    compiled = {
        path for path in modules if (path.parent / f"__pycache__/{path.stem}.{tag}.pyc").is_file()
    }

    assert modules
    assert compiled == (modules if matching_interpreter(os.environ) else set())


def test_equal_code_is_made_once(code: Path, home: Home) -> None:
    assert assemble_agent(PROJECT, FOLDER, home=home) == code


def test_a_workflow_has_the_version_of_the_checkout(code: Path) -> None:
    # Its wheels lie beside it: they are no part of what a workflow is.
    script = (
        "import importlib.util, sys; sys.path[:0] = [sys.argv[1]]\n"
        "import agent.versions, types\n"
        "module = types.ModuleType('agent.workflows.cost_analysis')\n"
        "module.__file__ = sys.argv[1] + '/agent/workflows/cost_analysis.py'\n"
        "module.__package__ = 'agent.workflows'\n"
        "print(agent.versions.version_of(module))\n"
    )
    answer = subprocess.run(  # noqa: S603 - this interpreter, on our own code
        [sys.executable, "-I", "-B", "-c", script, str(code)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.strip() == version_of(cost_analysis)


def elf(folder: Path, name: str, *, machine: int, symbols: bytes = b"") -> None:
    """Write what begins as a shared library does."""
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    (folder / name).write_bytes(identity + struct.pack("<HH", 3, machine) + bytes(40) + symbols)


@pytest.mark.parametrize(
    ("name", "machine", "symbols", "wrong"),
    [
        ("a.cpython-313-aarch64-linux-gnu.so", X86, b"", "is not for aarch64"),
        ("a.cpython-311-aarch64-linux-gnu.so", AARCH64, b"", "is for cpython-311, expected"),
        ("liba.so.1", AARCH64, b"\0GLIBC_2.38\0", "needs glibc 2.38, expected 2.34"),
    ],
)
def test_machine_code_of_another_platform_is_refused(
    tmp_path: Path, name: str, machine: int, symbols: bytes, wrong: str
) -> None:
    elf(tmp_path, name, machine=machine, symbols=symbols)

    with pytest.raises(WheelsError, match=f"{name} {wrong}"):
        check_loadable(tmp_path)


def test_machine_code_of_the_platform_is_taken(tmp_path: Path) -> None:
    elf(tmp_path, "a.abi3.so", machine=AARCH64, symbols=b"\0GLIBC_2.17\0GLIBC_2.34\0")
    (tmp_path / "text.so").write_text("no machine code")

    check_loadable(tmp_path)

    assert [each.glibc_minor for each in machine_code_in(tmp_path)] == [34]


def test_requirements_without_wheels_are_an_error_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("./nowhere\n")

    with pytest.raises(WheelsError, match=r"(?s)can't unpack the agent's requirements .*nowhere"):
        install(("--requirements", "requirements.txt"), tmp_path / "into", project=tmp_path)


def test_a_folder_that_could_not_be_made_is_not_there(tmp_path: Path) -> None:
    for name in ("agent", "runs", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "requirements.txt").write_text("./nowhere\n")

    with pytest.raises(WheelsError):
        assemble_agent(tmp_path, tmp_path / "made")

    assert [path for path in (tmp_path / "made").rglob("*") if path.is_file()] == []


def test_sizes_say_megabytes(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(2_500_000))

    size = size_of(tmp_path)

    assert size.unzipped == 2_500_000
    assert str(size).startswith("2.5 MB, zipped 0.0 MB")
    assert not size.fits(Size(unzipped=2_499_999, zipped=2_500_000))
