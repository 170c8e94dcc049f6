import importlib
import os

import pytest

from bench.loaded_modules import libraries
from bench.processes import output_of


def test_installed_modules_are_libraries_and_nothing_else_is() -> None:
    names = libraries()

    assert "pytest" in names
    assert not {"json", "bench.loaded_modules", "builtins", "__main__"} & set(names)


def test_libraries_can_be_imported_by_their_names_alone() -> None:
    # It puts aliases of the standard library's modules among the loaded ones.
    importlib.import_module("six.moves")

    names = [name for name in libraries() if name.startswith("six")]

    assert names == ["six"]


def test_a_process_that_fails_is_an_error_with_what_it_said() -> None:
    with pytest.raises(RuntimeError, match="ended with code 3: too bad"):
        output_of(
            ["-c", "import sys; sys.stderr.write('too bad'); sys.exit(3)"], environ=os.environ
        )
