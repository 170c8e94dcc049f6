import importlib

import pytest

from bench.__main__ import NAMES, main


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_a_module_that_measures(name: str) -> None:
    assert callable(importlib.import_module(f"bench.{name}").measure)


def test_an_unknown_name_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["entrypiont"])

    assert ended.value.code == 2
    assert "unknown: entrypiont; there are: entrypoint, startup" in capsys.readouterr().err
